from __future__ import annotations

from local.gateway.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_through_at_once_and_no_more() -> None:
    bucket = TokenBucket(10, 3, Clock())
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_back_at_the_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 3, clock)
    while bucket.take():
        pass
    clock.now += 0.2
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_rest_saves_no_more_than_the_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 3, clock)
    clock.now += 3600
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
