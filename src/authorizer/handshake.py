"""A client's way in as the authorizer's event tells it, read at the border into one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Protocol, find_token, negotiate, subprotocols
from chat.protocol.rooms import first_room


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client sends with its handshake; nothing of it is checked, but for the room's name."""

    connection_id: str
    arn: str  # of the route $connect, which a policy allows or denies
    protocol: Protocol
    room: str  # where it speaks when it names no room
    client: str | None
    name: str | None
    token: str | None
    origin: str | None

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Handshake:
        """From an event of a REQUEST authorizer."""
        query = event.get("queryStringParameters") or {}
        rooms = (event.get("multiValueQueryStringParameters") or {}).get("room") or []
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        offered = subprotocols(headers.get("sec-websocket-protocol"))
        return cls(
            connection_id=event["requestContext"]["connectionId"],
            arn=event["methodArn"],
            # An offer that we do not speak is refused by $connect, which can say so with a status of its own.
            protocol=negotiate(offered) or "plain",
            room=first_room(rooms),
            client=query.get("client"),
            name=query.get("name"),
            token=find_token(offered, headers.get("authorization"), query.get("token")),
            origin=headers.get("origin"),
        )
