"""The adaptive rate against API Gateway's token bucket, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

import pytest

from apigateway.rate import AdaptiveRate, QuotaWatch

DEFAULT = (10_000, 5_000)  # posts per second, and at once: API Gateway's quotas
NEWER_REGIONS = (2_500, 1_250)
LATENCY = 0.015  # seconds, about API Gateway's


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Response(NamedTuple):
    at: float
    poster: int
    accepted: bool


@dataclass
class Account:
    """A quota, and posters that share it, each on so many connections."""

    rate: float
    burst: float
    posters: int = 1
    connections: int = 256
    wants: Callable[[float], bool] | None = None  # is there something to post? None: always
    starts: Callable[[], float] = lambda: 0.0  # when a poster begins
    overloads: list[tuple[float, float]] = field(default_factory=list)  # when everything is throttled
    full: float = 0.0  # the share of clients whose buffers are full
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.rates = [AdaptiveRate(self.clock) for _ in range(self.posters)]
        self._tokens = self.burst
        self._filled = 0.0

    def run(self, seconds: float) -> list[Response]:
        responses: list[Response] = []
        numbers = count()  # equal times in the order in which they came up
        timers: list[tuple[float, int, int, bool | None]] = []
        busy = [0] * self.posters
        paused = [False] * self.posters
        wants, dice, response = self.wants, self.dice.random, Response._make  # for each of a million posts
        for number in range(self.posters):
            heappush(timers, (self.starts(), next(numbers), number, None))
        while timers:
            now, _, number, passed = heappop(timers)
            if now > seconds:
                break
            self.clock.now = now
            adaptive = self.rates[number]
            if passed is None:
                paused[number] = False
            else:
                busy[number] -= 1
                (adaptive.on_success if passed else adaptive.on_throttled)()
                adaptive.evaluate()
                responses.append(response((now, number, passed)))
            adaptive.refill()
            while not paused[number] and busy[number] < self.connections:
                if not (wants is None or wants(now)):
                    heappush(timers, (now + 0.001, next(numbers), number, None))
                    paused[number] = True
                elif wait := adaptive.acquire():
                    heappush(timers, (now + wait, next(numbers), number, None))
                    paused[number] = True
                else:
                    busy[number] += 1
                    latency = LATENCY * (0.7 + 0.8 * dice())
                    heappush(timers, (now + latency, next(numbers), number, self._accepts(now)))
        return responses

    def _accepts(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        if self._tokens < 1 or (self.overloads and any(begin <= now < end for begin, end in self.overloads)):
            return False
        self._tokens -= 1
        return self.dice.random() >= self.full


def accepted(responses: list[Response], since: float, until: float) -> int:
    return sum(response.accepted for response in responses if since <= response.at < until)


def throttled_share(responses: list[Response], since: float, until: float) -> float:
    """The share of the posts that is throttled."""
    these = [response.accepted for response in responses if since <= response.at < until]
    return 1 - sum(these) / len(these)


def jain(parts: list[int]) -> float:
    """Jain's index of fairness: 1 if all have the same, 1/n if one of n has everything."""
    return sum(parts) ** 2 / (len(parts) * sum(part**2 for part in parts))


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_it_finds_a_quota_and_uses_all_of_it(quota: tuple[int, int]) -> None:
    rate, burst = quota
    responses = Account(rate, burst, connections=512).run(12)
    assert accepted(responses, 1, 12) >= 0.97 * rate * 11
    for second in range(1, 11):  # it never stands still: what AWS's bucket has kept bridges the gaps
        assert accepted(responses, second, second + 2) > 0.9 * rate * 2
    assert throttled_share(responses, 6, 12) < 0.03


def test_the_first_thousand_posts_go_at_once() -> None:
    adaptive = AdaptiveRate(Clock())
    adaptive.refill()
    assert [adaptive.acquire() for _ in range(1_000)] == [0.0] * 1_000
    assert adaptive.acquire() > 0


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_thousand_posts_go_at_once_again_after_a_moment_at_the_quota(quota: tuple[int, int]) -> None:
    rate, burst = quota
    account = Account(rate, burst, connections=512)
    account.run(8)
    (adaptive,) = account.rates
    account.clock.now += 1.0
    adaptive.refill()
    at_once = min(1_000, round(0.35 * rate))
    assert [adaptive.acquire() for _ in range(at_once)] == [0.0] * at_once


def test_it_finds_a_quota_that_has_been_raised() -> None:
    responses = Account(100_000, 50_000, connections=4_000).run(7)
    assert accepted(responses, 6, 7) > 90_000


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_second_after_an_overload_it_is_back(quota: tuple[int, int]) -> None:
    rate, burst = quota
    responses = Account(rate, burst, connections=512, overloads=[(4, 9)]).run(12)
    assert accepted(responses, 4.1, 9) == 0
    in_a_second = sum(1 for response in responses if 8 <= response.at < 9)
    assert 1 <= in_a_second < 0.05 * rate  # enough to notice the end
    assert accepted(responses, 10, 11) > 0.9 * rate


def test_a_second_overload_is_like_the_first() -> None:
    responses = Account(*DEFAULT, connections=512, overloads=[(4, 9), (12, 13), (16, 18)]).run(21)
    for end in (9, 13, 18):
        assert accepted(responses, end + 1, end + 2) > 0.9 * DEFAULT[0]


def test_it_is_overloaded_during_an_overload_only() -> None:
    account = Account(*DEFAULT, overloads=[(1, 2)])
    said: list[tuple[float, bool]] = []
    account.wants = lambda now: said.append((now, account.rates[0]._overloaded)) or True  # type: ignore[func-returns-value]
    account.run(4)
    assert not any(storm for now, storm in said if now < 1)
    assert all(storm for now, storm in said if 1.2 < now < 2)
    assert not any(storm for now, storm in said if now > 3)


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_hundred_posters_share_a_quota_in_fair_parts_and_use_all_of_it(
    quota: tuple[int, int],
) -> None:
    rate, burst = quota
    dice = random.Random(2)
    responses = Account(rate, burst, posters=100, starts=lambda: dice.uniform(0, 1)).run(20)
    assert accepted(responses, 2, 20) >= 0.97 * rate * 18
    assert throttled_share(responses, 6, 20) < 0.2
    parts = [0] * 100
    for response in responses:
        parts[response.poster] += response.accepted and response.at >= 10
    assert jain(parts) > 0.7
    assert min(parts) > 0.1 * sum(parts) / 100


def test_a_smaller_initial_rate_ends_up_with_as_much() -> None:
    account = Account(*DEFAULT, posters=100)
    account.rates = [
        AdaptiveRate(account.clock, initial=20.0 if number % 2 else 180.0) for number in range(100)
    ]
    responses = account.run(15)
    parts = [0] * 100
    for response in responses:
        parts[response.poster] += response.accepted and response.at >= 8
    assert jain(parts) > 0.8
    assert sum(parts[1::2]) > 0.4 * sum(parts)


def test_clients_that_read_too_slowly_do_not_slow_the_rest() -> None:
    responses = Account(*DEFAULT, connections=512, full=0.01).run(10)
    assert accepted(responses, 1, 10) > 0.95 * 9 * DEFAULT[0]


def test_a_single_client_that_is_throttled_changes_nothing() -> None:
    clock = Clock()
    adaptive = AdaptiveRate(clock)
    for _ in range(100):
        clock.now += 1.0
        for outcome in (adaptive.on_throttled, adaptive.on_success, adaptive.on_success):
            adaptive.refill()
            assert adaptive.acquire() == 0.0
            outcome()
            adaptive.evaluate()
    assert (adaptive.rate, adaptive._overloaded) == (AdaptiveRate(clock).rate, False)


def test_a_few_posts_in_an_overload_keep_the_rate_and_go_on_at_once_afterwards() -> None:
    clock = Clock()
    adaptive = AdaptiveRate(clock)
    for _ in range(12):
        clock.now += 0.1
        adaptive.on_throttled()
        adaptive.evaluate()
    assert (adaptive.rate, adaptive._overloaded) == (AdaptiveRate(clock).rate, True)
    for _ in range(12):
        clock.now += 0.1
        adaptive.refill()
        assert adaptive.acquire() == 0.0
        adaptive.on_success()
        adaptive.evaluate()
    assert not adaptive._overloaded


def test_idle_times_do_no_harm() -> None:
    bursts = Account(
        *DEFAULT, connections=512, wants=lambda now: now % 100 < 1
    )  # a second of work, 99 of none
    responses = bursts.run(1_001)
    for start in range(0, 1_001, 100):
        assert accepted(responses, start, start + 1) > 9_000
    # Each burst finds the quota again: an old share says nothing.
    assert throttled_share(responses, 0, 1_001) < 0.1


def test_posting_less_than_the_rate_does_not_look_like_a_limit() -> None:
    clock = Clock()
    adaptive = AdaptiveRate(clock)
    for _ in range(10_000):  # a hundred a second, for hours
        clock.now += 0.01
        adaptive.refill()
        assert adaptive.acquire() == 0.0
        adaptive.on_success()
        adaptive.evaluate()
    assert adaptive.rate == AdaptiveRate(clock).rate


def test_the_wait_is_never_too_short_for_the_clock() -> None:
    clock = Clock()
    clock.now = 1e6  # a float here cannot hold less than a tenth of a nanosecond
    adaptive = AdaptiveRate(clock)
    for _ in range(20_000):
        if wait := adaptive.acquire():
            assert clock.now + wait > clock.now
            clock.now += wait
            adaptive.refill()
    assert clock.now == pytest.approx(1e6 + (20_000 - 1_000) / adaptive.rate, abs=0.2)


def test_a_quota_is_exhausted_while_a_good_part_of_all_posts_is_throttled() -> None:
    quota = QuotaWatch()
    quota.accepted, quota.throttled = 1_000, 1_000
    mark = quota.mark()
    quota.accepted += 100
    quota.throttled += 25
    assert not quota.exhausted_since(mark)
    quota.throttled += 1
    assert quota.exhausted_since(mark)
    assert not quota.exhausted_since(quota.mark())
