"""The charge of a connection: only a member, and only as fast as allowed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.errors import NotAMember, NotConnected, RateLimited
from chat.storage.connections import (
    CONNECTION_TTL,
    Connections,
    Limits,
)
from chat.storage.rate_limits import Rate
from tests.support.connections_table import NOW, TABLE, opened, rows, sent
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def connections(dynamodb: Any, clock: Clock) -> Connections:
    return Connections(dynamodb, TABLE, clock)


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
    with pytest.raises(NotConnected):  # the connection is checked before its rooms
        connections.charge("c1", "news")
    assert sent(dynamodb, "c1") == 1


def test_sending_reads_nothing(dynamodb: Any) -> None:
    opened(Connections(dynamodb, TABLE), "c1", "general")
    counting = MortalDynamoDB(dynamodb)
    Connections(counting, TABLE).charge("c1", "general")
    assert counting.calls == ["update_item"]


def test_a_flood_over_four_instances_is_limited_and_others_are_not(dynamodb: Any, clock: Clock) -> None:
    """One connection sends 200 messages per second for ten seconds, where 10 per second and 20 at once are
    allowed. Another connection of the same user sends ten per second.
    """
    instances = [Connections(dynamodb, TABLE, clock, Limits(rate=Rate(10, 20))) for _ in range(4)]
    for name in ("flood", "quiet"):
        opened(instances[0], name, "general")
    waits: list[float] = []
    for number in range(2_000):
        clock.now = NOW + number / 200
        try:
            instances[number % 4].charge("flood", "general")
        except RateLimited as error:
            waits.append(error.retry_after)
        if number % 20 == 0:
            instances[number // 20 % 4].charge("quiet", "general")
    assert sent(dynamodb, "flood") == pytest.approx(20 + 10 * 10, rel=0.1)
    assert len(waits) == 2_000 - sent(dynamodb, "flood")
    assert all(0 < seconds <= 0.101 for seconds in waits)
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
