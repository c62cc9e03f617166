"""Connections in their table: how they are added, removed and pruned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.identity.identity import Identity
from chat.protocol.errors import Expired
from chat.storage.connections import (
    CONNECTION_TTL,
    ClosedConnection,
    Connection,
    Connections,
    Limits,
)
from tests.support.connections_table import NOW, PERSON, TABLE, found, members, opened, rows
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def connections(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock)


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
    """A DynamoDB client that records the items of every transaction and stores none."""

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
    )  # of 25 deletions, DynamoDB's maximum


class Busy:
    """A DynamoDB client that deletes one item per batch and returns the others as unprocessed."""

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
