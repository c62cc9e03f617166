"""The buckets that API Gateway throttles with."""

from __future__ import annotations

from local.gateway.token_bucket import StageThrottle, TokenBucket
from tests.support.local.gateway_stage import an_api


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


def test_a_stage_without_settings_is_limited_by_the_account_only() -> None:
    throttle = StageThrottle(an_api(), TokenBucket(10, 3, Clock()))
    assert [throttle.allows("say") for _ in range(4)] == [True, True, True, False]


def test_each_route_has_a_bucket_of_its_own() -> None:
    api = an_api(throttle_rate=0.001, throttle_burst=1)
    throttle = StageThrottle(api, TokenBucket(1000, 1000, Clock()))
    assert [throttle.allows(route) for route in ("say", "say", "ask", None, None)] == [
        True,
        False,
        True,
        True,
        True,
    ]
