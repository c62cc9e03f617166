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
        """Stores a connection and its memberships, all or nothing. `rooms` are 99 at most."""
        rooms = tuple(rooms)
        who = {
            "user": connection.identity.user,
            "name": connection.identity.name,
            "protocol": connection.identity.protocol,
            "connected_at": connection.connected_at,
            "expires_at": int(self._now() + CONNECTION_TTL.total_seconds()),
        }
        in_rooms = {"rooms": set(rooms)} if rooms else {}  # DynamoDB has no empty set
        items = [_connection_key(connection.id) | who | in_rooms | {"sent": 0}]
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
        rooms = frozenset(old.get("rooms", ()))
        for room in rooms:
            self._dynamodb.delete_item(TableName=self._table, Key=_membership_key(room, connection_id))
        return Closed(rooms, int(old["sent"]))

    def rooms(self, connection_id: str) -> frozenset[str]:
        """The rooms that a connection is in now. Raises NotConnected."""
        return frozenset(self._read(connection_id).get("rooms", ()))

    def join(self, connection_id: str, room: str) -> None:
        """Makes a connection a member of a room, if it is not yet. Raises NotConnected."""
        connection = self._read(connection_id)
        if room in connection.get("rooms", ()):
            return  # a unit read instead of four written: all rooms of a reconnect are asked for twice
        who = {name: connection[name] for name in ("user", "name", "protocol", "connected_at", "expires_at")}
        membership = {"TableName": self._table, "Item": _membership_key(room, connection_id) | who}
        self._change_rooms(connection_id, "ADD rooms :room", room, {"Put": membership})

    def leave(self, connection_id: str, room: str) -> None:
        """Ends a connection's membership of a room, if it has one. Raises NotConnected."""
        membership = {"TableName": self._table, "Key": _membership_key(room, connection_id)}
        self._change_rooms(connection_id, "DELETE rooms :room", room, {"Delete": membership})

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
                raise NotConnected(NOT_CONNECTED) from None
            raise NotAMember(NOT_A_MEMBER) from None

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

    def _read(self, connection_id: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_connection_key(connection_id), ConsistentRead=True
        )
        item: dict[str, Any] = answer.get("Item", {})
        if not item or item["expires_at"] <= self._now():
            raise NotConnected(NOT_CONNECTED)
        return item

    def _change_rooms(self, connection_id: str, change: str, room: str, membership: dict[str, Any]) -> None:
        """Both together, and only while the connection is there: it may close at any moment, and what it
        leaves behind then would be posted to for two hours.
        """
        connection = {
            "TableName": self._table,
            "Key": _connection_key(connection_id),
            "UpdateExpression": change,
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":room": {room}},
        }
        try:
            self._dynamodb.transact_write_items(TransactItems=[{"Update": connection}, membership])
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            if not reasons or reasons[0]["Code"] != "ConditionalCheckFailed":
                raise
            raise NotConnected(NOT_CONNECTED) from None


NOT_CONNECTED = "This connection is not known any more: connect again."
NOT_A_MEMBER = "This connection has not joined the room."
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
