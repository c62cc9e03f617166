"""The fields of a message event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat.actions.context import Sender
from chat.identity.grants import Grants
from chat.identity.identity import Identity
from chat.moderation import MODERATOR


@dataclass(frozen=True, slots=True)
class Call:
    """A frame, its route, and its sender as the authorizer identified it."""

    sender: Sender
    route: str
    body: str | None
    expires_at: int | None = None  # seconds since 1970, when the sender's token ends; None without a token

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Call:
        request = event["requestContext"]
        author = request["authorizer"]
        # The authorizer's empty values: whether API Gateway passes them on is not documented.
        grants, roles = author.get("grants") or "", author.get("roles") or ""
        end = author.get("expires_at")
        expires_at = int(end) if end else None
        # Counted from when API Gateway took the frame.
        expires_in = None if expires_at is None else max(0, expires_at - request["requestTimeEpoch"] // 1000)
        sender = Sender(
            request["connectionId"],
            Identity(author["user"], author["name"], author["protocol"]),
            author["room"],
            Grants.parse(grants, author["user"]),
            MODERATOR in roles.split(),
            expires_in,
        )
        return cls(sender, request["routeKey"], event.get("body"), expires_at)
