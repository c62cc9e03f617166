"""Who a connection is, and how it speaks."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from chat.identity.grants import EVERY_ROOM

type Protocol = Literal["plain", "v1"]

SUBPROTOCOL = "roomcast.v1"  # a client that offers it speaks frames; one that offers none is plain
TOKEN_OFFER = "token."  # begins the subprotocol that carries a token
MAX_USER = 128  # characters
MAX_NAME = 64  # characters
# Marks that turn the direction of the text around them, and so of what stands beside a name.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Person:
    """A person as others in a room see them: `user` never changes, `name` is what they call themselves."""

    user: str
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person on a connection: `user` names the person for good, `name` is what the others see."""

    user: str
    name: str
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Authorization:
    """Somebody who is let in, and what they may do."""

    identity: Identity
    grants: str = EVERY_ROOM  # patterns of rooms, separated by spaces, as Grants.parse reads them
    roles: str = ""  # separated by spaces
    expires_at: int | None = None  # seconds since 1970, when it has to be proven anew; None for never


class AuthError(Exception):
    """A client that is not let in. `reason` is a short code for the log: it quotes nothing of what came."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def anonymous_identity(
    *, client: str | None, name: str | None, connection_id: str, protocol: Protocol
) -> Identity:
    """Who somebody is where nobody is asked to prove it.

    `client` is a random id that a client keeps for itself, so that a person is one user over tabs and
    reconnects. Only its hash is ever shown: nobody can become another by reading frames. Without one, the
    user lasts as long as the connection.
    """
    source = f"client:{client}" if client else f"connection:{connection_id}"
    user = _hash(source)
    return Identity(user, sanitize_name(name or "") or f"Guest {user[:4]}", protocol)


def token_identity(*, user: str, name: str, protocol: Protocol) -> Identity:
    """Who somebody is whom a token names."""
    return Identity(user, sanitize_name(name) or f"Guest {_hash(user)[:4]}", protocol)


def is_user(value: object) -> TypeGuard[str]:
    """True if this can name a person: 1 to 128 printable characters."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_USER and value.isprintable()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def sanitize_name(name: str) -> str:
    """`name` fit to be shown beside others: one line of 64 characters, no controls, no direction marks; ""
    where nothing of it can be seen.
    """
    visible = (
        character
        for character in unicodedata.normalize("NFC", name)
        if character.isspace()
        or (
            unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"}
            and character not in _DIRECTION_MARKS
        )
    )
    cleaned = " ".join("".join(visible).split())[:MAX_NAME].rstrip()
    # Joiners belong inside emoji and some scripts, but alone they show nothing.
    return cleaned if any(character.isprintable() for character in cleaned) else ""


def negotiate(offered: Sequence[str]) -> Protocol | None:
    """How a client speaks that offered these subprotocols; None when it offered only ones that we do not
    speak.
    """
    if not offered:
        return "plain"
    return "v1" if SUBPROTOCOL in offered else None


def subprotocols(header: str | None) -> tuple[str, ...]:
    """The subprotocols in a Sec-WebSocket-Protocol header, written with or without spaces."""
    return tuple(offer for part in (header or "").split(",") if (offer := part.strip()))


def find_token(offered: Sequence[str], authorization: str | None, asked: str | None) -> str | None:
    """The token that a client brings, if any, from the first of these places that has one.

    A browser can send it only as a subprotocol beside the one that is spoken. Other clients have the
    Authorization header, and those that cannot set even that, `?token=`; but URLs end up in logs.
    """
    for offer in offered:
        if offer.startswith(TOKEN_OFFER):
            return offer.removeprefix(TOKEN_OFFER)
    scheme, _, credentials = (authorization or "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else asked
