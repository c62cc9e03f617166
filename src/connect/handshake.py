"""The fields of a $connect event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import handshake_event
from chat.identity.grants import Grants
from chat.identity.identity import Identity
from chat.protocol.rooms import asked_rooms
from chat.protocol.subprotocol import negotiate, offers
from chat.storage.connections import Connection


class InvalidHandshake(Exception):
    """An event that is not a handshake, or offers no subprotocol that this chat speaks."""

    code = "invalid_handshake"


@dataclass(frozen=True, slots=True)
class Handshake:
    """A connection that the authorizer has let in, and the rooms that it asks for."""

    connection: Connection
    rooms: tuple[str, ...]
    grants: Grants

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Handshake:
        """Raises InvalidHandshake and InvalidRoom."""
        request = event["requestContext"]
        if request["eventType"] != "CONNECT":  # a client's frame can name any route
            raise InvalidHandshake(f"not a connect event but {request['eventType']}")
        protocol = negotiate(offers(handshake_event.header(event, "sec-websocket-protocol")))
        if protocol is None:
            raise InvalidHandshake("no supported subprotocol")
        author = request["authorizer"]
        identity = Identity(author["user"], author["name"], protocol)
        # The authorizer's empty values: whether API Gateway passes them on is not documented.
        grants, end = author.get("grants") or "", author.get("expires_at")
        expires_at = int(end) if end else None
        connection = Connection(request["connectionId"], identity, request["connectedAt"], expires_at)
        inbox_of = identity.user if handshake_event.query(event, "inbox") == "1" else None
        rooms = asked_rooms(handshake_event.rooms(event), inbox_of)
        return cls(connection, rooms, Grants.parse(grants, identity.user))
