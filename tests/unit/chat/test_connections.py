from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.connections import CONNECTION_TTL, Closed, Connection, Connections
from chat.errors import NotAMember, NotConnected
from chat.identity import Identity
from tests.fakes import MortalDynamoDB

TABLE = "ConnectionsTable"
NOW = 1_795_500_000.0
ADA = Identity("u1", "Ada", "v1")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connections(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock)


def opened(connections: Connections, connection_id: str, *rooms: str) -> None:
    connections.open(Connection(connection_id, ADA, connected_at=1_795_499_990_456), rooms)


def rows(dynamodb: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = dynamodb.scan(TableName=TABLE)["Items"]
    return items


def members(dynamodb: Any, room: str) -> set[str]:
    return {item["sk"][4:] for item in rows(dynamodb) if item["pk"] == f"ROOM#{room}"}


def sent(dynamodb: Any, connection_id: str) -> int:
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": f"CONN#{connection_id}", "sk": "CONN"})["Item"]
    return int(item["sent"])


# Opening


def test_an_open_connection_is_one_item_and_one_for_each_room(
    connections: Connections, dynamodb: Any
) -> None:
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
        "pk": "CONN#c1=", "sk": "CONN", "rooms": {"general", "a#b"}, "sent": Decimal(0), **who,
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
        self.items += [write["Put"]["Item"] for write in TransactItems]


def test_members_are_spread_evenly_over_the_sort_key() -> None:
    written = Transactions()
    for number in range(1_000):
        opened(Connections(written, TABLE), f"Uk1dGHW3oAMFkK{number}=", "general")
    keys = [item["sk"] for item in written.items if item["pk"] == "ROOM#general"]
    for sixteenth in "0123456789abcdef":
        assert 25 < sum(key.startswith(sixteenth) for key in keys) < 100  # 62.5 are expected, give or take 8


def test_a_connection_outlives_api_gateways_two_hours() -> None:
    assert 2 * 3600 < CONNECTION_TTL.total_seconds() < 3 * 3600


def test_99_rooms_are_one_transaction(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", *(f"room-{number}" for number in range(99)))
    assert len(rows(dynamodb)) == 100


def test_opening_is_all_or_nothing(connections: Connections, dynamodb: Any) -> None:
    with pytest.raises(ClientError):
        opened(connections, "c1", *(f"room-{number}" for number in range(100)))  # 101 items
    assert rows(dynamodb) == []


# Closing


def test_a_closed_connection_leaves_nothing_behind(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general")
    assert connections.close("c1") == Closed(frozenset({"general", "news"}), sent=0)
    assert {item["pk"] for item in rows(dynamodb)} == {"CONN#c2", "ROOM#general"}
    assert members(dynamodb, "general") == {"c2"}


def test_closing_says_how_much_was_sent(connections: Connections) -> None:
    opened(connections, "c1", "general")
    connections.spend("c1", "general")
    connections.spend("c1", "general")
    assert connections.close("c1") == Closed(frozenset({"general"}), sent=2)


def test_closing_twice_is_closing_once(connections: Connections) -> None:
    opened(connections, "c1", "general")
    connections.close("c1")
    assert connections.close("c1") is None


def test_closing_a_stranger_changes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    before = rows(dynamodb)
    assert connections.close("c2") is None
    assert rows(dynamodb) == before


# Joining and leaving


def test_a_connection_can_be_in_no_room_and_join_later(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1")
    assert connections.rooms("c1") == frozenset()
    connections.join("c1", "a#b")
    assert connections.rooms("c1") == {"a#b"}
    connections.spend("c1", "a#b")
    assert connections.close("c1") == Closed(frozenset({"a#b"}), sent=1)
    assert rows(dynamodb) == []


def test_a_membership_is_the_same_whether_it_was_asked_for_at_once_or_later(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    clock.now += 60
    connections.join("c1", "news")
    by_room = {item["pk"]: item for item in rows(dynamodb) if item["pk"].startswith("ROOM#")}
    assert by_room["ROOM#news"] == {**by_room["ROOM#general"], "pk": "ROOM#news"}


def test_joining_again_reads_and_writes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    before = rows(dynamodb)
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE, lambda: NOW).join("c1", "general")
    assert counting.calls == ["get_item"]
    assert counting.asked[0]["ConsistentRead"] is True
    assert rows(dynamodb) == before


def test_who_leaves_a_room_hears_it_no_more_and_stays_in_the_others(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general")
    for _ in range(2):  # a reply may have been lost: leaving again is fine
        connections.leave("c1", "general")
    assert (members(dynamodb, "general"), members(dynamodb, "news")) == ({"c2"}, {"c1"})
    assert connections.rooms("c1") == {"news"}
    with pytest.raises(NotAMember):
        connections.spend("c1", "general")
    connections.leave("c1", "news")
    assert connections.rooms("c1") == frozenset()
    with pytest.raises(NotAMember):
        connections.spend("c1", "news")
    connections.join("c1", "general")
    connections.spend("c1", "general")


@pytest.mark.parametrize("change", [Connections.join, Connections.leave])
def test_an_unknown_connection_joins_and_leaves_nothing(
    connections: Connections, dynamodb: Any, change: Callable[[Connections, str, str], None]
) -> None:
    with pytest.raises(NotConnected):
        change(connections, "c1", "general")
    with pytest.raises(NotConnected):
        connections.rooms("c1")
    assert rows(dynamodb) == []


def test_an_expired_connection_joins_nothing(connections: Connections, clock: Clock, dynamodb: Any) -> None:
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
        Connections(self._client, TABLE).close("c1")
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


# Sending


def test_a_member_may_send_and_it_is_counted(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general", "a#b")
    connections.spend("c1", "general")
    connections.spend("c1", "a#b")
    assert sent(dynamodb, "c1") == 2


@pytest.mark.parametrize("room", ["news", "gen", "general2", "a", "a%23b"])
def test_who_has_not_joined_a_room_may_not_send_there(
    connections: Connections, dynamodb: Any, room: str
) -> None:
    opened(connections, "c1", "general", "a#b")
    with pytest.raises(NotAMember):
        connections.spend("c1", room)
    assert sent(dynamodb, "c1") == 0


def test_an_unknown_connection_may_not_send_and_is_not_made_known(
    connections: Connections, dynamodb: Any
) -> None:
    with pytest.raises(NotConnected):
        connections.spend("c1", "general")
    assert rows(dynamodb) == []


def test_a_connection_may_send_until_it_expires(
    connections: Connections, clock: Clock, dynamodb: Any
) -> None:
    opened(connections, "c1", "general")
    clock.now += CONNECTION_TTL.total_seconds() - 1
    connections.spend("c1", "general")
    clock.now += 1
    with pytest.raises(NotConnected):
        connections.spend("c1", "general")
    with pytest.raises(NotConnected):  # not a matter of rooms any more
        connections.spend("c1", "news")
    assert sent(dynamodb, "c1") == 1


def test_sending_reads_nothing(dynamodb: Any) -> None:
    opened(Connections(dynamodb, TABLE), "c1", "general")
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE).spend("c1", "general")
    assert counting.calls == ["update_item"]


def test_a_failure_of_dynamodb_is_not_taken_for_a_refusal(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Connections(dynamodb, "NoSuchTable").spend("c1", "general")


# Forgetting many


def test_whoever_was_found_dead_in_a_room_leaves_nothing_in_any(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general", "news")
    opened(connections, "c2", "general", "a#b")
    opened(connections, "c3", "general", "news")
    connections.forget("general", ["c1", "c2"])
    assert {item["pk"] for item in rows(dynamodb)} == {"CONN#c3", "ROOM#general", "ROOM#news"}
    assert members(dynamodb, "general") == members(dynamodb, "news") == {"c3"}


def test_a_membership_whose_connection_is_forgotten_goes_too(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    dynamodb.delete_item(TableName=TABLE, Key={"pk": "CONN#c1", "sk": "CONN"})
    connections.forget("general", ["c1"])
    assert rows(dynamodb) == []


def test_forgetting_again_or_strangers_changes_nothing(connections: Connections, dynamodb: Any) -> None:
    opened(connections, "c1", "general")
    opened(connections, "c2", "general")
    for _ in range(2):
        connections.forget("general", ["c1", "stranger"])
        assert members(dynamodb, "general") == {"c2"}


def test_any_number_is_forgotten_in_a_few_calls(connections: Connections, dynamodb: Any) -> None:
    names = [f"c{number}" for number in range(60)]
    for name in names:
        opened(connections, name, "general", "news")
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE).forget("general", names)
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


def test_what_a_busy_dynamodb_leaves_undone_is_asked_for_again(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general", "news")
    Connections(Busy(dynamodb), TABLE).forget("general", ["c1"])
    assert rows(dynamodb) == []
