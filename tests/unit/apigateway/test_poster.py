from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import pytest

from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from apigateway.poster import MAX_QUEUED, Batch, Post, Poster
from apigateway.rate import AdaptiveRate
from tests.support.fakes.gateway import FakeGateway

TRIES = 4
LONGEST_WAITS = [0.1, 0.2, 0.4]  # seconds, before each further try


class Posting:
    """A poster in virtual time, and what was settled, with its time."""

    def __init__(self, virtual: asyncio.Runner, gateway: FakeGateway) -> None:
        self.runner = virtual
        self.loop = virtual.get_loop()
        self.gateway = gateway
        self.pace = AdaptiveRate(self.loop.time)
        self.poster = Poster(gateway, self.pace, self.loop)
        self.settled: dict[str, Outcome] = {}
        self.times: dict[str, float] = {}

    def batch(self) -> Batch:
        return self.poster.batch(self.settle)

    def settle(self, post: Post, outcome: Outcome) -> None:
        assert post.connection_id not in self.settled, "settled twice"
        self.settled[post.connection_id] = outcome
        self.times[post.connection_id] = self.loop.time()

    def post(self, *connection_ids: str, frames: Iterable[str] = ("one",)) -> Outcome:
        """Posts to connections; returns the first one's outcome."""
        self.runner.run(self._post([Post(each, list(frames)) for each in connection_ids]))
        return self.settled[connection_ids[0]]

    async def _post(self, posts: list[Post]) -> None:
        batch = self.batch()
        await batch.add(posts)
        await batch.finish()


@pytest.fixture
def posting(virtual: asyncio.Runner) -> Posting:
    return Posting(virtual, FakeGateway(latency=0.015))


def names(room: str, size: int) -> list[str]:
    return [f"{room}-{number}" for number in range(size)]


def posts(connection_ids: Iterable[str]) -> list[Post]:
    return [Post(each, ["one"]) for each in connection_ids]


# One connection


def test_frames_arrive_in_order(posting: Posting) -> None:
    assert posting.post("c1", frames=["one", "two", "three"]) == Delivered()
    assert posting.gateway.frames["c1"] == ["one", "two", "three"]


def test_the_next_frame_waits_for_the_one_before(posting: Posting) -> None:
    under_way: defaultdict[str, int] = defaultdict(int)
    original = posting.gateway.post

    def post(frame: str, connection_id: str, done: Callable[[Outcome], None]) -> None:
        under_way[connection_id] += 1
        assert under_way[connection_id] == 1

        def answered(outcome: Outcome) -> None:
            under_way[connection_id] -= 1
            done(outcome)

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
def test_what_may_pass_is_tried_again(posting: Posting, trouble: Outcome, times: int) -> None:
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
def test_patience_has_an_end_and_then_the_connection_is_shed(
    posting: Posting, trouble: Outcome, tries: int, seconds: float
) -> None:
    posting.gateway.troubles["c1"] = [trouble] * 100
    assert posting.post("c1", frames=["one", "two"]) == trouble
    assert len(posting.gateway.posts) == tries
    assert posting.gateway.frames["c1"] == []
    assert posting.loop.time() < seconds


def test_a_frame_that_does_not_arrive_is_the_last(posting: Posting) -> None:
    gateway = posting.gateway
    gateway.on_post = lambda _: gateway.gone.update({"c1"} if len(gateway.frames["c1"]) == 1 else set())
    assert posting.post("c1", frames=["one", "two", "three"]) == Gone()
    assert gateway.frames["c1"] == ["one"]
    assert len(gateway.posts) == 2


def test_who_is_gone_is_not_tried_again(posting: Posting) -> None:
    posting.gateway.gone = {"c1"}
    assert posting.post("c1") == Gone()
    assert posting.gateway.posts == ["c1"]


def test_who_goes_while_we_wait_is_gone(posting: Posting) -> None:
    posting.gateway.troubles["c1"] = [Throttled(), Gone()]
    assert posting.post("c1") == Gone()


def test_waits_are_bounded_and_no_two_clients_wait_in_step(posting: Posting) -> None:
    times: defaultdict[str, list[float]] = defaultdict(list)
    posting.gateway.on_post = lambda name: times[name].append(posting.loop.time())
    clients = names("c", 200)
    for name in clients:
        posting.gateway.troubles[name] = [Failed("status 500")] * 100
    posting.post(*clients)
    for attempt, longest in enumerate(LONGEST_WAITS):
        waits = [times[name][attempt + 1] - times[name][attempt] - 0.015 for name in clients]
        assert -1e-9 <= min(waits) < longest * 0.2  # full jitter: from nothing at all ...
        assert longest * 0.8 < max(waits) < longest + 0.01  # ... to the whole of the backoff


# Rounds


def test_nothing_to_post_is_done_at_once(posting: Posting) -> None:
    async def nothing() -> None:
        batch = posting.batch()
        await batch.finish()
        await batch.add([])
        await batch.finish()

    posting.runner.run(nothing())
    assert posting.gateway.posts == []


def test_a_round_counts_its_outcomes_and_tells_each_once(posting: Posting) -> None:
    posting.gateway.gone = {"c-1"}
    posting.gateway.troubles["c-2"] = [Throttled()] * 100
    posting.gateway.troubles["c-3"] = [Failed("status 503")] * 100

    async def go() -> Batch:
        batch = posting.batch()
        await batch.add(posts(names("c", 5)))
        await batch.finish()
        return batch

    batch = posting.runner.run(go())
    assert batch.outcomes == {Delivered: 2, Gone: 1, Throttled: 1, Failed: 1}
    assert posting.settled == {
        "c-0": Delivered(), "c-1": Gone(), "c-2": Throttled(), "c-3": Failed("status 503"), 
        "c-4": Delivered(),
    }  # fmt: skip


def test_posts_are_begun_in_the_order_they_were_added(posting: Posting) -> None:
    posting.post(*names("c", 500))
    assert posting.gateway.posts == names("c", 500)


def test_a_round_can_go_on_after_it_was_finished(posting: Posting) -> None:
    async def go() -> None:
        batch = posting.batch()
        for name in names("c", 3):
            await batch.add(posts([name]))
            await batch.finish()
            assert posting.settled[name] == Delivered()

    posting.runner.run(go())


def test_no_more_posts_are_under_way_than_there_are_connections(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=7, latency=0.015))
    posting.post(*names("c", 100))
    assert posting.gateway.most_under_way == 7
    assert len(posting.settled) == 100


def test_a_reader_waits_while_too_much_waits_to_be_posted(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=10, latency=0.015))
    waiting: list[int] = []

    async def read() -> None:
        batch = posting.batch()
        for page in range(10):
            await batch.add(posts(names(f"page-{page}", 1_000)))
            waiting.append(len(batch.waiting))
        await batch.finish()

    posting.runner.run(read())
    assert len(posting.settled) == 10_000
    assert max(waiting) <= MAX_QUEUED


def test_several_readers_of_one_round_all_go_on(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=10, latency=0.015))

    async def read() -> None:
        batch = posting.batch()

        async def reader(number: int) -> None:
            for page in range(3):
                await batch.add(posts(names(f"{number}-{page}", 700)))

        await asyncio.gather(*(reader(number) for number in range(4)))
        await batch.finish()

    posting.runner.run(read())
    assert len(posting.settled) == 4 * 3 * 700


def test_a_reader_that_is_cancelled_while_it_waits_leaves_a_round_that_can_be_finished(
    virtual: asyncio.Runner,
) -> None:
    posting = Posting(virtual, FakeGateway(limit=10, latency=0.015))

    async def go() -> None:
        batch = posting.batch()
        reader = asyncio.ensure_future(batch.add(posts(names("c", 5_000))))
        await asyncio.sleep(0.1)
        assert not reader.done()
        reader.cancel()
        await batch.finish()

    posting.runner.run(go())
    assert len(posting.settled) == 5_000


def test_a_small_round_is_through_at_once_beside_a_large_one(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=20, latency=0.015))

    async def go() -> None:
        large, small = posting.batch(), posting.batch()
        await large.add(posts(names("large", 1_000)))
        await small.add(posts(names("small", 3)))
        await small.finish()
        await large.finish()

    posting.runner.run(go())
    assert max(posting.times[name] for name in names("small", 3)) < 0.05
    assert max(posting.times.values()) > 0.7


def test_rounds_of_one_size_are_done_at_one_time(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=20, latency=0.015))

    async def go() -> None:
        batches = {name: posting.batch() for name in "abc"}
        for name, batch in batches.items():
            await batch.add(posts(names(name, 500)))
        for batch in batches.values():
            await batch.finish()

    posting.runner.run(go())
    ends = [posting.times[f"{name}-499"] for name in "abc"]
    assert max(ends) - min(ends) < 0.05


def test_a_client_that_takes_nothing_does_not_keep_the_others_waiting(posting: Posting) -> None:
    posting.gateway.troubles["c-0"] = [Throttled()] * 100
    posting.post(*names("c", 1_000))
    assert max(posting.times[name] for name in names("c", 1_000)[1:]) < 0.2


# What is our own fault


class Broken(Exception):
    pass


def test_what_settling_raises_ends_the_round_and_no_other(posting: Posting) -> None:
    def settle(post: Post, outcome: Outcome) -> None:
        if post.connection_id == "bad-1":
            raise Broken

    async def go() -> None:
        bad, good = posting.poster.batch(settle), posting.batch()
        await bad.add(posts(names("bad", 3)))
        await good.add(posts(names("good", 3)))
        with pytest.raises(Broken):
            await bad.finish()
        assert bad.outcomes == {Delivered: 3}
        await good.finish()

    posting.runner.run(go())
    assert len(posting.settled) == 3


def test_posts_that_cannot_even_be_made_end_the_round(posting: Posting) -> None:
    def no_credentials(connection_id: str) -> None:
        raise KeyError("AWS_ACCESS_KEY_ID")

    async def go() -> None:
        batch = posting.batch()
        posting.gateway.on_post = no_credentials
        await batch.add(posts(names("c", 2_000)))
        with pytest.raises(KeyError, match="AWS_ACCESS_KEY_ID"):
            await batch.finish()

    posting.runner.run(go())


def test_members_that_cannot_be_turned_into_posts_leave_nothing_half_added(posting: Posting) -> None:
    def some_then_broken() -> Iterable[Post]:
        yield Post("c1", ["one"])
        raise Broken

    async def go() -> None:
        batch = posting.batch()
        with pytest.raises(Broken):
            await batch.add(some_then_broken())
        await batch.finish()

    posting.runner.run(go())
    assert posting.gateway.posts == []


# The quota


class Storm:
    """Throttles everything until a time."""

    def __init__(self, posting: Posting, until: float) -> None:
        def on_post(name: str) -> None:
            if posting.loop.time() < until:
                posting.gateway.troubles[name] = [Throttled()]

        posting.gateway.on_post = on_post


def test_who_is_throttled_in_a_storm_is_patient_and_hears(posting: Posting) -> None:
    Storm(posting, until=5.0)
    posting.post(*names("c", 1_000), frames=["one", "two"])
    assert set(posting.settled.values()) == {Delivered()}
    assert all(posting.gateway.frames[name] == ["one", "two"] for name in names("c", 1_000))
    assert posting.loop.time() < 6.5


def test_patience_with_a_storm_has_an_end_too(posting: Posting) -> None:
    Storm(posting, until=1e9)
    assert posting.post(*names("c", 1_000)) == Throttled()
    assert set(posting.settled.values()) == {Throttled()}
    assert posting.loop.time() < 200  # the lowest pace, fifteen seconds for each, and a few tries more


def test_a_quota_is_kept_and_everyone_hears(posting: Posting) -> None:
    rate, burst = 2_500.0, 1_250.0
    tokens, filled, refused = burst, 0.0, 0

    def on_post(name: str) -> None:
        nonlocal tokens, filled, refused
        now = posting.loop.time()
        tokens, filled = min(burst, tokens + (now - filled) * rate), now
        if tokens >= 1:
            tokens -= 1
        else:
            refused += 1
            posting.gateway.troubles[name] = [Throttled()]

    posting.gateway.on_post = on_post
    posting.post(*names("c", 10_000))
    assert set(posting.settled.values()) == {Delivered()}
    assert posting.loop.time() < 1.25 * (10_000 - burst) / rate
    assert refused < 2_000


def test_who_was_shed_is_left_alone_for_a_while_and_holds_up_nobody_again(posting: Posting) -> None:
    posting.gateway.troubles["c1"] = [Failed("status 500")] * TRIES
    assert posting.post("c1") == Failed("status 500")
    began = posting.loop.time()
    posting.settled.clear()
    assert posting.post("c1") == Failed("shed lately")
    assert len(posting.gateway.posts) == TRIES
    assert posting.loop.time() - began < 0.1
    posting.runner.run(asyncio.sleep(6))
    posting.settled.clear()
    assert posting.post("c1") == Delivered()


def test_what_takes_long_to_fail_is_tried_twice(posting: Posting) -> None:
    posting.gateway.latency = 0.5  # as long as an answer is waited for
    posting.gateway.troubles["c1"] = [Failed("TimeoutError")] * 10
    assert posting.post("c1") == Failed("TimeoutError")
    assert len(posting.gateway.posts) == 2
    assert posting.loop.time() < 1.2


def test_when_there_is_no_time_left_who_still_waits_is_shed_at_once(posting: Posting) -> None:
    random.seed(1)  # tried again at the earliest each time, c-0 would be given up before the time is over
    posting.poster.until = 0.5
    posting.gateway.troubles["c-0"] = [Throttled()] * 100
    posting.post(*names("c", 9_000))
    outcomes = Counter(type(outcome) for outcome in posting.settled.values())
    assert posting.settled["c-0"] == posting.settled["c-8999"] == Failed("no time left")
    assert outcomes[Delivered] > 1_000 and outcomes.total() == 9_000
    assert posting.loop.time() < 1.0


def test_no_time_left_does_not_wait_for_a_throttled_pace(posting: Posting) -> None:
    posting.pace.rate = 5.0
    posting.poster.until = 0.5
    posting.post(*names("c", 9_000))
    assert posting.settled["c-8999"] == Failed("no time left")
    assert posting.loop.time() < 1.0
