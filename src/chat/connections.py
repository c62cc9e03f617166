"""Who is connected, and who is in which room."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.dynamodb import batch_delete, batch_get
from chat.errors import NotAMember, NotConnected
from chat.identity import Identity, Protocol
from chat.rooms import key_part

# API Gateway closes a socket after two hours, and `$disconnect` is best effort.
CONNECTION_TTL = timedelta(hours=2, minutes=10)


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    identity: Identity
    connected_at: int  # milliseconds since 1970


@dataclass(frozen=True, slots=True)
class Member:
    """A connection in a room, as a broadcast sees it."""

    connection_id: str
    protocol: Protocol
    connected_at: int  # milliseconds since 1970


@dataclass(frozen=True, slots=True)
class Closed:
    """What a connection left behind when it went."""

    rooms: frozenset[str]
    sent: int  # messages it sent


class Connections:
    """The connections table.

    A connection is one item, a membership another, under its room and a hash of the connection's id: any
    range of that hash is a fair slice of the room, so that many readers can share one.
    """

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now

    def open(self, connection: Connection, rooms: Iterable[str]) -> None:
        """Stores a connection and its memberships, all or nothing. `rooms` are 1 to 99."""
        rooms = tuple(rooms)
        who = {
            "user": connection.identity.user,
            "name": connection.identity.name,
            "protocol": connection.identity.protocol,
            "connected_at": connection.connected_at,
            "expires_at": int(self._now() + CONNECTION_TTL.total_seconds()),
        }
        items = [_connection_key(connection.id) | who | {"rooms": set(rooms), "sent": 0}]
        items += [_membership_key(room, connection.id) | who for room in rooms]
        self._dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": self._table, "Item": item}} for item in items]
        )

    def close(self, connection_id: str) -> Closed | None:
        """Forgets a connection and its memberships; None when it was not known."""
        answer = self._dynamodb.delete_item(
            TableName=self._table, Key=_connection_key(connection_id), ReturnValues="ALL_OLD"
        )
        old = answer.get("Attributes")
        if old is None:
            return None
        rooms = frozenset(old.get("rooms", ()))  # DynamoDB has no empty set
        for room in rooms:
            self.leave(room, connection_id)
        return Closed(rooms, int(old["sent"]))

    def leave(self, room: str, connection_id: str) -> None:
        """Forgets a membership, whether or not its connection is known."""
        self._dynamodb.delete_item(TableName=self._table, Key=_membership_key(room, connection_id))

    def spend(self, connection_id: str, room: str) -> None:
        """Counts a message of a connection to a room, if it may send there.

        Raises NotConnected and NotAMember. The one write is also the check: no item is read for it.
        """
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_connection_key(connection_id),
                UpdateExpression="ADD sent :one",
                ConditionExpression="contains(rooms, :room) AND expires_at > :now",
                ExpressionAttributeValues={":one": 1, ":room": room, ":now": int(self._now())},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item = error.response.get("Item")
            if item is None or int(item["expires_at"]["N"]) <= self._now():
                raise NotConnected("This connection is not known any more: connect again.") from None
            raise NotAMember("This connection has not joined the room.") from None

    def forget(self, room: str, connection_ids: Sequence[str]) -> None:
        """Forgets connections that were found dead in a room, with all their memberships.

        The room's memberships too, not only what the connections' items say: they may be all that is left.
        """
        connections = [_connection_key(each) for each in connection_ids]
        keys = connections + [_membership_key(room, each) for each in connection_ids]
        for item in batch_get(self._dynamodb, self._table, connections, ["pk", "rooms"]):
            connection_id = item["pk"].removeprefix(_CONNECTION)
            keys += [_membership_key(other, connection_id) for other in item.get("rooms", set()) - {room}]
        batch_delete(self._dynamodb, self._table, keys)


HASH_DIGITS = 4
_CONNECTION = "CONN#"


def room_key(room: str) -> str:
    """The partition key of a room's memberships."""
    return f"ROOM#{key_part(room)}"


def _connection_key(connection_id: str) -> dict[str, Any]:
    return {"pk": _CONNECTION + connection_id, "sk": "CONN"}


def _membership_key(room: str, connection_id: str) -> dict[str, Any]:
    spread = hashlib.sha256(connection_id.encode()).hexdigest()[:HASH_DIGITS]
    return {"pk": room_key(room), "sk": spread + connection_id}
