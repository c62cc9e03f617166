"""Rates: on a real item, with a clock that the tests move."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.errors import RateLimited
from chat.storage.dynamodb import old_item
from chat.storage.rate_limits import Attempt, ConditionFailed, Rate, RateLimiter
from tests.support.fakes.clock import Clock

TEN_AND_TWENTY = Rate(10, 20)


def acquire[T](limiter: RateLimiter, item: str, update: Callable[[Attempt], T]) -> T:
    """Makes an update within the rate, as those who charge for something do."""
    for attempt in limiter.attempts(item):
        with attempt:
            return update(attempt)
    raise AssertionError("the attempts end with RateLimited")


class Item:
    """An item in DynamoDB. Counts the writes that were tried on it."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.writes = 0
        self.before_write: Callable[[], object] = lambda: None

    def update(self, attempt: Attempt) -> str:
        self.before_write()
        self.writes += 1
        try:
            self._dynamodb.update_item(
                TableName="ConnectionsTable",
                Key={"pk": "an item", "sk": "of its own"},
                UpdateExpression=f"SET due = {attempt.due}",
                ConditionExpression=attempt.condition,
                ExpressionAttributeValues=attempt.values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            item = old_item(error)
            raise ConditionFailed(int(item["due"]) if item else None) from None
        return "done"

    def takes(self, budget: RateLimiter) -> bool:
        """Spends once; False when there were too many."""
        try:
            assert acquire(budget, "item", self.update) == "done"
        except RateLimited:
            return False
        return True

    def all_at_once(self, budget: RateLimiter) -> int:
        """How many it takes before there are too many."""
        taken = 0
        while self.takes(budget):
            taken += 1
        return taken


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def item(dynamodb: Any) -> Item:
    return Item(dynamodb)


def error_of(item: Item, budget: RateLimiter) -> RateLimited:
    with pytest.raises(RateLimited) as limited:
        acquire(budget, "item", item.update)
    return limited.value


# One instance


def test_the_burst_may_come_at_once_and_then_each_in_its_time(item: Item, clock: Clock) -> None:
    budget = RateLimiter(TEN_AND_TWENTY, clock)
    assert item.all_at_once(budget) == 20
    clock.now += 0.0999
    assert item.all_at_once(budget) == 0
    clock.now += 0.0002
    assert item.all_at_once(budget) == 1
    clock.now += 1.0
    assert item.all_at_once(budget) == 10


def test_a_pause_gives_the_burst_back_and_never_more(item: Item, clock: Clock) -> None:
    budget = RateLimiter(TEN_AND_TWENTY, clock)
    item.all_at_once(budget)
    clock.now += 2.0
    assert item.all_at_once(budget) == 20
    clock.now += 3_600.0
    assert item.all_at_once(budget) == 20


def test_a_burst_of_one_is_one_at_a_time(item: Item, clock: Clock) -> None:
    budget = RateLimiter(Rate(0.1, 1), clock)
    assert item.all_at_once(budget) == 1
    clock.now += 9.9
    assert item.all_at_once(budget) == 0
    clock.now += 0.2
    assert item.all_at_once(budget) == 1


RATES = [TEN_AND_TWENTY, Rate(50, 50), Rate(0.1, 1), Rate(3, 7), Rate(700, 5), Rate(1_000, 1)]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_retry_after_is_exactly_long_enough(item: Item, clock: Clock, rate: Rate) -> None:
    budget = RateLimiter(rate, clock)
    dice = random.Random(5)
    for _ in range(10):
        item.all_at_once(budget)
        clock.now += dice.random() / 2 / rate.per_second
        wait = error_of(item, budget).retry_after
        assert wait == round(wait, 3), "a frame carries milliseconds"
        came = clock.now
        clock.now = came + wait - 0.0011
        assert not item.takes(budget)
        clock.now = came + wait
        assert item.takes(budget)


@pytest.mark.parametrize("rate", [Rate(each, 5) for each in (0.5, 3, 30, 300, 700)], ids=str)
def test_a_rate_holds_whether_or_not_it_divides_a_second(item: Item, clock: Clock, rate: Rate) -> None:
    budget = RateLimiter(rate, clock)
    taken = 0
    for _ in range(1_500):
        taken += item.takes(budget)
        clock.now += 1 / rate.per_second / 5
    assert taken == pytest.approx(304, rel=0.02)


# Several instances


@pytest.mark.parametrize(
    ("rate", "flood"), [(TEN_AND_TWENTY, 200), (Rate(50, 50), 500)], ids=["a connection", "a room"]
)
def test_a_flood_over_several_instances_gets_its_rate_and_no_more(
    item: Item, clock: Clock, rate: Rate, flood: int
) -> None:
    """Four instances, whose clocks differ by milliseconds; one of them is seldom asked and remembers old
    times.
    """
    dice = random.Random(7)
    skews = [0.0, 0.002, -0.003, 0.001]
    budgets = [RateLimiter(rate, lambda skew=skew: clock.now + skew) for skew in skews]  # type: ignore[misc]
    taken: Counter[int] = Counter()
    start = clock.now
    for number in range(flood * 10):
        clock.now = start + number / flood
        (budget,) = dice.choices(budgets, weights=[10, 10, 10, 1])
        before = item.writes
        taken[int(clock.now - start)] += item.takes(budget)
        assert item.writes - before <= 2
    assert taken.total() == pytest.approx(rate.burst + 10 * rate.per_second, rel=0.1)
    assert all(taken[second] == pytest.approx(rate.per_second, rel=0.1) for second in range(2, 10))
    # Most uses that are too many are known without a write.
    assert item.writes < flood * 10 / 2


def test_a_quiet_sender_costs_one_write_each_time_whichever_instance_it_meets(
    item: Item, clock: Clock
) -> None:
    budgets = [RateLimiter(TEN_AND_TWENTY, clock) for _ in range(4)]
    dice = random.Random(3)
    for _ in range(50):
        assert item.takes(dice.choice(budgets))
        clock.now += dice.uniform(0.101, 5)
    assert item.writes == 50


def test_a_busy_sender_costs_two_writes_at_most_and_one_where_one_instance_remembers(
    item: Item, clock: Clock
) -> None:
    one = RateLimiter(TEN_AND_TWENTY, clock)
    assert item.all_at_once(one) == 20
    assert item.writes == 20
    clock.now += 60
    others = [RateLimiter(TEN_AND_TWENTY, clock) for _ in range(20)]
    for other in others:
        before = item.writes
        assert item.takes(other)
        assert item.writes - before <= 2
    assert not item.takes(RateLimiter(TEN_AND_TWENTY, clock))


def test_a_sender_that_is_known_to_send_too_much_costs_nothing(item: Item, clock: Clock) -> None:
    budget = RateLimiter(TEN_AND_TWENTY, clock)
    item.all_at_once(budget)
    before = item.writes
    assert not any(item.takes(budget) for _ in range(1_000))
    assert item.writes == before


def test_two_instances_at_the_same_moment_count_both(item: Item, clock: Clock) -> None:
    mine, other = RateLimiter(Rate(10, 3), clock), RateLimiter(Rate(10, 3), clock)

    def overtake() -> None:
        item.before_write = lambda: None
        item.takes(other)

    item.before_write = overtake  # both have seen nothing yet, and take it to be the first
    assert item.takes(mine)
    assert item.all_at_once(mine) == 1


def test_an_instance_that_is_overtaken_every_time_gives_up(clock: Clock) -> None:
    tries: list[Attempt] = []

    def overtaken(attempt: Attempt) -> None:
        tries.append(attempt)
        raise ConditionFailed(0 if attempt.due == "due + :interval" else int((clock.now + 1) * 1_000_000))

    with pytest.raises(RateLimited) as limited:
        acquire(RateLimiter(TEN_AND_TWENTY, clock), "item", overtaken)
    assert len(tries) == 4
    assert 0.1 <= limited.value.retry_after < 0.11


# Memory


def test_an_instance_drops_old_items_from_memory_and_is_still_right(item: Item, clock: Clock) -> None:
    budget = RateLimiter(Rate(10, 3), clock)
    assert item.all_at_once(budget) == 3
    for number in range(10_000):
        acquire(budget, f"item {number}", lambda attempt: None)
    assert len(budget._seen) < 10_000
    before = item.writes
    assert not item.takes(budget)
    assert item.writes == before + 1


def test_items_are_counted_each_by_itself(clock: Clock) -> None:
    budget = RateLimiter(Rate(10, 1), clock)
    uses: list[str] = []
    for name in ("a", "b"):
        acquire(budget, name, lambda attempt: uses.append(attempt.due))
    assert uses == [":next", ":next"]
    with pytest.raises(RateLimited):
        acquire(budget, "a", lambda attempt: uses.append(attempt.due))


def test_what_fails_otherwise_is_not_counted_and_not_swallowed(item: Item, clock: Clock) -> None:
    budget = RateLimiter(Rate(10, 1), clock)

    def fail(attempt: Attempt) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        acquire(budget, "item", fail)
    assert item.takes(budget)
