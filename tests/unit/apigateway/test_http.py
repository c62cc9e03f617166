"""Keep-alive connections: how they are kept, and the forms of responses."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from apigateway.connection import Response
from apigateway.response_times import ResponseTimes, Sample
from tests.support.http_client import Connect, request
from tests.support.waiting import TIMEOUT, until
from tests.support.web_host import Host, Visit, echo, ok

# Keeping connections


async def test_one_connection_serves_many_requests(host: Host, connect: Connect) -> None:
    client = connect(limit=5)
    for number in range(20):
        assert await client.post(b"%d" % number) == Response(200, b"%d" % number)
    assert len(host.visits) == 1


@pytest.mark.parametrize(("idle", "connections"), [(49, 1), (51, 2)])
async def test_a_connection_that_was_idle_for_long_is_not_used_again(
    host: Host, connect: Connect, monkeypatch: pytest.MonkeyPatch, idle: float, connections: int
) -> None:
    client = connect(limit=1)
    await client.post(b"first")
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", lambda time=loop.time: time() + idle)
    assert await client.post(b"second") == Response(200, b"second")
    assert len(host.visits) == connections


async def test_the_pool_samples_how_long_responses_took_and_counts_those_that_never_came(
    host: Host, connect: Connect
) -> None:
    client = connect(limit=1, timeout=0.2)
    for _ in range(3):
        await client.post()
    host.behave = never
    assert (await client.post()).error == "TimeoutError"
    sample = client.pool.response_times.take()
    assert (len(sample.seconds), sample.timed_out) == (3, 1)
    assert all(0 < seconds < 0.2 for seconds in sample.seconds)
    assert client.pool.response_times.take() == Sample([], 0)


async def never(visit: Visit, body: bytes) -> None:
    """Answer nothing."""


def test_a_sample_is_spread_over_all_responses_and_never_too_large_for_cloudwatch() -> None:
    times = ResponseTimes()
    for number in range(10_000):
        if times.next_counts():
            times.add(number)
    sample = times.take().seconds
    assert 32 <= len(sample) <= 64
    assert max(after - before for before, after in pairwise([0, *sample, 10_000])) <= 512


async def test_requests_at_once_have_a_connection_each_and_never_more_than_the_limit(
    host: Host, connect: Connect
) -> None:
    client = connect(limit=7)
    bodies = [b"%d" % number for number in range(100)]
    assert [response.body for response in await asyncio.gather(*map(client.post, bodies))] == bodies
    assert host.most_open == len(host.visits) == 7
    assert client.pool.free == 7


async def test_the_pool_knows_how_many_more_requests_can_be_sent(host: Host, connect: Connect) -> None:
    client = connect(limit=3)
    gate = asyncio.Event()

    async def wait(visit: Visit, body: bytes) -> None:
        await gate.wait()
        visit.write(ok())

    host.behave = wait
    responses: list[Response] = []
    for remaining in (2, 1, 0):
        client.pool.send(request(), responses.append)
        assert client.pool.free == remaining
    assert responses == []
    gate.set()
    await until(lambda: len(responses) == 3)
    assert client.pool.free == 3


async def test_a_response_may_send_the_next_request_at_once(host: Host, connect: Connect) -> None:
    client = connect(limit=1)
    bodies: list[bytes] = []
    done = asyncio.Event()

    def again(response: Response) -> None:
        bodies.append(response.body)
        if len(bodies) < 10:
            assert client.pool.free == 1
            client.pool.send(request(b"%d" % len(bodies)), again)
        else:
            done.set()

    client.pool.send(request(b"0"), again)
    await asyncio.wait_for(done.wait(), TIMEOUT)
    assert bodies == [b"%d" % number for number in range(10)]


@pytest.mark.parametrize("ending", ["close", "reset", "garbled"])
async def test_a_response_that_ends_its_connection_may_send_the_next_request_too(
    host: Host, connect: Connect, ending: str
) -> None:
    async def end(visit: Visit, body: bytes) -> None:
        match ending:
            case "close":
                visit.write(ok(body, "Connection: close\r\n"))
            case "reset":
                visit.reset()
            case "garbled":
                visit.write(b"garbled\r\n\r\n")

    host.behave = end
    client = connect(limit=1)
    responses: list[Response] = []
    done = asyncio.Event()

    def again(response: Response) -> None:
        responses.append(response)
        if len(responses) < 5:
            assert client.pool.free == 1
            client.pool.send(request(), again)
        else:
            done.set()

    client.pool.send(request(), again)
    await asyncio.wait_for(done.wait(), TIMEOUT)
    assert len(host.bodies) == len(host.visits) == 5
    assert all((response.status == 200) == (ending == "close") for response in responses)


async def test_connection_close_is_obeyed(host: Host, connect: Connect) -> None:
    async def close(visit: Visit, body: bytes) -> None:
        visit.write(ok(body, "Connection: close\r\n"))

    host.behave = close
    client = connect(limit=2)
    bodies = [b"%d" % number for number in range(20)]
    assert [response.body for response in await asyncio.gather(*map(client.post, bodies))] == bodies
    assert len(host.visits) == 20
    assert client.pool.free == 2


async def test_http_1_0_does_not_keep_a_connection(host: Host, connect: Connect) -> None:
    async def old(visit: Visit, body: bytes) -> None:
        visit.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nHi")

    host.behave = old
    client = connect()
    assert [await client.post(), await client.post()] == [Response(200, b"Hi")] * 2
    assert len(host.visits) == 2


# Forms of responses


async def test_a_response_may_arrive_in_any_pieces(host: Host, connect: Connect) -> None:
    async def drip(visit: Visit, body: bytes) -> None:
        await visit.drip(ok(body), size=int(body))

    host.behave = drip
    client = connect()
    for size in (b"1", b"2", b"7", b"30"):
        assert await client.post(size) == Response(200, size)
    assert len(host.visits) == 1


async def test_a_response_may_be_chunked(host: Host, connect: Connect) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\nTrailer: 1\r\n\r\n"

    async def in_chunks(visit: Visit, body: bytes) -> None:
        await visit.drip(chunked, size=5)

    host.behave = in_chunks
    client = connect()
    assert [await client.post(), await client.post()] == [Response(200, b"abc")] * 2
    assert len(host.visits) == 1


async def test_an_empty_body_after_a_full_one_is_empty(host: Host, connect: Connect) -> None:
    client = connect()
    assert [await client.post(body) for body in (b"full", b"", b"full", b"")] == [
        Response(200, body) for body in (b"full", b"", b"full", b"")
    ]


@pytest.mark.parametrize("status", [201, 204, 400, 403, 404, 410, 413, 429, 500, 502, 503, 504])
async def test_any_status_is_a_response(host: Host, connect: Connect, status: int) -> None:
    async def response(visit: Visit, body: bytes) -> None:
        visit.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % status)

    host.behave = response
    client = connect()
    assert [await client.post(), await client.post()] == [Response(status)] * 2
    assert len(host.visits) == 1


async def test_100_continue_is_not_the_response(host: Host, connect: Connect) -> None:
    async def go_on(visit: Visit, body: bytes) -> None:
        await visit.drip(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(body), size=10)

    host.behave = go_on
    client = connect()
    for body in (b"one", b"two"):
        assert await client.post(body) == Response(200, body)
    assert len(host.visits) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"garbled\r\n\r\n",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_an_invalid_response_is_an_error_and_its_connection_not_used_again(
    host: Host, connect: Connect, nonsense: bytes
) -> None:
    async def garble(visit: Visit, body: bytes) -> None:
        visit.write(nonsense)

    host.behave = garble
    client = connect()
    response = await client.post()
    assert (response.status, bool(response.error)) == (0, True)
    assert client.pool.free == 1
    host.behave = echo
    assert await client.post(b"two") == Response(200, b"two")
    assert len(host.visits) == 2


@pytest.mark.parametrize("more", [ok(b"another's"), b"garbage", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_data_after_a_response_is_not_taken_for_the_next_response(
    host: Host, connect: Connect, more: bytes
) -> None:
    async def too_much(visit: Visit, body: bytes) -> None:
        visit.write(ok(body) + more)

    host.behave = too_much
    client = connect()
    responses: list[bytes] = []
    done = asyncio.Event()

    def again(response: Response) -> None:
        responses.append(response.body)
        if len(responses) < 5:
            client.pool.send(request(b"%d" % len(responses)), again)
        else:
            done.set()

    client.pool.send(request(b"0"), again)
    await asyncio.wait_for(done.wait(), TIMEOUT)
    assert responses == [b"0", b"1", b"2", b"3", b"4"]
    assert len(host.visits) == 5


async def test_data_without_a_request_ends_its_connection(host: Host, connect: Connect) -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(context))
    client = connect(limit=2)
    await client.post(b"one")
    (visit,) = host.visits
    visit.write(ok(b"to nothing"))
    await until(lambda: host.open == 0)
    assert errors == []
    assert await client.post(b"two") == Response(200, b"two")
    assert client.pool.free == 2


async def test_a_response_that_ends_only_with_its_connection_is_not_trusted(
    host: Host, connect: Connect
) -> None:
    async def no_length(visit: Visit, body: bytes) -> None:
        visit.write(b"HTTP/1.1 200 OK\r\n\r\nHi")
        await visit.writer.drain()
        visit.writer.close()

    host.behave = no_length
    client = connect()
    assert (await client.post()).status == 0
    assert client.pool.free == 1
