"""Connecting, and closing: nothing is left behind, whatever happens."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from apigateway.channel import Channel
from apigateway.channel import connect as connect_channel
from apigateway.http import Pool
from tests.support.http_client import Connect, request
from tests.support.open_files import nothing_left
from tests.support.waiting import TIMEOUT, until
from tests.support.web_host import Host, Visit

type Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


async def test_a_host_without_an_address_that_answers_is_an_error_and_leaves_nothing() -> None:
    async with Host() as host:
        pass
    async with nothing_left():
        with pytest.raises(ConnectionRefusedError):
            await connect_channel("127.0.0.1", host.port, None)


async def test_the_next_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Host() as closed:
        pass
    loop = asyncio.get_running_loop()

    async def two_addresses(*_: object, **__: object) -> list[tuple[object, ...]]:
        ports = (closed.port, host.port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    async with Host() as host:
        monkeypatch.setattr(loop, "getaddrinfo", two_addresses)
        async with nothing_left():
            channel = await connect_channel("localhost", host.port, None)
            channel.close()


@pytest.mark.parametrize("how", ["closed", "timed out"])
async def test_a_handshake_that_is_given_up_leaves_nothing(tls: Contexts, how: str) -> None:
    async with Host() as host, nothing_left():  # it speaks no TLS, and waits for a request
        timeout = 0.2 if how == "timed out" else TIMEOUT
        pool = Pool(f"https://127.0.0.1:{host.port}", limit=1, timeout=timeout, context=tls[1])
        under_way = asyncio.ensure_future(pool.request(request()))
        await until(lambda: host.open)
        if how == "closed":
            pool.close()
        assert (await under_way).error == ("closed" if how == "closed" else "TimeoutError")
        assert pool.free == 1
        await until(lambda: not host.open)


async def test_a_certificate_that_is_not_trusted_leaves_nothing(tls: Contexts) -> None:
    async with Host(context=tls[0]) as host, nothing_left():
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect_channel("127.0.0.1", host.port, ssl.create_default_context())


@pytest.mark.parametrize("how", ["closed", "timed out"])
async def test_a_request_that_cannot_be_written_to_its_end_is_given_up_and_leaves_nothing(
    host: Host, connect: Connect, how: str
) -> None:
    gate = asyncio.Event()

    async def read_nothing_more(visit: Visit, body: bytes) -> None:
        await gate.wait()

    host.behave = read_nothing_more
    async with nothing_left():
        client = connect(timeout=0.5 if how == "timed out" else TIMEOUT)
        under_way = asyncio.ensure_future(client.pool.request(request() + bytes(20_000_000)))
        await until(lambda: host.bodies)
        if how == "closed":
            client.pool.close()
        assert (await under_way).error == ("closed" if how == "closed" else "TimeoutError")
        assert client.pool.free == 1
        gate.set()


async def test_a_pool_that_is_closed_leaves_nothing(host: Host, connect: Connect) -> None:
    async with nothing_left():
        client = connect(limit=5)
        await asyncio.gather(*(client.post() for _ in range(20)))
        assert host.open == 5
        client.pool.close()
        await until(lambda: not host.open)


async def test_what_is_sent_to_a_closed_pool_ends_without_a_connection(host: Host, connect: Connect) -> None:
    async with nothing_left():
        client = connect()
        client.pool.close()
        responses = await asyncio.gather(*(client.post() for _ in range(3)))
        assert [response.error for response in responses] == ["closed"] * 3
        assert (host.open, client.pool.free) == (0, 1)


async def test_a_pool_that_is_closed_just_when_it_has_connected_leaves_nothing(
    host: Host, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nothing_left():
        client = connect()
        connect_one = client.pool._connect

        async def connect_and_close() -> Channel | str:
            channel = await connect_one()
            asyncio.get_running_loop().call_soon(client.pool.close)  # before the pool takes the channel
            return channel

        monkeypatch.setattr(client.pool, "_connect", connect_and_close)
        assert (await client.post()).error == "closed"
        assert (host.bodies, client.pool.free) == ([], 1)
        await until(lambda: not host.open)
