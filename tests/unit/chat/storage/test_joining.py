"""Memberships in the connections table: join, leave, and the members of a room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chat.identity.identity import Identity
from chat.protocol.errors import Forbidden, NotAMember, NotConnected, RateLimited
from chat.storage.connections import (
    CONNECTION_TTL,
    ClosedConnection,
    Connections,
)
from chat.storage.members import Member
from tests.support.connections_table import EVE, NOW, PERSON, TABLE, THREE, members, opened, rows, sent
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def connections(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock)


@pytest.fixture
def few(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock, THREE)


def test_a_connection_is_in_up_to_the_limit_of_rooms(few: Connections, dynamodb: Any) -> None:
    with pytest.raises(Forbidden, match="3 rooms"):
        opened(few, "c1", "r1", "r2", "r3", "r4")
    assert rows(dynamodb) == []
    opened(few, "c1", "r1", "r2")
    assert few.join("c1", "r3") is True
    with pytest.raises(Forbidden, match="3 rooms"):
        few.join("c1", "r4")
    assert few.rooms("c1") == {"r1", "r2", "r3"}
    assert members(dynamodb, "r4") == set()
    assert few.join("c1", "r1") is False  # a member already
    few.leave("c1", "r1")
    assert few.join("c1", "r4") is True


class JoinsMeanwhile:
    """A DynamoDB client: once the connection has been read, it joins another room."""

    def __init__(self, client: Any, room: str) -> None:
        self._client = client
        self._rooms = [room]

    def get_item(self, **arguments: Any) -> Any:
        answer = self._client.get_item(**arguments)
        if self._rooms:
            Connections(self._client, TABLE, lambda: NOW, THREE).join("c1", self._rooms.pop())
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_concurrent_joins_do_not_exceed_the_limit_of_rooms(few: Connections, dynamodb: Any) -> None:
    opened(few, "c1", "r1", "r2")
    with pytest.raises(Forbidden):
        Connections(JoinsMeanwhile(dynamodb, "faster"), TABLE, lambda: NOW, THREE).join("c1", "slower")
    assert few.rooms("c1") == {"r1", "r2", "faster"}
    assert members(dynamodb, "slower") == set()


def test_a_join_is_charged_like_a_message_and_a_repeated_join_is_not(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    for number in range(20):
        connections.join("c1", f"room-{number}")
    with pytest.raises(RateLimited) as error:
        connections.join("c1", "one more")
    with pytest.raises(RateLimited):
        connections.charge("c1", "general")
    assert connections.join("c1", "room-7") is False  # as a reconnecting client does
    assert "one more" not in connections.rooms("c1")
    clock.now += error.value.retry_after
    assert connections.join("c1", "one more") is True
    assert sent(dynamodb, "c1") == 0


def test_joins_are_charged_across_instances(connections: Connections, clock: Clock, dynamodb: Any) -> None:
    opened(connections, "c1")
    instances = [Connections(dynamodb, TABLE, clock) for _ in range(3)]
    for number in range(20):
        instances[number % 3].join("c1", f"room-{number}")
    for instance in instances:
        with pytest.raises(RateLimited):
            instance.join("c1", "one more")


def test_a_connection_can_be_in_no_room_and_join_later(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1")
    assert connections.rooms("c1") == frozenset()
    connections.join("c1", "a#b")
    assert connections.rooms("c1") == {"a#b"}
    connections.charge("c1", "a#b")
    assert connections.remove("c1") == ClosedConnection(PERSON, frozenset({"a#b"}), sent=1)
    assert rows(dynamodb) == []


def test_a_membership_is_the_same_from_connect_and_from_join(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    clock.now += 60
    connections.join("c1", "news")
    by_room = {item["pk"]: item for item in rows(dynamodb) if item["pk"].startswith("ROOM#")}
    assert by_room["ROOM#news"] == {**by_room["ROOM#general"], "pk": "ROOM#news"}


def test_joining_again_writes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    before = rows(dynamodb)
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE, lambda: NOW).join("c1", "general")
    assert counting.calls == ["get_item"]
    assert counting.asked[0]["ConsistentRead"] is True
    assert rows(dynamodb) == before


def test_leave_ends_one_membership_and_keeps_the_others(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general")
    # A reply may have been lost: leaving again is not an error, but returns False.
    assert [connections.leave("c1", "general") for _ in range(2)] == [True, False]
    assert (members(dynamodb, "general"), members(dynamodb, "news")) == ({"c2"}, {"c1"})
    assert connections.rooms("c1") == {"news"}
    with pytest.raises(NotAMember):
        connections.charge("c1", "general")
    connections.leave("c1", "news")
    assert connections.rooms("c1") == frozenset()
    with pytest.raises(NotAMember):
        connections.charge("c1", "news")
    connections.join("c1", "general")
    connections.charge("c1", "general")


def test_leaving_a_room_without_membership_writes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    counting = MortalDynamoDB(dynamodb)
    assert Connections(counting, TABLE, lambda: NOW).leave("c1", "news") is False
    assert counting.calls == ["get_item"]


@pytest.mark.parametrize("change", [Connections.join, Connections.leave])
def test_an_unknown_connection_can_neither_join_nor_leave(
    connections: Connections, dynamodb: Any, change: Callable[[Connections, str, str], None]
) -> None:
    with pytest.raises(NotConnected):
        change(connections, "c1", "general")
    with pytest.raises(NotConnected):
        connections.rooms("c1")
    assert rows(dynamodb) == []


def test_an_expired_connection_cannot_join(connections: Connections, clock: Clock, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    clock.now += CONNECTION_TTL.total_seconds()
    for room in ("general", "news"):
        with pytest.raises(NotConnected):
            connections.join("c1", room)
    assert members(dynamodb, "news") == set()


class ClosesAfterReading:
    """A DynamoDB client: once the connection has been read, it closes."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get_item(self, **arguments: Any) -> Any:
        answer = self._client.get_item(**arguments)
        Connections(self._client, TABLE).remove("c1")
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_a_connection_that_closes_while_it_joins_leaves_nothing_behind(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    with pytest.raises(NotConnected):
        Connections(ClosesAfterReading(dynamodb), TABLE, lambda: NOW).join("c1", "news")
    assert rows(dynamodb) == []


def test_a_connection_that_closes_while_it_leaves_is_not_stored_again(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    with pytest.raises(NotConnected):
        Connections(ClosesAfterReading(dynamodb), TABLE, lambda: NOW).leave("c1", "general")
    assert rows(dynamodb) == []


def test_a_rooms_members_are_read_with_their_users(connections: Connections, clock: Clock) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general", who=EVE, end=int(NOW) + 60)
    opened(connections, "c3", "news")
    clock.now += 60
    found, estimate = connections.members("general", 200)
    at = 1_795_499_990_456
    assert sorted(found, key=lambda each: each.connection_id) == [
        Member("c1", "v1", at, "u1", "Ada"),
        Member("c2", "v1", at, "u#2", "Eve", expired=True),
    ]
    assert estimate is None
    assert connections.members("silent", 200) == ([], None)


def test_above_the_maximum_the_members_are_estimated(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    connections = Connections(counting, TABLE)
    for number in range(40):
        name = f"Uk1dGHW3oAMFkK{number}="
        opened(connections, name, "general", who=Identity(f"user of {name}", "Ada", "v1"))
    everybody, estimate = connections.members("general", 40)
    assert (len(everybody), estimate) == (40, None)
    first, estimate = connections.members("general", 20)
    assert len(first) == 21
    assert estimate == pytest.approx(40, rel=0.35)
    assert counting.asked[-1]["Limit"] == 21
    assert counting.asked[-1]["ConsistentRead"] is True


def test_a_connection_is_read_as_a_member(connections: Connections) -> None:
    opened(connections, "c1", "general")
    assert connections.member("c1", "general") == Member("c1", "v1", 1_795_499_990_456, "u1", "Ada")
    assert connections.member("c1", "news") is None
    with pytest.raises(NotConnected):
        connections.member("stranger", "general")
