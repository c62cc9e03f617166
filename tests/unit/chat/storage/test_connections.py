from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.identity.identity import Identity, Person
from chat.protocol.errors import Expired, Forbidden, NotAMember, NotConnected, RateLimited
from chat.storage.connections import (
    CONNECTION_TTL,
    ClosedConnection,
    Connection,
    Connections,
    Limits,
    TooManyConnections,
)
from chat.storage.members import Member
from chat.storage.rate_limits import Rate
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB

TABLE = "ConnectionsTable"
NOW = 1_795_500_000.0
ADA = Identity("u1", "Ada", "v1")
PERSON = Person("u1", "Ada")


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def connections(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock)


def opened(
    connections: Connections, connection_id: str, *rooms: str, who: Identity = ADA, end: int | None = None
) -> None:
    connections.add(Connection(connection_id, who, 1_795_499_990_456, end), rooms)


def rows(dynamodb: Any) -> list[dict[str, Any]]:
    """All but the users' own, which expire by themselves."""
    items: list[dict[str, Any]] = dynamodb.scan(TableName=TABLE)["Items"]
    return [item for item in items if item["sk"] != "USER"]


def members(dynamodb: Any, room: str) -> set[str]:
    return {item["sk"][4:] for item in rows(dynamodb) if item["pk"] == f"ROOM#{room}"}


def sent(dynamodb: Any, connection_id: str) -> int:
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": f"CONN#{connection_id}", "sk": "CONN"})["Item"]
    return int(item["sent"])


# Opening


def test_a_connection_is_one_item_and_one_per_room(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1=", "general", "a#b")
    who = {
        "user": "u1",
        "name": "Ada",
        "protocol": "v1",
        "connected_at": Decimal(1_795_499_990_456),
        "expires_at": Decimal(int(NOW + CONNECTION_TTL.total_seconds())),
    }
    stored = {item["pk"]: item for item in rows(dynamodb)}
    assert set(stored) == {"CONN#c1=", "ROOM#general", "ROOM#a%23b"}
    assert stored["CONN#c1="] == {
        "pk": "CONN#c1=", "sk": "CONN", "rooms": {"general", "a#b"}, "sent": Decimal(0),
        "due": Decimal(0), **who,
    }  # fmt: skip
    spread = stored["ROOM#general"]["sk"].removesuffix("c1=")
    assert stored["ROOM#general"] == {"pk": "ROOM#general", "sk": f"{spread}c1=", **who}
    assert len(spread) == 4
    assert int(spread, 16) >= 0


class Transactions:
    """A DynamoDB client that notes the items of every transaction and stores none."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:
        self.items += [write["Put"]["Item"] for write in TransactItems if "Put" in write]


def test_members_are_spread_evenly_over_the_sort_key() -> None:
    written = Transactions()
    for number in range(1_000):
        opened(Connections(written, TABLE), f"Uk1dGHW3oAMFkK{number}=", "general")
    keys = [item["sk"] for item in written.items if item["pk"] == "ROOM#general"]
    for sixteenth in "0123456789abcdef":
        assert 25 < sum(key.startswith(sixteenth) for key in keys) < 100  # 62.5 are expected, give or take 8


def test_a_connection_outlives_api_gateways_two_hours() -> None:
    assert 2 * 3600 < CONNECTION_TTL.total_seconds() < 3 * 3600


def test_98_rooms_are_one_transaction(dynamodb: Any) -> None:
    opened(Connections(dynamodb, TABLE, limits=Limits(rooms=98)), "c1", *(f"r{each}" for each in range(98)))
    assert len(rows(dynamodb)) == 99


def test_add_stores_all_or_nothing(dynamodb: Any) -> None:
    connections = Connections(dynamodb, TABLE, limits=Limits(rooms=99))
    with pytest.raises(ClientError):
        opened(connections, "c1", *(f"room-{number}" for number in range(99)))  # 101 items
    assert dynamodb.scan(TableName=TABLE)["Items"] == []


def test_a_connection_ends_with_its_token_if_that_is_sooner(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general", end=int(NOW) + 60)
    opened(connections, "c2", "general", end=int(NOW) + 24 * 3600)
    ends = {item["sk"][4:]: item["expires_at"] for item in rows(dynamodb) if item["pk"] == "ROOM#general"}
    assert ends == {"c1": NOW + 60, "c2": NOW + CONNECTION_TTL.total_seconds()}
    clock.now += 59.9
    connections.charge("c1", "general")
    clock.now += 0.1
    with pytest.raises(Expired):
        connections.charge("c1", "general")
    with pytest.raises(Expired):
        connections.rooms("c1")
    connections.charge("c2", "general")


# Closing


def test_a_removed_connection_leaves_nothing_behind(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general")
    assert connections.remove("c1") == ClosedConnection(PERSON, frozenset({"general", "news"}), sent=0)
    assert {item["pk"] for item in rows(dynamodb)} == {"CONN#c2", "ROOM#general"}
    assert members(dynamodb, "general") == {"c2"}


def test_remove_returns_how_much_was_sent(connections: Connections) -> None:
    opened(connections, "c1", "general")
    connections.charge("c1", "general")
    connections.charge("c1", "general")
    assert connections.remove("c1") == ClosedConnection(PERSON, frozenset({"general"}), sent=2)


def test_a_connection_is_removed_once(connections: Connections) -> None:
    opened(connections, "c1", "general")
    connections.remove("c1")
    assert connections.remove("c1") is None


def test_removing_an_unknown_connection_changes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    before = rows(dynamodb)
    assert connections.remove("c2") is None
    assert rows(dynamodb) == before


# How many

THREE = Limits(rooms=3, connections=3)
EVE = Identity("u#2", "Eve", "v1")


@pytest.fixture
def few(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock, THREE)


def test_a_user_has_up_to_the_limit_of_connections(few: Connections, dynamodb: Any) -> None:
    for name in ("c1", "c2", "c3"):
        opened(few, name, "general")
    before = rows(dynamodb)
    with pytest.raises(TooManyConnections):
        opened(few, "c4", "general", "news")
    assert rows(dynamodb) == before
    assert few.ids_of_user("u1") == {"c1", "c2", "c3"}
    opened(few, "c4", "general", who=EVE)  # nobody else's business
    few.remove("c2")
    assert few.ids_of_user("u1") == {"c1", "c3"}
    opened(few, "c5", "general")
    assert few.ids_of_user("u1") == {"c1", "c3", "c5"}
    assert few.ids_of_user("u#2") == {"c4"}
    assert few.ids_of_user("nobody") == frozenset()


def test_connections_closed_without_a_disconnect_do_not_count(few: Connections, dynamodb: Any) -> None:
    for name in ("c1", "c2", "c3"):
        opened(few, name, "general")
    few.prune("general", found("c1"))  # a broadcast found it closed
    opened(few, "c4", "general")
    assert few.ids_of_user("u1") == {"c2", "c3", "c4"}
    with pytest.raises(TooManyConnections):
        opened(few, "c5", "general")


def test_expired_connections_do_not_count(few: Connections, clock: Clock) -> None:
    opened(few, "c1", "general", end=int(NOW) + 60)
    opened(few, "c2", "general", end=int(NOW) + 61)
    opened(few, "c3", "general")
    clock.now += 60
    opened(few, "c4", "general")
    assert few.ids_of_user("u1") == {"c2", "c3", "c4"}


class OpensMeanwhile:
    """A DynamoDB client under whose caller another connection takes the place that became free."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def batch_get_item(self, **arguments: Any) -> Any:
        answer = self._client.batch_get_item(**arguments)
        opened(Connections(self._client, TABLE, lambda: NOW, THREE), "faster", "general")
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_of_two_connections_at_the_limit_one_is_stored(few: Connections, dynamodb: Any) -> None:
    for name in ("c1", "c2", "c3"):
        opened(few, name, "general")
    few.prune("general", found("c1"))
    with pytest.raises(TooManyConnections):
        opened(Connections(OpensMeanwhile(dynamodb), TABLE, lambda: NOW, THREE), "slower", "general")
    assert few.ids_of_user("u1") == {"c2", "c3", "faster"}


def test_a_users_item_lasts_as_long_as_the_newest_connection_and_is_not_made_by_remove(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    key = {"pk": "USER#u%232", "sk": "USER"}
    opened(connections, "c1", "general", who=EVE, end=int(NOW) + 60)
    clock.now += 10
    opened(connections, "c2", "general", who=EVE)
    item = dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
    assert item == key | {
        "connections": {"c1", "c2"}, "expires_at": NOW + 10 + CONNECTION_TTL.total_seconds(),
    }  # fmt: skip
    connections.remove("c1")
    connections.remove("c2")
    dynamodb.delete_item(TableName=TABLE, Key=key)  # as DynamoDB does when it has expired
    opened(connections, "c3", "general", who=EVE)
    dynamodb.delete_item(TableName=TABLE, Key=key)
    assert connections.remove("c3") is not None
    assert dynamodb.scan(TableName=TABLE)["Items"] == []


def test_add_costs_one_call_below_the_limit(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    opened(Connections(counting, TABLE), "c1", "general", "news")
    assert counting.calls == ["transact_write_items"]


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
    assert few.join("c1", "r1") is False  # which it is in
    few.leave("c1", "r1")
    assert few.join("c1", "r4") is True


class JoinsMeanwhile:
    """A DynamoDB client under whose caller the connection joins another room once it has been read."""

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
    with pytest.raises(RateLimited) as refused:
        connections.join("c1", "one more")
    with pytest.raises(RateLimited):
        connections.charge("c1", "general")
    assert connections.join("c1", "room-7") is False  # as a client does that comes back
    assert "one more" not in connections.rooms("c1")
    clock.now += refused.value.retry_after
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


# Joining and leaving


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
    # A reply may have been lost: leaving again is fine, but it is no leaving.
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
    """A DynamoDB client under whose caller the connection closes once it has been read."""

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


# Who is there


def test_a_rooms_members_are_read_with_their_users(connections: Connections, clock: Clock) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general", who=EVE, end=int(NOW) + 60)
    opened(connections, "c3", "news")
    clock.now += 60
    found, crowd = connections.members("general", 200)
    at = 1_795_499_990_456
    assert sorted(found, key=lambda each: each.connection_id) == [
        Member("c1", "v1", at, "u1", "Ada"),
        Member("c2", "v1", at, "u#2", "Eve", expired=True),
    ]
    assert crowd is None
    assert connections.members("silent", 200) == ([], None)


def test_above_the_maximum_the_members_are_estimated(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    connections = Connections(counting, TABLE)
    for number in range(40):
        name = f"Uk1dGHW3oAMFkK{number}="
        opened(connections, name, "general", who=Identity(f"user of {name}", "Ada", "v1"))
    everybody, crowd = connections.members("general", 40)
    assert (len(everybody), crowd) == (40, None)
    first, crowd = connections.members("general", 20)
    assert len(first) == 21
    assert crowd == pytest.approx(40, rel=0.35)
    assert counting.asked[-1]["Limit"] == 21
    assert counting.asked[-1]["ConsistentRead"] is True


def test_a_connection_is_read_as_a_member(connections: Connections) -> None:
    opened(connections, "c1", "general")
    assert connections.member("c1", "general") == Member("c1", "v1", 1_795_499_990_456, "u1", "Ada")
    assert connections.member("c1", "news") is None
    with pytest.raises(NotConnected):
        connections.member("stranger", "general")


# Sending


def test_a_member_may_send_and_is_charged(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "a#b")
    connections.charge("c1", "general")
    connections.charge("c1", "a#b")
    assert sent(dynamodb, "c1") == 2


@pytest.mark.parametrize("room", ["news", "gen", "general2", "a", "a%23b"])
def test_only_a_member_may_send(connections: Connections, dynamodb: Any, room: str) -> None:
    opened(connections, "c1", "general", "a#b")
    with pytest.raises(NotAMember):
        connections.charge("c1", room)
    assert sent(dynamodb, "c1") == 0


def test_an_unknown_connection_may_not_send_and_is_not_stored(
    connections: Connections, dynamodb: Any
) -> None:
    with pytest.raises(NotConnected):
        connections.charge("c1", "general")
    assert rows(dynamodb) == []


def test_a_connection_may_send_until_it_expires(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    clock.now += CONNECTION_TTL.total_seconds() - 1
    connections.charge("c1", "general")
    clock.now += 1
    with pytest.raises(NotConnected):
        connections.charge("c1", "general")
    with pytest.raises(NotConnected):  # not a matter of rooms any more
        connections.charge("c1", "news")
    assert sent(dynamodb, "c1") == 1


def test_sending_reads_nothing(dynamodb: Any) -> None:
    opened(Connections(dynamodb, TABLE), "c1", "general")
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE).charge("c1", "general")
    assert counting.calls == ["update_item"]


def test_a_flood_over_four_instances_is_limited_and_others_are_not(dynamodb: Any, clock: Clock) -> None:
    """200 messages a second for ten seconds from one connection, of which 10 a second and 20 at once are
    allowed; another of the same user sends ten a second.
    """
    instances = [Connections(dynamodb, TABLE, clock, Limits(rate=Rate(10, 20))) for _ in range(4)]
    for name in ("flood", "quiet"):
        opened(instances[0], name, "general")
    refusals: list[float] = []
    for number in range(2_000):
        clock.now = NOW + number / 200
        try:
            instances[number % 4].charge("flood", "general")
        except RateLimited as refused:
            refusals.append(refused.retry_after)
        if number % 20 == 0:
            instances[number // 20 % 4].charge("quiet", "general")
    assert sent(dynamodb, "flood") == pytest.approx(20 + 10 * 10, rel=0.1)
    assert len(refusals) == 2_000 - sent(dynamodb, "flood")
    assert all(0 < seconds <= 0.101 for seconds in refusals)
    assert sent(dynamodb, "quiet") == 100


def test_a_charge_with_another_error_raises_it_and_is_not_counted(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    for _ in range(20):
        with pytest.raises(NotAMember):
            connections.charge("c1", "news")
        connections.charge("c1", "general")
    with pytest.raises(RateLimited):
        connections.charge("c1", "general")
    assert sent(dynamodb, "c1") == 20


def test_a_failure_of_dynamodb_is_raised_as_it_is(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Connections(dynamodb, "NoSuchTable").charge("c1", "general")


# Forgetting many


def found(*connection_ids: str) -> list[Member]:
    return [Member(each, "v1", 0, "u1", "Ada") for each in connection_ids]


def test_a_pruned_connection_leaves_nothing_in_any_room(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general", "a#b")
    opened(connections, "c3", "general", "news")
    assert connections.prune("general", found("c1", "c2")) == [
        ClosedConnection(PERSON, frozenset({"general", "news"})),
        ClosedConnection(PERSON, frozenset({"general", "a#b"})),
    ]
    assert {item["pk"] for item in rows(dynamodb)} == {"CONN#c3", "ROOM#general", "ROOM#news"}
    assert members(dynamodb, "general") == members(dynamodb, "news") == {"c3"}


def test_a_membership_without_a_connection_is_pruned_too(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    dynamodb.delete_item(TableName=TABLE, Key={"pk": "CONN#c1", "sk": "CONN"})
    assert connections.prune("general", found("c1")) == [ClosedConnection(PERSON, frozenset({"general"}))]
    assert rows(dynamodb) == []


def test_pruning_again_or_unknown_connections_changes_nothing(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    opened(connections, "c2", "general")
    for _ in range(2):
        connections.prune("general", found("c1", "stranger"))
        assert members(dynamodb, "general") == {"c2"}


def test_any_number_is_pruned_in_a_few_calls(connections: Connections, dynamodb: Any) -> None:
    names = [f"c{number}" for number in range(60)]
    for name in names:
        person = Identity(f"user of {name}", "Ada", "v1")
        connections.add(Connection(name, person, 0), ["general", "news"])
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE).prune("general", found(*names))
    assert rows(dynamodb) == []
    assert (
        counting.calls == ["batch_get_item"] + ["batch_write_item"] * 8
    )  # of 25 deletions, DynamoDB's bound


class Busy:
    """A DynamoDB client that deletes one item of a batch and leaves the others to be asked for again."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def batch_write_item(self, RequestItems: Any) -> Any:
        (first, *rest) = RequestItems[TABLE]
        answer = self._client.batch_write_item(RequestItems={TABLE: [first]})
        return answer | {"UnprocessedItems": {TABLE: rest} if rest else {}}

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_unprocessed_items_are_requested_again(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "news")
    Connections(Busy(dynamodb), TABLE).prune("general", found("c1"))
    assert rows(dynamodb) == []
