"""How often many clients try that wait for one room's rate, each as `retry_after` says; in simulated time."""

from __future__ import annotations

import heapq
import random

from chat.protocol.errors import RateLimited
from chat.storage.rate_limits import ConditionFailed, Rate, RateLimiter

ROOM = Rate(50, 50)
WAITING = 100
INSTANCES = 10  # of the function: each has a limiter, and sees only its own requests
MAX_LONGER = 30.0  # seconds


class Room:
    """The item of a room, as DynamoDB decides on it, and the clock."""

    def __init__(self) -> None:
        self.now = 1_795_500_000.0
        self.due = int((self.now + 1) * 1_000_000)  # its burst has just been used

    def use(self, limiter: RateLimiter) -> None:
        for attempt in limiter.attempts("room"):
            with attempt:
                now, latest = attempt.values[":instant"], attempt.values.get(":latest")
                if latest is None and self.due <= now:
                    self.due = attempt.values[":next"]
                elif latest is not None and now < self.due <= latest:
                    self.due += attempt.values[":interval"]
                else:
                    raise ConditionFailed(self.due)
                return


def tries_of(waiting: int, *, spreads: bool, waits_longer: bool) -> tuple[int, float]:
    """Return how often clients tried until all were let through, and the seconds that it took."""
    rng, room = random.Random(1), Room()
    began = room.now
    limiters = [
        RateLimiter(ROOM, lambda: room.now, rng.random if spreads else lambda: 0) for _ in range(INSTANCES)
    ]
    due = [(began, client, 0) for client in range(waiting)]
    tries = 0
    while due:
        room.now, client, errors = heapq.heappop(due)
        tries += 1
        try:
            room.use(rng.choice(limiters))
        except RateLimited as error:
            longer = rng.uniform(0, min(2 ** (errors - 1), MAX_LONGER)) if waits_longer and errors else 0
            latency = rng.uniform(0.02, 0.08)
            heapq.heappush(due, (room.now + latency + error.retry_after + longer, client, errors + 1))
    return tries, room.now - began


def test_a_hundred_that_wait_for_a_room_need_few_tries() -> None:
    tries, seconds = tries_of(WAITING, spreads=True, waits_longer=True)
    assert tries <= 3 * WAITING
    assert seconds < 10


def test_a_thousand_need_hardly_more_tries_each() -> None:
    tries, seconds = tries_of(1_000, spreads=True, waits_longer=True)
    assert tries <= 6 * 1_000
    assert seconds < 120


def test_without_the_spread_they_meet_again_and_again() -> None:
    assert tries_of(WAITING, spreads=False, waits_longer=False)[0] > 5 * WAITING
