"""Retries, and the quota that all posts share."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from apigateway.client import Frame
from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.support.fakes.gateway import FakeGateway
from tests.support.posting import Posting, names

TRIES = 4
MAX_DELAYS = [0.1, 0.2, 0.4]  # seconds, before each further try


# One connection


def test_frames_arrive_in_order(posting: Posting) -> None:
    assert posting.post("c1", frames=["one", "two", "three"]) == Delivered()
    assert posting.gateway.frames["c1"] == ["one", "two", "three"]


def test_a_frame_waits_for_the_one_before(posting: Posting) -> None:
    under_way: defaultdict[str, int] = defaultdict(int)
    original = posting.gateway.post

    def post(frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        under_way[connection_id] += 1
        assert under_way[connection_id] == 1

        def answered(outcome: Outcome) -> None:
            under_way[connection_id] -= 1
            callback(outcome)

        original(frame, connection_id, answered)

    posting.gateway.post = post  # type: ignore[method-assign]
    for name in names("c", 50):
        posting.gateway.troubles[name] = [Throttled(), Failed("status 500")]
    posting.post(*names("c", 50), frames=["one", "two", "three"])
    assert all(posting.gateway.frames[name] == ["one", "two", "three"] for name in names("c", 50))


@pytest.mark.parametrize(
    ("trouble", "times"),
    [(Throttled(), TRIES - 1), (Failed("status 500"), TRIES - 1), (Failed("TimeoutError"), 1)],
)
def test_a_temporary_failure_is_tried_again(posting: Posting, trouble: Outcome, times: int) -> None:
    posting.gateway.troubles["c1"] = [trouble] * times
    assert posting.post("c1", frames=["one", "two"]) == Delivered()
    assert posting.gateway.frames["c1"] == ["one", "two"]


def test_each_frame_has_its_own_tries(posting: Posting) -> None:
    fails = [Failed("status 500")] * (TRIES - 1)
    posting.gateway.troubles["c1"] = list(fails)
    posting.gateway.on_post = lambda name: (
        posting.gateway.troubles[name].extend(fails)
        if len(posting.gateway.frames[name]) == 1 and len(posting.gateway.posts) == TRIES
        else None
    )
    assert posting.post("c1", frames=["one", "two"]) == Delivered()
    assert len(posting.gateway.posts) == 2 * TRIES


@pytest.mark.parametrize(
    ("trouble", "tries", "seconds"), [(Throttled(), TRIES + 4, 2.3), (Failed("status 500"), TRIES, 0.8)]
)
def test_after_all_retries_the_connection_is_shed(
    posting: Posting, trouble: Outcome, tries: int, seconds: float
) -> None:
    posting.gateway.troubles["c1"] = [trouble] * 100
    assert posting.post("c1", frames=["one", "two"]) == trouble
    assert len(posting.gateway.posts) == tries
    assert posting.gateway.frames["c1"] == []
    assert posting.loop.time() < seconds


def test_after_a_frame_that_did_not_arrive_no_more_are_posted(posting: Posting) -> None:
    gateway = posting.gateway
    gateway.on_post = lambda _: gateway.gone.update({"c1"} if len(gateway.frames["c1"]) == 1 else set())
    assert posting.post("c1", frames=["one", "two", "three"]) == Gone()
    assert gateway.frames["c1"] == ["one"]
    assert len(gateway.posts) == 2


def test_a_closed_connection_is_not_tried_again(posting: Posting) -> None:
    posting.gateway.gone = {"c1"}
    assert posting.post("c1") == Gone()
    assert posting.gateway.posts == ["c1"]


def test_a_connection_that_closes_between_two_tries_is_gone(posting: Posting) -> None:
    posting.gateway.troubles["c1"] = [Throttled(), Gone()]
    assert posting.post("c1") == Gone()


def test_waits_are_bounded_and_no_two_clients_wait_in_step(posting: Posting) -> None:
    times: defaultdict[str, list[float]] = defaultdict(list)
    posting.gateway.on_post = lambda name: times[name].append(posting.loop.time())
    clients = names("c", 200)
    for name in clients:
        posting.gateway.troubles[name] = [Failed("status 500")] * 100
    posting.post(*clients)
    for attempt, longest in enumerate(MAX_DELAYS):
        waits = [times[name][attempt + 1] - times[name][attempt] - 0.015 for name in clients]
        assert -1e-9 <= min(waits) < longest * 0.2  # full jitter: from nothing at all ...
        assert longest * 0.8 < max(waits) < longest + 0.01  # ... to the whole of the backoff


# The quota


class Overload:
    """Throttle everything until a time."""

    def __init__(self, posting: Posting, until: float) -> None:
        def on_post(name: str) -> None:
            if posting.loop.time() < until:
                posting.gateway.troubles[name] = [Throttled()]

        posting.gateway.on_post = on_post


def test_connections_throttled_in_an_overload_wait_and_get_everything(posting: Posting) -> None:
    Overload(posting, until=5.0)
    posting.post(*names("c", 1_000), frames=["one", "two"])
    assert set(posting.outcomes.values()) == {Delivered()}
    assert all(posting.gateway.frames[name] == ["one", "two"] for name in names("c", 1_000))
    assert posting.loop.time() < 6.5


def test_an_overload_is_not_waited_for_without_end(posting: Posting) -> None:
    Overload(posting, until=1e9)
    assert posting.post(*names("c", 1_000)) == Throttled()
    assert set(posting.outcomes.values()) == {Throttled()}
    assert posting.loop.time() < 200  # the lowest rate, 15 seconds per connection, and a few more tries


def test_a_quota_is_kept_and_everyone_is_posted_to(posting: Posting) -> None:
    rate, burst = 2_500.0, 1_250.0
    tokens, filled, throttled = burst, 0.0, 0

    def on_post(name: str) -> None:
        nonlocal tokens, filled, throttled
        now = posting.loop.time()
        tokens, filled = min(burst, tokens + (now - filled) * rate), now
        if tokens >= 1:
            tokens -= 1
        else:
            throttled += 1
            posting.gateway.troubles[name] = [Throttled()]

    posting.gateway.on_post = on_post
    posting.post(*names("c", 10_000))
    assert set(posting.outcomes.values()) == {Delivered()}
    assert posting.loop.time() < 1.25 * (10_000 - burst) / rate
    assert throttled < 2_000


def test_a_shed_connection_is_not_posted_to_for_a_while_and_delays_nobody_again(posting: Posting) -> None:
    posting.gateway.troubles["c1"] = [Failed("status 500")] * TRIES
    assert posting.post("c1") == Failed("status 500")
    began = posting.loop.time()
    posting.outcomes.clear()
    assert posting.post("c1") == Failed("recently shed")
    assert len(posting.gateway.posts) == TRIES
    assert posting.loop.time() - began < 0.1
    posting.runner.run(asyncio.sleep(6))
    posting.outcomes.clear()
    assert posting.post("c1") == Delivered()


def test_a_post_that_takes_long_to_fail_is_tried_twice(posting: Posting) -> None:
    posting.gateway._latency = 0.5  # about the time-out
    posting.gateway.troubles["c1"] = [Failed("TimeoutError")] * 10
    assert posting.post("c1") == Failed("TimeoutError")
    assert len(posting.gateway.posts) == 2
    assert posting.loop.time() < 1.2


def test_at_the_deadline_all_queued_posts_are_shed_at_once(posting: Posting) -> None:
    random.seed(1)  # with the shortest delays c-0 would be shed before the deadline
    posting.gateway.troubles["c-0"] = [Throttled()] * 100
    posting.post(*names("c", 9_000), deadline=0.5)
    outcomes = Counter(type(outcome) for outcome in posting.outcomes.values())
    assert posting.outcomes["c-0"] == posting.outcomes["c-8999"] == Failed("deadline passed")
    assert outcomes[Delivered] > 1_000 and outcomes.total() == 9_000
    assert posting.loop.time() < 1.0


def test_a_passed_deadline_does_not_wait_for_a_throttled_rate(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(latency=0.015), initial_rate=5.0)
    posting.post(*names("c", 9_000), deadline=0.5)
    assert posting.outcomes["c-8999"] == Failed("deadline passed")
    assert posting.loop.time() < 1.0


def test_a_deadline_is_its_own_batchs_and_not_the_next_ones(posting: Posting) -> None:
    posting.post("c1", deadline=0.0)
    assert posting.outcomes.pop("c1") == Failed("deadline passed")
    assert posting.post("c1") == Delivered()
