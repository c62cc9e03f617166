"""Connections, and the rooms that each is in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.identity.identity import Identity, Person
from chat.protocol.errors import Expired, Forbidden, NotAMember, NotConnected
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_delete, batch_get, old_item, transact
from chat.storage.members import Member, estimate_members
from chat.storage.rate_limits import ConditionFailed, Rate, RateLimiter
from chat.storage.user_connections import LastHeard, UserConnections

# API Gateway closes a socket after two hours, and `$disconnect` is best effort.
CONNECTION_TTL = timedelta(hours=2, minutes=10)
NOT_CONNECTED = "This connection is not known any more: connect again."
NOT_A_MEMBER = "This connection has not joined the room."


class TooManyConnections(Exception):
    """A user has as many connections as a user may have: these, the longest silent one first."""

    code = "too_many_connections"

    def __init__(self, limit: int, connections: Sequence[LastHeard]) -> None:
        super().__init__(f"A user may have {limit} connections.")
        self.connections = connections


@dataclass(frozen=True, slots=True)
class Limits:
    """The rooms of a connection, the connections of a user, and how fast a connection may send."""

    rooms: int = 50
    connections: int = 20
    rate: Rate = Rate(10, 20)  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    identity: Identity
    connected_at: int  # milliseconds since 1970
    expires_at: int | None = None  # seconds since 1970, when its token expires; None without a token


@dataclass(frozen=True, slots=True)
class ClosedConnection:
    """What was stored of a connection that has been removed."""

    person: Person
    rooms: frozenset[str]
    sent: int = 0  # messages, and what else it was charged for


class Connections(Table):
    """The connections table.

    A connection is one item. Each membership is another, under its room and a hash of the connection's id.
    The hashes spread evenly: several readers can share a room, each with a part of the hash space.
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        now: Callable[[], float] = time.time,
        limits: Limits = Limits(),
    ) -> None:
        super().__init__(dynamodb, table, now)
        self._limits = limits
        self._limiter = RateLimiter(limits.rate, now)
        self._users = UserConnections(dynamodb, table, now, limit=limits.connections)

    def add(self, connection: Connection, rooms: Iterable[str]) -> None:
        """Store a connection and its memberships, all or nothing. `rooms` are MAX_ROOMS at most.

        Raises TooManyConnections if the user has as many connections as a user may have, and Forbidden if the
        rooms are more than a connection may be in.
        """
        rooms = tuple(rooms)
        self._check_room_limit(len(rooms))
        end = int(self._now() + CONNECTION_TTL.total_seconds())
        attributes = {
            "user": connection.identity.user,
            "name": connection.identity.name,
            "protocol": connection.identity.protocol,
            "connected_at": connection.connected_at,
            "expires_at": end if connection.expires_at is None else min(end, connection.expires_at),
        }
        in_rooms = {"rooms": set(rooms)} if rooms else {}  # DynamoDB has no empty set
        items = [keys.connection(connection.id) | attributes | in_rooms | {"sent": 0, "due": 0}]
        items += [keys.membership(room, connection.id) | attributes for room in rooms]
        puts = [{"Put": {"TableName": self._table, "Item": item}} for item in items]
        user = connection.identity.user
        if not self._add(user, connection.id, end, puts):
            alive = self._users.prune_stale(user)
            limit = self._limits.connections
            if len(alive) >= limit or not self._add(user, connection.id, end, puts):
                raise TooManyConnections(limit, alive)

    def _add(self, user: str, connection_id: str, end: int, puts: list[dict[str, Any]]) -> bool:
        """False if the user has too many connections already."""
        return transact(self._dynamodb, [{"Update": self._users.addition(user, connection_id, end)}, *puts])

    def ids_of_user(self, user: str) -> frozenset[str]:
        """Return the ids of a user's connections; some may be closed."""
        return self._users.ids(user)

    def members_of(self, user: str) -> list[Member]:
        """Return a user's connections, wherever they are; some may be closed."""
        wanted = [keys.connection(each) for each in self._users.ids(user)]
        now = self._now()
        return [
            Member.from_item(keys.connection_id_of(item["pk"]), item, now)
            for item in batch_get(self._dynamodb, self._table, wanted)
        ]

    def remove(self, connection_id: str) -> ClosedConnection | None:
        """Delete a connection and its memberships. None if it is not known."""
        answer = self._dynamodb.delete_item(
            TableName=self._table, Key=keys.connection(connection_id), ReturnValues="ALL_OLD"
        )
        old = answer.get("Attributes")
        if old is None:
            return None
        rooms = frozenset(old.get("rooms", ()))
        for room in rooms:
            self._dynamodb.delete_item(TableName=self._table, Key=keys.membership(room, connection_id))
        self._users.remove(old["user"], [connection_id])
        return ClosedConnection(Person(old["user"], old["name"]), rooms, int(old["sent"]))

    def rooms(self, connection_id: str) -> frozenset[str]:
        """Return the rooms that a connection is in now. Raises NotConnected."""
        return frozenset(self._read(connection_id).get("rooms", ()))

    def member(self, connection_id: str, room: str) -> Member | None:
        """Return a connection as a member of a room, None if it is not. Raises NotConnected."""
        connection = self._read(connection_id)
        if room not in connection.get("rooms", ()):
            return None
        return Member.from_item(connection_id, connection, self._now())

    def members(self, room: str, max_members: int) -> tuple[list[Member], int | None]:
        """Return all members of a room, or the first ones and an estimate of how many there are."""
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :room",
            ExpressionAttributeValues={":room": keys.room_pk(room)},
            ConsistentRead=True,
            Limit=max_members + 1,
        )
        now = self._now()
        members = [Member.from_item(keys.member_id_of(item["sk"]), item, now) for item in page["Items"]]
        if len(members) <= max_members and "LastEvaluatedKey" not in page:
            return members, None
        return members, estimate_members(len(members), page["Items"][-1]["sk"])

    def join(self, connection_id: str, room: str) -> bool:
        """Make a connection a member of a room. False if it is one already.

        A join costs a post per member, so it is charged like a message. Raises NotConnected,
        Forbidden if the connection is in as many rooms as it may be in, and RateLimited.
        """
        connection = self._read(connection_id)
        rooms = connection.get("rooms", ())
        if room in rooms:
            return False  # one unit read, not four written: a reconnect asks for all its rooms twice
        self._check_room_limit(len(rooms) + 1)
        attributes = ("user", "name", "protocol", "connected_at", "expires_at")
        item = keys.membership(room, connection_id) | {name: connection[name] for name in attributes}
        membership = {"Put": {"TableName": self._table, "Item": item}}
        # Only while the connection exists: it may close at any moment, and a membership that it leaves behind
        # would be posted to for two hours.
        possible = "attribute_exists(pk) AND (attribute_not_exists(rooms) OR size(rooms) < :max)"
        for attempt in self._limiter.attempts(connection_id):
            with attempt:
                change = {
                    "TableName": self._table,
                    "Key": keys.connection(connection_id),
                    "UpdateExpression": f"ADD rooms :room SET due = {attempt.due}",
                    "ConditionExpression": f"{possible} AND {attempt.condition}",
                    "ExpressionAttributeValues": {
                        ":room": {room},
                        ":max": self._limits.rooms,
                        **attempt.values,
                    },
                }
                if not transact(self._dynamodb, [{"Update": change}, membership]):
                    current = self._read(connection_id)
                    self._check_room_limit(len(current.get("rooms", ())) + 1)
                    raise ConditionFailed(int(current["due"]))
                break
        return True

    def _check_room_limit(self, rooms: int) -> None:
        if rooms > self._limits.rooms:
            raise Forbidden(f"A connection may be in {self._limits.rooms} rooms.")

    def leave(self, connection_id: str, room: str) -> bool:
        """End a connection's membership of a room. False if it has none. Raises NotConnected."""
        if room not in self.rooms(connection_id):
            return False
        connection = {
            "TableName": self._table,
            "Key": keys.connection(connection_id),
            "UpdateExpression": "DELETE rooms :room",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":room": {room}},
        }
        membership = {"TableName": self._table, "Key": keys.membership(room, connection_id)}
        if not transact(self._dynamodb, [{"Update": connection}, {"Delete": membership}]):
            raise NotConnected(NOT_CONNECTED)
        return True

    def charge(self, connection_id: str, room: str | None = None) -> None:
        """Count something that a connection sends to a room, if it is a member and its rate allows it now.

        Without a room only the rate counts. Raises NotConnected, NotAMember and RateLimited. The one write is
        also the check: no item is read.
        """
        membership = "" if room is None else "contains(rooms, :room) AND "
        values = {} if room is None else {":room": room}
        for attempt in self._limiter.attempts(connection_id):
            with attempt:
                try:
                    self._dynamodb.update_item(
                        TableName=self._table,
                        Key=keys.connection(connection_id),
                        UpdateExpression=f"SET due = {attempt.due} ADD sent :one",
                        ConditionExpression=(f"{membership}expires_at > :now AND {attempt.condition}"),
                        ExpressionAttributeValues={
                            ":one": 1,
                            ":now": int(self._now()),
                            **values,
                            **attempt.values,
                        },
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
                except ClientError as error:
                    item = self._require_alive(old_item(error))
                    if room is not None and room not in item.get("rooms", ()):
                        raise NotAMember(NOT_A_MEMBER) from None
                    raise ConditionFailed(int(item["due"])) from None
                return

    def prune(self, room: str | None, members: Sequence[Member]) -> list[ClosedConnection]:
        """Delete connections that were found dead, with all their memberships, and return them.

        Also deletes the memberships in `room`, if they were found there, whatever the connections' items say:
        a membership may be all that is left.
        """
        ids = [member.connection_id for member in members]
        connections = [keys.connection(connection_id) for connection_id in ids]
        found_in = set() if room is None else {room}
        doomed = connections + [keys.membership(each, id) for id in ids for each in found_in]
        rooms = {connection_id: set(found_in) for connection_id in ids}
        for item in batch_get(self._dynamodb, self._table, connections, ["pk", "rooms"]):
            connection_id = keys.connection_id_of(item["pk"])
            doomed += [keys.membership(other, connection_id) for other in item.get("rooms", set()) - found_in]
            rooms[connection_id] |= item.get("rooms", set())
        batch_delete(self._dynamodb, self._table, doomed)
        return [
            ClosedConnection(Person(member.user, member.name), frozenset(rooms[member.connection_id]))
            for member in members
        ]

    def _read(self, connection_id: str) -> dict[str, Any]:
        return self._require_alive(self._get(keys.connection(connection_id)))

    def _require_alive(self, item: dict[str, Any] | None) -> dict[str, Any]:
        if item is None:
            raise NotConnected(NOT_CONNECTED)
        if item["expires_at"] <= self._now():
            raise Expired(NOT_CONNECTED)
        return item
