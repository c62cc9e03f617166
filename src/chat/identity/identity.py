"""Who a user is: as a person in a room, on a connection, and as the authorizer lets the user in."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeGuard

from chat.identity.characters import is_printable, looks_empty
from chat.identity.grants import EVERY_ROOM

type Protocol = Literal["plain", "v1"]

MAX_USER = 128  # characters
MAX_NAME = 64  # characters
# These marks change the direction of the text around them: a name could turn the text beside it.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Person:
    """A person as others in a room see them: `user` never changes, `name` is what they call themselves."""

    user: str
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A person on a connection, and what the connection speaks."""

    user: str
    name: str
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class Authorization:
    """A user who may connect, and what the user may do."""

    identity: Identity
    grants: str = EVERY_ROOM  # patterns of rooms, separated by spaces, as Grants.parse reads them
    roles: str = ""  # separated by spaces
    expires_at: int | None = None  # seconds since 1970, when its connection ends; None for never


class AuthError(Exception):
    """A client that may not connect. `reason` is a code for the log, with nothing that the client sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def anonymous_identity(
    *, client: str | None, name: str | None, connection_id: str, protocol: Protocol
) -> Identity:
    """Return the identity of a client that need not prove who it is.

    `client` is a random id that the client keeps secret, so that a person is one user over tabs and
    reconnects. Frames show only its hash: nobody can take over a user by reading frames. Without `client`,
    the user lasts as long as the connection.
    """
    source = f"client:{client}" if client else f"connection:{connection_id}"
    user = _hash(source)
    return Identity(user, sanitize_name(name or "") or f"Guest {user[:4]}", protocol)


def token_identity(*, user: str, name: str, protocol: Protocol) -> Identity:
    """Return the identity of the user that a token names."""
    return Identity(user, sanitize_name(name) or f"Guest {_hash(user)[:4]}", protocol)


def is_user(value: object) -> TypeGuard[str]:
    """True if this can name a person: 1 to 128 printable characters."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_USER and is_printable(value)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def sanitize_name(name: str) -> str:
    """Return a name that is safe to show beside others: one line of 64 characters, without control
    characters, private-use characters and direction marks. "" if it looks empty.

    RFC 8266 is the standard for nicknames; this keeps to the part that protects the text beside a name.
    """
    visible = (
        character
        for character in unicodedata.normalize("NFC", name)
        if character.isspace()
        or (unicodedata.category(character) not in {"Cc", "Cs", "Co"} and character not in _DIRECTION_MARKS)
    )
    cleaned = " ".join("".join(visible).split())[:MAX_NAME].rstrip()
    return "" if looks_empty(cleaned) else cleaned
