"""How many connections a user may have."""

from __future__ import annotations

from typing import Any

import pytest

from chat.storage.connections import (
    CONNECTION_TTL,
    Connections,
    TooManyConnections,
)
from tests.support.connections_table import EVE, NOW, TABLE, THREE, found, opened, rows
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


def test_a_user_has_up_to_the_limit_of_connections(few: Connections, dynamodb: Any) -> None:
    for name in ("c1", "c2", "c3"):
        opened(few, name, "general")
    before = rows(dynamodb)
    with pytest.raises(TooManyConnections):
        opened(few, "c4", "general", "news")
    assert rows(dynamodb) == before
    assert few.ids_of_user("u1") == {"c1", "c2", "c3"}
    opened(few, "c4", "general", who=EVE)  # another user's connections do not count
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
    """A DynamoDB client: before the caller's second try, another connection is stored."""

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


def test_a_rejected_connect_reads_the_users_connections_once(few: Connections, dynamodb: Any) -> None:
    for name in ("c1", "c2", "c3"):
        opened(few, name, "general")
    counting = MortalDynamoDB(dynamodb)
    with pytest.raises(TooManyConnections) as rejected:
        opened(Connections(counting, TABLE, lambda: NOW, THREE), "c4", "general")
    assert counting.calls == ["transact_write_items", "get_item", "batch_get_item"]
    assert {each.connection_id for each in rejected.value.connections} == {"c1", "c2", "c3"}
