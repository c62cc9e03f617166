"""Keep-alive connections when they are stale, time out, are closed, or anything else goes wrong."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import Counter

import pytest

from apigateway.connection import Response
from apigateway.http import Pool
from tests.support.http_client import Connect, request
from tests.support.waiting import TIMEOUT, until
from tests.support.web_host import Host, Visit, echo, ok

# Stale connections


async def test_a_connection_that_was_closed_meanwhile_is_replaced(host: Host, connect: Connect) -> None:
    client = connect(limit=4)
    await asyncio.gather(*(client.post() for _ in range(4)))
    for visit in list(host.visits):
        visit.reset()
    bodies = [b"%d" % number for number in range(40)]
    assert [response.body for response in await asyncio.gather(*map(client.post, bodies))] == bodies
    assert client.pool.free == 4


async def test_a_kept_connection_that_ends_before_a_response_sends_it_again_once_on_a_new_one(
    host: Host, connect: Connect
) -> None:
    async def reset_the_second(visit: Visit, body: bytes) -> None:
        if visit.requests == 2:
            visit.reset()
        else:
            visit.write(ok(body))

    host.behave = reset_the_second
    client = connect()
    assert await client.post(b"one") == Response(200, b"one")
    assert await client.post(b"two") == Response(200, b"two")
    assert host.bodies == [b"one", b"two", b"two"]
    assert [visit.requests for visit in host.visits] == [2, 1]
    assert client.pool.free == 1


async def test_a_request_is_not_sent_a_third_time(host: Host, connect: Connect) -> None:
    async def reset_all_but_the_first(visit: Visit, body: bytes) -> None:
        if body == b"one":
            visit.write(ok(body))
        else:
            visit.reset()

    host.behave = reset_all_but_the_first
    client = connect()
    await client.post(b"one")
    response = await client.post(b"two")
    assert (response.status, bool(response.error)) == (0, True)
    assert host.bodies == [b"one", b"two", b"two"]
    assert client.pool.free == 1


async def test_a_reset_before_a_response_on_a_new_connection_is_an_error(
    host: Host, connect: Connect
) -> None:
    async def reset(visit: Visit, body: bytes) -> None:
        visit.reset()

    host.behave = reset
    client = connect()
    response = await client.post(b"one")
    assert (response.status, bool(response.error)) == (0, True)
    assert host.bodies == [b"one"]
    host.behave = echo
    assert await client.post(b"two") == Response(200, b"two")


@pytest.mark.parametrize("part", [b"HTTP/1.1", ok(b"12345")[:-5], ok(b"12345")[:-1]])
@pytest.mark.parametrize("end", ["reset", "closed"])
async def test_a_response_that_is_cut_off_is_an_error_and_not_requested_again(
    host: Host, connect: Connect, part: bytes, end: str
) -> None:
    async def cut(visit: Visit, body: bytes) -> None:
        if body == b"one":
            visit.write(ok())
            return
        visit.write(part)
        await visit.writer.drain()
        if end == "closed":  # over TLS with a close_notify
            visit.writer.close()
        else:
            visit.reset()

    host.behave = cut
    client = connect()
    await client.post(b"one")
    response = await client.post(b"two")
    # A reset may overtake the data before it: then no part of a response arrives.
    assert response.status == 0
    assert response.error
    assert len(host.bodies) <= (2 if end == "closed" else 3)
    assert client.pool.free == 1


# Time-outs


async def test_a_host_that_does_not_respond_is_given_up(host: Host, connect: Connect) -> None:
    async def silent(visit: Visit, body: bytes) -> None:
        pass

    host.behave = silent
    client = connect(limit=2, timeout=0.3)
    assert await asyncio.gather(*(client.post() for _ in range(2))) == [Response(0, error="TimeoutError")] * 2
    assert client.pool.free == 2
    host.behave = echo
    assert await client.post(b"two") == Response(200, b"two")
    assert len(host.visits) == 3  # a late response must not be taken for another request's


async def test_a_host_that_responds_without_end_is_given_up_too(host: Host, connect: Connect) -> None:
    async def endless(visit: Visit, body: bytes) -> None:
        visit.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not visit.writer.transport.is_closing():
            visit.write(b".")
            await asyncio.sleep(0.01)

    host.behave = endless
    assert await connect(timeout=0.3).post() == Response(0, error="TimeoutError")


async def test_a_handshake_that_does_not_end_is_given_up(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with Host() as host:  # it speaks no TLS, and waits for a request
        pool = Pool(f"https://127.0.0.1:{host.port}", limit=1, timeout=0.2, context=tls[1])
        assert await pool.request(request()) == Response(0, error="TimeoutError")
        assert pool.free == 1


async def test_a_closed_port_is_an_error() -> None:
    async with Host() as host:
        pass
    pool = Pool(host.url, limit=1, timeout=TIMEOUT)
    assert await pool.request(request()) == Response(0, error="ConnectionRefusedError")
    assert pool.free == 1


async def test_an_untrusted_certificate_is_an_error(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with Host(context=tls[0]) as host:
        pool = Pool(host.url, limit=1, timeout=TIMEOUT)
        assert await pool.request(request()) == Response(0, error="SSLCertVerificationError")
        assert host.bodies == []


async def test_any_error_of_connecting_is_reported() -> None:
    pool = Pool(
        f"http://{'x' * 64}.example.com", limit=1, timeout=TIMEOUT
    )  # a label has 63 characters at most
    response = await pool.request(request())
    assert (response.status, bool(response.error)) == (0, True)
    assert pool.free == 1


# Ending


async def test_closing_ends_what_is_under_way(host: Host, connect: Connect) -> None:
    async def silent(visit: Visit, body: bytes) -> None:
        pass

    host.behave = silent
    client = connect(limit=3)
    under_way = [asyncio.ensure_future(client.post()) for _ in range(3)]
    await until(lambda: len(host.bodies) == 3)
    client.pool.close()
    assert await asyncio.gather(*under_way) == [Response(0, error="closed")] * 3
    await until(lambda: host.open == 0)
    assert client.pool.free == 3


async def test_closing_ends_what_is_connecting(host: Host, connect: Connect) -> None:
    client = connect()
    under_way = asyncio.ensure_future(client.post())
    await asyncio.sleep(0)
    client.pool.close()
    response = await under_way
    assert (response.status, bool(response.error)) == (0, True)
    assert client.pool.free == 1


async def test_a_waiting_caller_may_be_cancelled_and_its_request_goes_on(
    host: Host, connect: Connect
) -> None:
    gate = asyncio.Event()

    async def wait(visit: Visit, body: bytes) -> None:
        if body == b"slow":
            await gate.wait()
        visit.write(ok(body))

    host.behave = wait
    client = connect(limit=1)
    slow = asyncio.ensure_future(client.post(b"slow"))
    await until(lambda: host.bodies == [b"slow"])
    slow.cancel()
    next_one = asyncio.ensure_future(client.post(b"next"))
    await asyncio.wait([slow])
    assert client.pool.free == 0
    gate.set()
    assert await next_one == Response(200, b"next")
    assert len(host.visits) == 1


# All troubles at once


@pytest.mark.parametrize("seed", range(6))
async def test_each_request_gets_exactly_one_response_and_its_own(
    host: Host, connect: Connect, seed: int
) -> None:
    dice = random.Random(seed)
    trouble = [
        "reset", "cut", "garbled", "closing", "twice", "silence", "closed after", "reset later", "continue",
        "chunked",
    ]  # fmt: skip

    async def misbehave(visit: Visit, body: bytes) -> None:
        await asyncio.sleep(dice.choice([0, 0, 0.001, 0.003]))
        match dice.choice([*trouble, *["fine"] * 20, "drip"]):
            case "reset":
                visit.reset()
            case "cut":
                visit.write(ok(body)[:-1])
                visit.writer.close()
            case "garbled":
                visit.write(b"garbled\r\n\r\n")
            case "closing":
                visit.write(ok(body, "Connection: close\r\n"))
            case "twice":
                visit.write(ok(body) * 2)
            case "silence":
                pass
            case "closed after":  # what is kept is stale
                visit.write(ok(body))
                visit.writer.close()
            case "reset later":
                visit.write(ok(body))
                await visit.writer.drain()
                visit.reset()
            case "continue":
                visit.write(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(body))
            case "chunked":
                visit.write(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
                    % (len(body), body)
                )
            case "drip":
                await visit.drip(ok(body), size=7)
            case "fine":
                visit.write(ok(body))

    host.behave = misbehave
    client = connect(limit=5, timeout=0.4)  # a busy machine needs its time for TLS
    waiting = [b"request %d" % number for number in range(300)]
    responses: dict[bytes, list[Response]] = {body: [] for body in waiting}
    done = asyncio.Event()

    def pump() -> None:
        while waiting and client.pool.free > 0:
            body = waiting.pop()
            client.pool.send(request(body), lambda response, body=body: responded(body, response))  # type: ignore[misc]

    def responded(body: bytes, response: Response) -> None:
        responses[body].append(response)
        assert client.pool.free >= 1
        pump()
        if all(responses.values()):
            done.set()

    pump()
    await asyncio.wait_for(done.wait(), TIMEOUT)
    assert {len(one) for one in responses.values()} == {1}
    for body, (response,) in responses.items():
        assert response == Response(200, body) or (response.status == 0 and response.error), body
    assert sum(response.status == 200 for (response,) in responses.values()) > 150
    assert max(Counter(host.bodies).values()) <= 2  # sent again at most once
    assert client.pool.free == 5
