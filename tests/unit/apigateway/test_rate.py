"""The pace against API Gateway's token bucket, in simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

import pytest

from apigateway.rate import AdaptiveRate, QuotaWatch

DEFAULT = (10_000, 5_000)  # posts a second, and at once: API Gateway's quotas
NEWER_REGIONS = (2_500, 1_250)
LATENCY = 0.015  # seconds, as API Gateway's


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Answered(NamedTuple):
    at: float
    pace: int
    passed: bool


@dataclass
class Account:
    """A quota, and paces that share it. Each posts whatever it has to, on so many connections."""

    rate: float
    burst: float
    paces: int = 1
    connections: int = 256
    wants: Callable[[float], bool] = lambda now: True  # whether there is something to post
    starts: Callable[[], float] = lambda: 0.0  # when a pace's work begins
    storms: list[tuple[float, float]] = field(default_factory=list)  # when everything is refused
    full: float = 0.0  # the part of the clients whose buffers are full
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.all = [AdaptiveRate(self.clock) for _ in range(self.paces)]
        self._tokens = self.burst
        self._filled = 0.0

    def run(self, seconds: float) -> list[Answered]:
        answers: list[Answered] = []
        numbers = count()  # equal times in the order in which they came up
        timers: list[tuple[float, int, int, bool | None]] = []
        busy = [0] * self.paces
        paused = [False] * self.paces
        for number in range(self.paces):
            heappush(timers, (self.starts(), next(numbers), number, None))
        while timers:
            now, _, number, passed = heappop(timers)
            if now > seconds:
                break
            self.clock.now = now
            pace = self.all[number]
            if passed is None:
                paused[number] = False
            else:
                busy[number] -= 1
                (pace.on_success if passed else pace.on_throttled)()
                answers.append(Answered(now, number, passed))
            while not paused[number] and busy[number] < self.connections:
                if not self.wants(now):
                    heappush(timers, (now + 0.001, next(numbers), number, None))
                    paused[number] = True
                elif wait := pace.acquire():
                    heappush(timers, (now + wait, next(numbers), number, None))
                    paused[number] = True
                else:
                    busy[number] += 1
                    latency = LATENCY * self.dice.uniform(0.7, 1.5)
                    heappush(timers, (now + latency, next(numbers), number, self._takes(now)))
        return answers

    def _takes(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        if self._tokens < 1 or any(begin <= now < end for begin, end in self.storms):
            return False
        self._tokens -= 1
        return self.dice.random() >= self.full


def passed(answers: list[Answered], since: float, until: float) -> int:
    return sum(answer.passed for answer in answers if since <= answer.at < until)


def refused(answers: list[Answered], since: float, until: float) -> float:
    """The part of the posts that is refused."""
    these = [answer.passed for answer in answers if since <= answer.at < until]
    return 1 - sum(these) / len(these)


def jain(parts: list[int]) -> float:
    """Jain's index of fairness: 1 where all have the same, 1/n where one of n has everything."""
    return sum(parts) ** 2 / (len(parts) * sum(part**2 for part in parts))


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_it_finds_a_quota_and_uses_all_of_it(quota: tuple[int, int]) -> None:
    rate, burst = quota
    answers = Account(rate, burst, connections=512).run(12)
    assert passed(answers, 1, 12) >= 0.97 * rate * 11
    for second in range(1, 11):  # and at no time stands still: what AWS's bucket keeps bridges what it misses
        assert passed(answers, second, second + 2) > 0.9 * rate * 2
    assert refused(answers, 6, 12) < 0.03


def test_the_first_thousand_posts_go_at_once() -> None:
    pace = AdaptiveRate(Clock())
    assert [pace.acquire() for _ in range(1_000)] == [0.0] * 1_000
    assert pace.acquire() > 0


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_thousand_posts_go_at_once_again_after_a_moment_at_the_quota(quota: tuple[int, int]) -> None:
    rate, burst = quota
    account = Account(rate, burst, connections=512)
    account.run(8)
    (pace,) = account.all
    account.clock.now += 1.0
    at_once = min(1_000, round(0.35 * rate))
    assert [pace.acquire() for _ in range(at_once)] == [0.0] * at_once


def test_it_finds_a_quota_that_has_been_raised() -> None:
    answers = Account(100_000, 50_000, connections=4_000).run(7)
    assert passed(answers, 6, 7) > 90_000


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_second_after_a_storm_it_is_back(quota: tuple[int, int]) -> None:
    rate, burst = quota
    answers = Account(rate, burst, connections=512, storms=[(4, 9)]).run(12)
    assert passed(answers, 4.1, 9) == 0
    assert 1 <= sum(1 for answer in answers if 8 <= answer.at < 9) < 0.05 * rate  # enough to notice
    assert passed(answers, 10, 11) > 0.9 * rate


def test_a_second_storm_is_like_the_first() -> None:
    answers = Account(*DEFAULT, connections=512, storms=[(4, 9), (12, 13), (16, 18)]).run(21)
    for end in (9, 13, 18):
        assert passed(answers, end + 1, end + 2) > 0.9 * DEFAULT[0]


def test_in_a_storm_it_says_so_and_afterwards_not() -> None:
    account = Account(*DEFAULT, storms=[(1, 2)])
    said: list[tuple[float, bool]] = []
    account.wants = lambda now: said.append((now, account.all[0]._overloaded)) or True  # type: ignore[func-returns-value]
    account.run(4)
    assert not any(storm for now, storm in said if now < 1)
    assert all(storm for now, storm in said if 1.2 < now < 2)
    assert not any(storm for now, storm in said if now > 3)


@pytest.mark.parametrize("quota", [DEFAULT, NEWER_REGIONS])
def test_a_hundred_that_share_a_quota_come_to_use_it_and_no_more_in_fair_parts(
    quota: tuple[int, int],
) -> None:
    rate, burst = quota
    dice = random.Random(2)
    answers = Account(rate, burst, paces=100, starts=lambda: dice.uniform(0, 1)).run(20)
    assert passed(answers, 2, 20) >= 0.97 * rate * 18
    assert refused(answers, 6, 20) < 0.2
    parts = [0] * 100
    for answer in answers:
        parts[answer.pace] += answer.passed and answer.at >= 10
    assert jain(parts) > 0.7
    assert min(parts) > 0.1 * sum(parts) / 100


def test_who_begins_with_less_comes_to_as_much() -> None:
    account = Account(*DEFAULT, paces=100)
    account.all = [
        AdaptiveRate(account.clock, initial=20.0 if number % 2 else 180.0) for number in range(100)
    ]
    answers = account.run(15)
    parts = [0] * 100
    for answer in answers:
        parts[answer.pace] += answer.passed and answer.at >= 8
    assert jain(parts) > 0.8
    assert sum(parts[1::2]) > 0.4 * sum(parts)


def test_clients_that_read_too_slowly_do_not_slow_the_rest() -> None:
    answers = Account(*DEFAULT, connections=512, full=0.01).run(10)
    assert passed(answers, 1, 10) > 0.95 * 9 * DEFAULT[0]


def test_a_client_that_is_refused_alone_changes_nothing() -> None:
    clock = Clock()
    pace = AdaptiveRate(clock)
    for _ in range(100):
        clock.now += 1.0
        for outcome in (pace.on_throttled, pace.on_success, pace.on_success):
            assert pace.acquire() == 0.0
            outcome()
    assert (pace.rate, pace._overloaded) == (AdaptiveRate(clock).rate, False)


def test_a_quiet_room_in_a_storm_is_told_so_and_goes_on_at_once_afterwards() -> None:
    clock = Clock()
    pace = AdaptiveRate(clock)
    for _ in range(12):
        clock.now += 0.1
        pace.on_throttled()
    assert (pace.rate, pace._overloaded) == (AdaptiveRate(clock).rate, True)
    for _ in range(12):
        clock.now += 0.1
        assert pace.acquire() == 0.0
        pace.on_success()
    assert not pace._overloaded


def test_idle_gaps_do_no_harm() -> None:
    bursts = Account(
        *DEFAULT, connections=512, wants=lambda now: now % 100 < 1
    )  # a second of work, 99 of none
    answers = bursts.run(1_001)
    for start in range(0, 1_001, 100):
        assert passed(answers, start, start + 1) > 9_000
    assert refused(answers, 0, 1_001) < 0.1  # each burst finds the quota anew: an old share tells nothing


def test_what_is_not_asked_for_is_not_taken_for_a_limit() -> None:
    clock = Clock()
    pace = AdaptiveRate(clock)
    for _ in range(10_000):  # a hundred a second, for hours
        clock.now += 0.01
        assert pace.acquire() == 0.0
        pace.on_success()
    assert pace.rate == AdaptiveRate(clock).rate


def test_the_wait_is_never_too_short_for_a_clock_to_tell() -> None:
    clock = Clock()
    clock.now = 1e6  # where a float has no room for less than a tenth of a nanosecond
    pace = AdaptiveRate(clock)
    for _ in range(20_000):
        if wait := pace.acquire():
            assert clock.now + wait > clock.now
            clock.now += wait
    assert clock.now == pytest.approx(1e6 + (20_000 - 1_000) / pace.rate, abs=0.2)


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
