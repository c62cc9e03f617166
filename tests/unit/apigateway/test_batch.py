"""Batches of posts: their outcomes, their turns, and errors that are not a connection's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from apigateway.batch import MAX_QUEUED, Batch, Post
from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.support.fakes.gateway import FakeGateway
from tests.support.posting import Posting, names, posts

# Batches


def test_nothing_to_post_is_done_at_once(posting: Posting) -> None:
    async def nothing() -> None:
        batch = posting.batch()
        await batch.finish()
        await batch.add([])
        await batch.finish()

    posting.runner.run(nothing())
    assert posting.gateway.posts == []


def test_a_batch_counts_its_outcomes_and_reports_each_once(posting: Posting) -> None:
    posting.gateway.gone = {"c-1"}
    posting.gateway.troubles["c-2"] = [Throttled()] * 100
    posting.gateway.troubles["c-3"] = [Failed("status 503")] * 100

    async def go() -> Batch:
        batch = posting.batch()
        await batch.add(posts(names("c", 5)))
        await batch.finish()
        return batch

    batch = posting.runner.run(go())
    assert (batch.delivered, batch.gone) == (2, ["c-1"])
    assert batch.failed == {"c-2": Throttled(), "c-3": Failed("status 503")}
    assert posting.outcomes == {
        "c-0": Delivered(), "c-1": Gone(), "c-2": Throttled(), "c-3": Failed("status 503"), 
        "c-4": Delivered(),
    }  # fmt: skip


def test_posts_are_begun_in_the_order_they_were_added(posting: Posting) -> None:
    posting.post(*names("c", 500))
    assert posting.gateway.posts == names("c", 500)


def test_a_batch_can_go_on_after_it_was_finished(posting: Posting) -> None:
    async def go() -> None:
        batch = posting.batch()
        for name in names("c", 3):
            await batch.add(posts([name]))
            await batch.finish()
            assert posting.outcomes[name] == Delivered()

    posting.runner.run(go())


def test_no_more_posts_are_under_way_than_the_client_allows(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=7, latency=0.015))
    posting.post(*names("c", 100))
    assert posting.gateway.most_under_way == 7
    assert len(posting.outcomes) == 100


def test_a_reader_waits_while_too_much_waits_to_be_posted(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=10, latency=0.015))
    waiting: list[int] = []

    async def read() -> None:
        batch = posting.batch()
        for page in range(10):
            await batch.add(posts(names(f"page-{page}", 1_000)))
            waiting.append(len(batch.queue))
        await batch.finish()

    posting.runner.run(read())
    assert len(posting.outcomes) == 10_000
    assert max(waiting) <= MAX_QUEUED


def test_several_readers_of_one_batch_all_go_on(virtual: asyncio.Runner) -> None:
    posting = Posting(virtual, FakeGateway(limit=10, latency=0.015))

    async def read() -> None:
        batch = posting.batch()

        async def reader(number: int) -> None:
            for page in range(3):
                await batch.add(posts(names(f"{number}-{page}", 700)))

        await asyncio.gather(*(reader(number) for number in range(4)))
        await batch.finish()

    posting.runner.run(read())
    assert len(posting.outcomes) == 4 * 3 * 700


def test_a_reader_that_is_cancelled_while_it_waits_leaves_a_batch_that_can_be_finished(
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
    assert len(posting.outcomes) == 5_000


def test_a_small_batch_is_through_at_once_beside_a_large_one(virtual: asyncio.Runner) -> None:
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


def test_batches_of_one_size_finish_at_the_same_time(virtual: asyncio.Runner) -> None:
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


def test_a_client_that_reads_nothing_does_not_delay_the_others(posting: Posting) -> None:
    posting.gateway.troubles["c-0"] = [Throttled()] * 100
    posting.post(*names("c", 1_000))
    assert max(posting.times[name] for name in names("c", 1_000)[1:]) < 0.2


# Errors of our own


class Broken(Exception):
    pass


def test_what_on_outcome_raises_ends_its_batch_and_no_other(posting: Posting) -> None:
    def note(post: Post, outcome: Outcome) -> None:
        if post.connection_id == "bad-1":
            raise Broken

    async def go() -> None:
        bad, good = posting.poster.batch(note), posting.batch()
        await bad.add(posts(names("bad", 3)))
        await good.add(posts(names("good", 3)))
        with pytest.raises(Broken):
            await bad.finish()
        assert bad.delivered == 3
        await good.finish()

    posting.runner.run(go())
    assert len(posting.outcomes) == 3


def test_posts_that_cannot_be_made_at_all_end_the_batch(posting: Posting) -> None:
    def no_credentials(connection_id: str) -> None:
        raise KeyError("AWS_ACCESS_KEY_ID")

    async def go() -> None:
        batch = posting.batch()
        posting.gateway.on_post = no_credentials
        await batch.add(posts(names("c", 2_000)))
        with pytest.raises(KeyError, match="AWS_ACCESS_KEY_ID"):
            await batch.finish()

    posting.runner.run(go())


def test_posts_that_cannot_be_listed_leave_nothing_half_added(posting: Posting) -> None:
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
