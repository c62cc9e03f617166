"""Who is connected, and who is in which room."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.identity.identity import Identity, Protocol
from chat.identity.people import Person
from chat.protocol.errors import Expired, Forbidden, NotAMember, NotConnected
from chat.protocol.rooms import key_part, room_key
from chat.storage.dynamodb import batch_delete, batch_get, old_item, transact
from chat.storage.rate_limits import Attempt, ConditionFailed, Rate, RateLimiter

# API Gateway closes a socket after two hours, and `$disconnect` is best effort.
CONNECTION_TTL = timedelta(hours=2, minutes=10)


class TooManyConnections(Exception):
    """A user has as many connections as a user may have."""

    code = "too_many_connections"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rooms a connection may be in, how many connections a user may have, and how fast one of them
    may send.
    """

    rooms: int = 50
    connections: int = 20
    rate: Rate = Rate(10, 20)  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    identity: Identity
    connected_at: int  # milliseconds since 1970
    expires_at: int | None = None  # seconds since 1970: when its token ends, None where there is none


@dataclass(frozen=True, slots=True)
class Member:
    """A connection in a room, as a broadcast sees it."""

    connection_id: str
    protocol: Protocol
    connected_at: int  # milliseconds since 1970
    user: str = ""
    name: str = ""
    expired: bool = False  # its time, or its token's, is over: it hears no more


@dataclass(frozen=True, slots=True)
class ClosedConnection:
    """What a connection left behind when it went."""

    person: Person
    rooms: frozenset[str]
    sent: int = 0  # messages it sent, and what else it was charged for


class Connections:
    """The connections table.

    A connection is one item, a membership another, under its room and a hash of the connection's id: any
    range of that hash is a fair slice of the room, so that many readers can share one.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        now: Callable[[], float] = time.time,
        limits: Limits = Limits(),
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._limits = limits
        self._limiter = RateLimiter(limits.rate, now)

    def add(self, connection: Connection, rooms: Iterable[str]) -> None:
        """Stores a connection and its memberships, all or nothing. `rooms` are MAX_ROOMS at most.

        Raises TooManyConnections if the user has as many connections as a user may have, and Forbidden if the
        rooms are more than a connection may be in.
        """
        rooms = tuple(rooms)
        self._check_room_limit(len(rooms))
        end = int(self._now() + CONNECTION_TTL.total_seconds())
        who = {
            "user": connection.identity.user,
            "name": connection.identity.name,
            "protocol": connection.identity.protocol,
            "connected_at": connection.connected_at,
            "expires_at": end if connection.expires_at is None else min(end, connection.expires_at),
        }
        in_rooms = {"rooms": set(rooms)} if rooms else {}  # DynamoDB has no empty set
        items = [_connection_key(connection.id) | who | in_rooms | {"sent": 0, "due": 0}]
        items += [_membership_key(room, connection.id) | who for room in rooms]
        puts = [{"Put": {"TableName": self._table, "Item": item}} for item in items]
        user = connection.identity.user
        if not self._add(user, connection.id, end, puts):
            self._prune_stale(user)
            if not self._add(user, connection.id, end, puts):
                raise TooManyConnections(f"A user may have {self._limits.connections} connections.")

    def _add(self, user: str, connection_id: str, end: int, puts: list[dict[str, Any]]) -> bool:
        """False when the user has too many connections already."""
        count = {
            "TableName": self._table,
            "Key": _user_key(user),
            "UpdateExpression": "ADD connections :connection SET expires_at = :end",
            "ConditionExpression": "attribute_not_exists(connections) OR size(connections) < :most",
            "ExpressionAttributeValues": {
                ":connection": {connection_id},
                ":end": end,
                ":most": self._limits.connections,
            },
        }
        return transact(self._dynamodb, [{"Update": count}, *puts])

    def _prune_stale(self, user: str) -> None:
        """Takes from a user's connections those that have gone without a word."""
        ids = self.ids_of_user(user)
        keys = [_connection_key(each) for each in ids]
        found = batch_get(self._dynamodb, self._table, keys, ["pk", "expires_at"])
        alive = {item["pk"].removeprefix(_CONNECTION) for item in found if item["expires_at"] > self._now()}
        if ids - alive:
            self._take_from_user(user, ids - alive)

    def ids_of_user(self, user: str) -> frozenset[str]:
        """The ids of a user's connections; some may have gone."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_user_key(user), ConsistentRead=True)
        return frozenset(answer.get("Item", {}).get("connections", ()))

    def _take_from_user(self, user: str, connection_ids: Collection[str]) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_user_key(user),
                UpdateExpression="DELETE connections :gone",
                ConditionExpression="attribute_exists(pk)",  # or it would be made, and never expire
                ExpressionAttributeValues={":gone": set(connection_ids)},
            )
        except ClientError as error:
            old_item(error)  # it has expired

    def remove(self, connection_id: str) -> ClosedConnection | None:
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
        self._take_from_user(old["user"], [connection_id])
        return ClosedConnection(Person(old["user"], old["name"]), rooms, int(old["sent"]))

    def rooms(self, connection_id: str) -> frozenset[str]:
        """The rooms that a connection is in now. Raises NotConnected."""
        return frozenset(self._read(connection_id).get("rooms", ()))

    def member(self, connection_id: str, room: str) -> Member | None:
        """A connection as a member of a room; None when it is none. Raises NotConnected."""
        connection = self._read(connection_id)
        if room not in connection.get("rooms", ()):
            return None
        return self._member(connection_id, connection)

    def members(self, room: str, most: int) -> tuple[list[Member], int | None]:
        """A room's members, if they are `most` at most; else the first, and an estimate of how many there
        are.
        """
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :room",
            ExpressionAttributeValues={":room": room_key(room)},
            ConsistentRead=True,
            Limit=most + 1,
        )
        members = [self._member(item["sk"][HASH_DIGITS:], item) for item in page["Items"]]
        if len(members) <= most:
            return members, None
        return members, estimate_members(len(members), page["Items"][-1]["sk"])

    def _member(self, connection_id: str, item: Mapping[str, Any]) -> Member:
        """From a connection's item or a membership's, which say the same of it."""
        return Member(
            connection_id,
            item["protocol"],
            int(item["connected_at"]),
            item["user"],
            item["name"],
            item["expires_at"] <= self._now(),
        )

    def join(self, connection_id: str, room: str) -> bool:
        """Makes a connection a member of a room; False when it was one already.

        Coming counts as a message does: everybody there is told.
        Raises NotConnected, Forbidden when it is in as many rooms as one may be in, and RateLimited.
        """
        connection = self._read(connection_id)
        rooms = connection.get("rooms", ())
        if room in rooms:
            return False  # a unit read instead of four written: all rooms of a reconnect are asked for twice
        self._check_room_limit(len(rooms) + 1)
        who = {name: connection[name] for name in ("user", "name", "protocol", "connected_at", "expires_at")}
        membership = {"TableName": self._table, "Item": _membership_key(room, connection_id) | who}

        def update(attempt: Attempt) -> None:
            # Only while the connection is there: it may close at any moment, and what it leaves behind then
            # would be posted to for two hours.
            bounded = "attribute_exists(pk) AND (attribute_not_exists(rooms) OR size(rooms) < :most)"
            change = {
                "TableName": self._table,
                "Key": _connection_key(connection_id),
                "UpdateExpression": f"ADD rooms :room SET due = {attempt.due}",
                "ConditionExpression": f"{bounded} AND {attempt.condition}",
                "ExpressionAttributeValues": {":room": {room}, ":most": self._limits.rooms, **attempt.values},
            }
            if not transact(self._dynamodb, [{"Update": change}, {"Put": membership}]):
                now = self._read(connection_id)
                self._check_room_limit(len(now.get("rooms", ())) + 1)
                raise ConditionFailed(int(now["due"]))

        self._limiter.spend(connection_id, update)
        return True

    def _check_room_limit(self, rooms: int) -> None:
        if rooms > self._limits.rooms:
            raise Forbidden(f"A connection may be in {self._limits.rooms} rooms.")

    def leave(self, connection_id: str, room: str) -> bool:
        """Ends a connection's membership of a room; False when it has none. Raises NotConnected."""
        if room not in self.rooms(connection_id):
            return False
        connection = {
            "TableName": self._table,
            "Key": _connection_key(connection_id),
            "UpdateExpression": "DELETE rooms :room",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":room": {room}},
        }
        membership = {"TableName": self._table, "Key": _membership_key(room, connection_id)}
        if not transact(self._dynamodb, [{"Update": connection}, {"Delete": membership}]):
            raise NotConnected(NOT_CONNECTED)
        return True

    def charge(self, connection_id: str, room: str) -> None:
        """Counts something that a connection says to a room, if it may say it there and now.

        Raises NotConnected, NotAMember and RateLimited. The one write is also the check: no item is read.
        """

        def update(attempt: Attempt) -> None:
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=_connection_key(connection_id),
                    UpdateExpression=f"SET due = {attempt.due} ADD sent :one",
                    ConditionExpression=(
                        f"contains(rooms, :room) AND expires_at > :now AND {attempt.condition}"
                    ),
                    ExpressionAttributeValues={
                        ":one": 1,
                        ":room": room,
                        ":now": int(self._now()),
                        **attempt.values,
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                item = self._require_alive(old_item(error))
                if room not in item.get("rooms", ()):
                    raise NotAMember(NOT_A_MEMBER) from None
                raise ConditionFailed(int(item["due"])) from None

        self._limiter.spend(connection_id, update)

    def prune(self, room: str, members: Sequence[Member]) -> list[ClosedConnection]:
        """Forgets connections that were found dead in a room, with all their memberships.

        The room's memberships too, not only what the connections' items say: they may be all that is left.
        Returns what each has left.
        """
        connections = [_connection_key(each.connection_id) for each in members]
        keys = connections + [_membership_key(room, each.connection_id) for each in members]
        rooms = {each.connection_id: {room} for each in members}
        for item in batch_get(self._dynamodb, self._table, connections, ["pk", "rooms"]):
            connection_id = item["pk"].removeprefix(_CONNECTION)
            keys += [_membership_key(other, connection_id) for other in item.get("rooms", set()) - {room}]
            rooms[connection_id] |= item.get("rooms", set())
        batch_delete(self._dynamodb, self._table, keys)
        return [
            ClosedConnection(Person(each.user, each.name), frozenset(rooms[each.connection_id]))
            for each in members
        ]

    def _read(self, connection_id: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_connection_key(connection_id), ConsistentRead=True
        )
        return self._require_alive(answer.get("Item"))

    def _require_alive(self, item: dict[str, Any] | None) -> dict[str, Any]:
        if item is None:
            raise NotConnected(NOT_CONNECTED)
        if item["expires_at"] <= self._now():
            raise Expired(NOT_CONNECTED)
        return item


NOT_CONNECTED = "This connection is not known any more: connect again."
NOT_A_MEMBER = "This connection has not joined the room."
HASH_DIGITS = 4
HASH_SPACE: int = 16**HASH_DIGITS  # memberships are spread evenly over so many places
_CONNECTION = "CONN#"


def estimate_members(members: int, key: str) -> int:
    """How many members a room has whose first so many reach to this sort key: the spread is even."""
    return round(members * HASH_SPACE / (int(key[:HASH_DIGITS], 16) + 1))


def _user_key(user: str) -> dict[str, Any]:
    return {"pk": f"USER#{key_part(user)}", "sk": "USER"}


def _connection_key(connection_id: str) -> dict[str, Any]:
    return {"pk": _CONNECTION + connection_id, "sk": "CONN"}


def _membership_key(room: str, connection_id: str) -> dict[str, Any]:
    spread = hashlib.sha256(connection_id.encode()).hexdigest()[:HASH_DIGITS]
    return {"pk": room_key(room), "sk": spread + connection_id}
