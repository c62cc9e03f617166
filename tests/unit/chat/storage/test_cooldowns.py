from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.errors import RateLimited
from chat.storage import keys
from chat.storage.cooldowns import Cooldowns
from tests.support.fakes.clock import Clock

TABLE = "MessagesTable"
KEY = keys.cooldown("a#b", "u1")


@pytest.fixture
def clock() -> Clock:
    return Clock(1_795_500_000.0)


@pytest.fixture
def cooldowns(dynamodb: Any, clock: Clock) -> Cooldowns:
    return Cooldowns(dynamodb, TABLE, clock)


def item(dynamodb: Any) -> dict[str, Any]:
    stored: dict[str, Any] = dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]
    return stored


def test_a_cooldown_that_runs_is_an_error_with_the_remaining_seconds(
    cooldowns: Cooldowns, clock: Clock
) -> None:
    cooldowns.start(KEY, 2.5, "Slowly.")
    clock.now += 1
    with pytest.raises(RateLimited, match=r"Slowly\.") as error:
        cooldowns.start(KEY, 2.5, "Slowly.")
    assert error.value.retry_after == 1.5
    clock.now += 1.5
    cooldowns.start(KEY, 2.5, "Slowly.")


class Overtaken:
    """A DynamoDB client whose writes take a while, in which something else happens first."""

    def __init__(self, client: Any, clock: Clock, seconds: float, first: Callable[[], None]) -> None:
        self._client = client
        self._clock = clock
        self._seconds = seconds
        self._first = first

    def put_item(self, **arguments: Any) -> Any:
        self._clock.now += self._seconds / 2
        self._first()
        try:
            return self._client.put_item(**arguments)
        finally:
            self._clock.now += self._seconds / 2


@pytest.mark.parametrize(("takes", "remaining"), [(0.5, 2.25), (8, 0.001)], ids=["a while", "longer than it"])
def test_what_remains_of_a_cooldown_that_another_instance_began_meanwhile_is_at_most_all_of_it(
    cooldowns: Cooldowns, clock: Clock, dynamodb: Any, takes: float, remaining: float
) -> None:
    overtaken = Overtaken(dynamodb, clock, takes, lambda: cooldowns.start(KEY, 2.5, "Slowly."))
    with pytest.raises(RateLimited) as error:
        Cooldowns(overtaken, TABLE, clock).start(KEY, 2.5, "Slowly.")
    assert error.value.retry_after == remaining


def test_a_refunded_cooldown_is_over(cooldowns: Cooldowns) -> None:
    cooldowns.start(KEY, 30, "Slowly.")
    cooldowns.refund(KEY)
    cooldowns.start(KEY, 30, "Slowly.")


def test_keys_are_independent(cooldowns: Cooldowns) -> None:
    for key in (KEY, keys.cooldown("a#b", "u2"), keys.cooldown("a", "b#u1"), keys.typing("a#b", "u1")):
        cooldowns.start(key, 30, "Slowly.")


def test_the_item_has_the_attributes_it_was_given_and_can_be_deleted_a_minute_after_the_end(
    cooldowns: Cooldowns, dynamodb: Any, clock: Clock
) -> None:
    cooldowns.start(KEY, 3, "Slowly.", name="Ada")
    until = int(clock.now * 1_000) + 3_000
    assert item(dynamodb) == {**KEY, "name": "Ada", "until": until, "expires_at": until // 1_000 + 60}


def test_a_failure_of_dynamodb_is_not_taken_for_a_cooldown(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Cooldowns(dynamodb, "NoSuchTable").start(KEY, 30, "Slowly.")
