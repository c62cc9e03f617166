"""The fields of an authorizer's event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import handshake_event
from chat.identity.identity import Protocol
from chat.protocol.rooms import first_room
from chat.protocol.subprotocol import find_token, negotiate, offers


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client sends with its handshake. Only the room's name is checked."""

    connection_id: str
    arn: str  # of the route $connect, which a policy allows or denies
    protocol: Protocol
    room: str  # for frames that name no room
    client: str | None
    name: str | None
    token: str | None
    origin: str | None

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Handshake:
        """Read an event of a REQUEST authorizer."""
        offered = offers(handshake_event.header(event, "sec-websocket-protocol"))
        return cls(
            connection_id=event["requestContext"]["connectionId"],
            arn=event["methodArn"],
            # $connect rejects unknown subprotocols, because it can answer with an HTTP status of its own.
            protocol=negotiate(offered) or "plain",
            room=first_room(handshake_event.rooms(event)),
            client=handshake_event.query(event, "client"),
            name=handshake_event.query(event, "name"),
            token=find_token(
                offered,
                handshake_event.header(event, "authorization"),
                handshake_event.query(event, "token"),
            ),
            origin=handshake_event.header(event, "origin"),
        )
