from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.connections import CONNECTION_TTL, Closed, Connection, Connections, Member
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


def members(connections: Connections, room: str) -> set[str]:
    return {member.connection_id for page in connections.members(room) for member in page}


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
    assert members(connections, "general") == {"c2"}


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


def test_a_membership_can_be_forgotten_without_its_connection(
    connections: Connections, dynamodb: Any
) -> None:
    opened(connections, "c1", "general", "news")
    dynamodb.delete_item(TableName=TABLE, Key={"pk": "CONN#c1", "sk": "CONN"})
    connections.leave("general", "c1")
    connections.leave("general", "c1")
    assert (members(connections, "general"), members(connections, "news")) == (set(), {"c1"})


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


# Members


def test_members_are_what_a_broadcast_needs_to_know(connections: Connections) -> None:
    opened(connections, "c1=", "general")
    assert list(connections.members("general")) == [[Member("c1=", "v1", 1_795_499_990_456)]]


def test_a_room_has_its_own_members_only(connections: Connections) -> None:
    opened(connections, "c1", "general", "a#b")
    opened(connections, "c2", "news", "a")
    assert members(connections, "general") == {"c1"}
    assert members(connections, "a") == {"c2"}
    assert members(connections, "a#b") == {"c1"}
    assert members(connections, "empty") == set()


def test_who_has_expired_is_no_member(connections: Connections, clock: Clock) -> None:
    opened(connections, "old", "general")
    clock.now += 60
    opened(connections, "new", "general")
    clock.now += CONNECTION_TTL.total_seconds() - 60
    assert members(connections, "general") == {"new"}


def test_a_large_room_comes_in_pages_and_everyone_once(connections: Connections, dynamodb: Any) -> None:
    for start in range(0, 2_300, 25):
        members = [
            {
                "pk": "ROOM#general", "sk": f"{number:04x}c{number}", "user": "u1", "name": "Ada",
                "protocol": "v1", "connected_at": 1, "expires_at": int(NOW) + (1 if number % 2 else -1),
            }
            for number in range(start, start + 25)
        ]  # fmt: skip
        dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in members]})
    pages = [[member.connection_id for member in page] for page in connections.members("general")]
    assert len(pages) == 3
    assert max(len(page) for page in pages) <= 1_000
    assert sorted(one for page in pages for one in page) == sorted(
        f"c{number}" for number in range(1, 2_300, 2)
    )


def test_who_connected_a_moment_ago_is_on_the_page(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    list(Connections(counting, TABLE).members("general"))
    assert counting.asked[0]["ConsistentRead"] is True


def test_pages_are_read_one_at_a_time(connections: Connections, dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    pages = Connections(counting, TABLE).members("general")
    assert counting.calls == []
    next(pages)
    assert counting.calls == ["query"]
