"""The poster: one frame, or several, to any iterable of connection ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest

from apigateway import ApiGateway, BroadcastResult, Credentials, Delivered, Failed, Frame, Post, Poster
from apigateway.batch import MAX_QUEUED
from tests.support.fakes.gateway import FakeGateway
from tests.support.waiting import until
from tests.support.web_host import Host, Visit

IDS = [f"c{number}" for number in range(2_500)]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway(latency=0.015)


@pytest.fixture
def poster(gateway: FakeGateway) -> Poster:
    return Poster(gateway)


async def pages(ids: Sequence[str], size: int = 1_000) -> AsyncIterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        await asyncio.sleep(0)
        yield ids[start : start + size]


async def one_by_one(ids: Sequence[str]) -> AsyncIterator[str]:
    for connection_id in ids:
        yield connection_id


@pytest.mark.parametrize(
    "to",
    [lambda: IDS, lambda: set(IDS), lambda: iter(IDS), lambda: one_by_one(IDS), lambda: pages(IDS)],
    ids=["list", "set", "iterator", "asynchronous ids", "asynchronous pages"],
)
def test_a_frame_goes_to_each_connection(
    virtual: asyncio.Runner, gateway: FakeGateway, poster: Poster, to: Any
) -> None:
    assert virtual.run(poster.broadcast("Hi", to=to())) == BroadcastResult(2_500, [], {})
    assert gateway.frames == {connection_id: ["Hi"] for connection_id in IDS}


def test_nobody_to_post_to_is_an_empty_result(virtual: asyncio.Runner, poster: Poster) -> None:
    assert virtual.run(poster.broadcast("Hi", to=[])) == BroadcastResult(0, [], {})


def test_several_frames_arrive_in_order(
    virtual: asyncio.Runner, gateway: FakeGateway, poster: Poster
) -> None:
    virtual.run(poster.broadcast("one", b"two", Frame("three"), to=IDS[:3]))
    assert gateway.frames == {connection_id: ["one", "two", "three"] for connection_id in IDS[:3]}


def test_the_result_names_the_gone_and_the_failed(
    virtual: asyncio.Runner, gateway: FakeGateway, poster: Poster
) -> None:
    gateway.gone = {"c7", "c8"}
    gateway.troubles["c9"] = [Failed("status 500")] * 100
    result = virtual.run(poster.broadcast("Hi", to=IDS))
    assert (result.delivered, sorted(result.gone)) == (2_497, ["c7", "c8"])
    assert result.failed == {"c9": Failed("status 500")}


def test_a_broadcast_ends_at_its_deadline(virtual: asyncio.Runner, poster: Poster) -> None:
    deadline = virtual.get_loop().time() + 0.05
    result = virtual.run(poster.broadcast("Hi", to=IDS, deadline=deadline))
    assert 0 < result.delivered < 2_500
    assert set(result.failed.values()) == {Failed("deadline passed")}
    assert result.delivered + len(result.failed) == 2_500


def test_no_more_ids_are_read_than_there_is_room_for(virtual: asyncio.Runner) -> None:
    gateway = FakeGateway(limit=10, latency=0.015)
    ahead: list[int] = []
    read = 0

    async def counted() -> AsyncIterator[Sequence[str]]:
        nonlocal read
        async for page in pages(IDS, size=100):
            read += len(page)
            ahead.append(read - len(gateway.posts))
            yield page

    virtual.run(Poster(gateway).broadcast("Hi", to=counted()))
    assert max(ahead) <= MAX_QUEUED + 200


def test_what_reading_the_ids_raises_is_raised_when_the_posts_so_far_are_finished(
    virtual: asyncio.Runner, gateway: FakeGateway, poster: Poster
) -> None:
    def some_then_broken() -> Iterator[str]:
        yield from IDS[:1_000]
        raise LookupError

    with pytest.raises(LookupError):
        virtual.run(poster.broadcast("Hi", to=some_then_broken()))
    assert len(gateway.posts) == 1_000
    assert gateway.under_way == 0


def test_a_single_id_and_a_missing_frame_are_errors(virtual: asyncio.Runner, poster: Poster) -> None:
    with pytest.raises(TypeError, match="pass \\[connection_id\\]"):
        virtual.run(poster.broadcast("Hi", to="c1"))
    with pytest.raises(TypeError, match="needs a frame"):
        virtual.run(poster.broadcast(to=IDS))


@pytest.mark.parametrize("after", [0.02, 0.3], ids=["while it adds", "while it finishes"])
def test_a_cancelled_broadcast_begins_no_more_posts(virtual: asyncio.Runner, after: float) -> None:
    gateway = FakeGateway(limit=100, latency=0.015)
    poster = Poster(gateway)

    async def go() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(after):
                await poster.broadcast("Hi", to=IDS)
        posts = len(gateway.posts)
        await asyncio.sleep(1)
        assert 0 < posts < 2_500
        assert len(gateway.posts) == posts
        assert await poster.broadcast("Ho", to=["new"]) == BroadcastResult(1, [], {})

    virtual.run(go())


def test_different_frames_per_connection_are_a_batch(
    virtual: asyncio.Runner, gateway: FakeGateway, poster: Poster
) -> None:
    gateway.gone = {"c2"}
    seen: list[tuple[object, object]] = []

    async def go() -> None:
        async with poster.batch(lambda post, outcome: seen.append((post.context, outcome))) as batch:
            await batch.add(Post(name, [f"Hi {name}"], context=name.upper()) for name in IDS[:3])
        assert (batch.delivered, batch.gone, batch.failed) == (2, ["c2"], {})

    virtual.run(go())
    assert gateway.frames["c0"] == ["Hi c0"] and gateway.frames["c1"] == ["Hi c1"]
    assert ("C1", Delivered()) in seen and len(seen) == 3


def test_a_poster_belongs_to_one_event_loop(virtual: asyncio.Runner, poster: Poster) -> None:
    virtual.run(poster.broadcast("Hi", to=["c1"]))
    with asyncio.Runner() as another, pytest.raises(RuntimeError, match="one Poster per loop"):
        another.run(poster.broadcast("Hi", to=["c1"]))


# Over HTTP


async def test_a_frame_is_signed_once_for_a_broadcast_and_with_the_given_credentials() -> None:
    asked = 0

    def credentials() -> Credentials:
        nonlocal asked
        asked += 1
        return Credentials("GIVEN", "secret", None)

    async with Host() as host:
        options: dict[str, Any] = {"region": "eu-west-1", "credentials": credentials, "max_connections": 5}
        async with Poster(f"{host.url}/prod", **options) as poster:
            result = await poster.broadcast("Hi", to=[f"c{number}" for number in range(50)])
        assert result == BroadcastResult(50, [], {})
        assert asked == 1
        assert host.most_open <= 5
        assert all(b"Credential=GIVEN/" in head and b"/eu-west-1/" in head for head in host.heads)
        await until(lambda: not host.open)  # leaving the block has closed them


async def test_a_time_out_is_an_argument(aws: None) -> None:
    async def silent(visit: Visit, body: bytes) -> None:
        pass

    async with Host(silent) as host, Poster(f"{host.url}/prod", region="eu-west-1", timeout=0.1) as poster:
        result = await poster.broadcast("Hi", to=["c1"])
    assert result.failed == {"c1": Failed("TimeoutError")}
    assert len(host.bodies) == 2


async def test_one_frame_may_go_to_two_apis(aws: None) -> None:
    frame = Frame("Hi")
    async with Host() as one, Host() as other:
        for host, path in ((one, "one"), (other, "other"), (one, "one")):
            async with Poster(ApiGateway(f"{host.url}/{path}", region="eu-west-1")) as poster:
                assert (await poster.broadcast(frame, to=["c1"])).delivered == 1
        assert [head.split()[1] for head in one.heads] == [b"/one/@connections/c1"] * 2
        assert [head.split()[1] for head in other.heads] == [b"/other/@connections/c1"]
