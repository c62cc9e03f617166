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
        sender = Sender(
            request["connectionId"],
            Identity(author["user"], author["name"], author["protocol"]),
            author["room"],
            Grants.parse(grants),
            MODERATOR in roles.split(),
            expires_in(request),
        )
        end = author.get("expires_at")
        return cls(sender, request["routeKey"], event.get("body"), int(end) if end else None)


def expires_in(request: dict[str, Any]) -> int | None:
    """Return how many seconds the token lasted when API Gateway took the frame; None without a token."""
    end = request["authorizer"].get("expires_at")
    return max(0, int(end) - request["requestTimeEpoch"] // 1000) if end else None
