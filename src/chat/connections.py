"""Who is connected, and who is in which room."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.errors import NotAMember, NotConnected
from chat.identity import Identity, Protocol
from chat.rooms import key_part

# API Gateway closes a socket after two hours, and `$disconnect` is best effort.
CONNECTION_TTL = timedelta(hours=2, minutes=10)
PAGE = 1_000  # members read at a time: about 200 KB


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
            raise NotAMember("Join the room before you send to it.") from None

    def members(self, room: str) -> Iterator[list[Member]]:
        """The members of a room, a page at a time, read strongly consistent.

        Whoever had connected when a message was sent must hear it, so a page may not lag behind. Expired rows
        are left out here: DynamoDB deletes them only hours or days later.
        """
        start: dict[str, Any] = {}
        while True:
            page = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="pk = :room",
                ExpressionAttributeValues={":room": f"ROOM#{key_part(room)}"},
                ProjectionExpression="sk, protocol, connected_at, expires_at",
                ConsistentRead=True,
                Limit=PAGE,
                **start,
            )
            now = self._now()
            yield [
                Member(item["sk"][_HASH_DIGITS:], item["protocol"], int(item["connected_at"]))
                for item in page["Items"]
                if item["expires_at"] > now
            ]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


_HASH_DIGITS = 4


def _connection_key(connection_id: str) -> dict[str, Any]:
    return {"pk": f"CONN#{connection_id}", "sk": "CONN"}


def _membership_key(room: str, connection_id: str) -> dict[str, Any]:
    spread = hashlib.sha256(connection_id.encode()).hexdigest()[:_HASH_DIGITS]
    return {"pk": f"ROOM#{key_part(room)}", "sk": spread + connection_id}
