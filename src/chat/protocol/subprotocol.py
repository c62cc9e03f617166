"""The subprotocol that a client offers in its handshake (RFC 6455, section 1.9), and the token beside it."""

from __future__ import annotations

from collections.abc import Sequence

from chat.identity.identity import Protocol

SUBPROTOCOL = "roomcast.v1"  # a client that offers it speaks frames; a client that offers none is plain
TOKEN_OFFER = "token."  # the beginning of an offer that carries a token


def offers(header: str | None) -> tuple[str, ...]:
    """Return the subprotocols in a Sec-WebSocket-Protocol header, separated with or without spaces."""
    return tuple(offer for part in (header or "").split(",") if (offer := part.strip()))


def negotiate(offered: Sequence[str]) -> Protocol | None:
    """Return what to speak with a client, None if it offers only unknown subprotocols."""
    if not offered:
        return "plain"
    return "v1" if SUBPROTOCOL in offered else None


def find_token(offered: Sequence[str], authorization: str | None, query: str | None) -> str | None:
    """Return the client's token from the first of these places that has one.

    A browser can send a token only as a subprotocol beside the one that it speaks. Other clients have the
    Authorization header, and those that cannot set even that have `?token=`; but URLs end up in logs.
    """
    for offer in offered:
        if offer.startswith(TOKEN_OFFER):
            return offer.removeprefix(TOKEN_OFFER)
    scheme, _, credentials = (authorization or "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else query
