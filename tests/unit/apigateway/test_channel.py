"""A channel's socket: partial writes, and TLS's own records."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from apigateway.channel import Channel, TlsChannel
from tests.support.http_client import Connect
from tests.support.open_files import watched_files
from tests.support.waiting import until
from tests.support.web_host import Host

type Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
LARGE = os.urandom(1_000_000)  # bytes; more than the buffers of two sockets


class Received:
    """What a channel has received, and the error with which it broke."""

    def __init__(self, channel: Channel) -> None:
        self.data = b""
        self.calls = 0
        self.error: OSError | None = None
        self._channel = channel
        channel.open(self._readable, self._broken)

    def _readable(self) -> None:
        self.calls += 1
        self.data += self._channel.receive()
        if self._channel.ended:
            asyncio.get_running_loop().remove_reader(self._channel._socket)

    def _broken(self, error: OSError) -> None:
        self.error = error


@contextmanager
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection with small buffers."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    with ours, theirs:
        yield ours, theirs


async def read(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await asyncio.get_running_loop().sock_recv(end, 65_536)
    return data


class TlsEnd:
    """The host's end of a TLS connection, which sends what the test tells it to."""

    def __init__(self, end: socket.socket, context: ssl.SSLContext) -> None:
        self._end = end
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> None:
        """Shake hands, but keep the session tickets that follow."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self._end, self._outgoing.read())
                self._incoming.write(await loop.sock_recv(self._end, 65_536))

    async def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                data += self.tls.read(65_536)
            except ssl.SSLWantReadError:
                self._incoming.write(await asyncio.get_running_loop().sock_recv(self._end, 65_536))
        return data

    def records(self) -> bytes:
        """Return what the host has to send."""
        return self._outgoing.read()

    def send(self, data: bytes) -> None:
        assert self._end.send(data) == len(data)


@asynccontextmanager
async def tls_channel(tls: Contexts) -> AsyncIterator[tuple[TlsChannel, TlsEnd]]:
    with sockets() as (ours, theirs):
        channel = TlsChannel(asyncio.get_running_loop(), ours, tls[1], "localhost")
        host = TlsEnd(theirs, tls[0])
        await asyncio.gather(channel.handshake(), host.handshake())
        yield channel, host
        channel.close()


# Sending


async def test_what_the_kernel_does_not_take_at_once_is_sent_later_and_in_order() -> None:
    with sockets() as (ours, theirs):
        channel = Channel(asyncio.get_running_loop(), ours)
        Received(channel)
        channel.send(LARGE)
        channel.send(b"and more")
        assert channel._unsent.endswith(b"and more")
        assert await read(theirs, len(LARGE) + 8) == LARGE + b"and more"
        assert channel._unsent == b""
        channel.send(b"at once again")
        assert theirs.recv(100) == b"at once again"
        channel.close()


async def test_over_tls_too(tls: Contexts) -> None:
    async with tls_channel(tls) as (channel, host):
        Received(channel)
        channel.send(LARGE)
        channel.send(b"and more")
        assert channel._unsent
        assert await host.read(len(LARGE) + 8) == LARGE + b"and more"


@pytest.mark.parametrize("when", ["at once", "later"])
async def test_what_cannot_be_sent_breaks_the_channel_but_not_before_send_returns(when: str) -> None:
    with sockets() as (ours, theirs):
        channel = Channel(asyncio.get_running_loop(), ours)
        received = Received(channel)
        if when == "later":
            channel.send(LARGE)
        theirs.close()
        channel.send(b"to nobody")
        assert received.error is None
        await until(lambda: received.error)
        channel.close()


async def test_a_channel_that_is_closed_while_a_write_waits_calls_nothing_more() -> None:
    with sockets() as (ours, theirs):
        channel = Channel(asyncio.get_running_loop(), ours)
        received = Received(channel)
        watched = watched_files()
        channel.send(LARGE)
        theirs.send(b"unread")
        channel.close()
        assert watched_files() == watched - 1
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (received.calls, received.error) == (0, None)


# TLS's own records


async def test_a_session_ticket_is_no_data(tls: Contexts) -> None:
    async with tls_channel(tls) as (channel, host):
        received = Received(channel)
        host.send(host.records())
        await until(lambda: received.calls)
        assert (received.data, channel.ended) == (b"", False)
        host.tls.write(b"data")
        host.send(host.records())
        await until(lambda: received.data)
        assert received.data == b"data"


async def test_a_record_may_arrive_in_pieces_and_several_at_once(tls: Contexts) -> None:
    async with tls_channel(tls) as (channel, host):
        received = Received(channel)
        for _ in range(3):
            host.tls.write(b"data.")
        records = host.records()  # after the tickets
        host.send(records[:-10])
        await until(lambda: received.data)
        assert received.data == b"data." * 2
        host.send(records[-10:])
        await until(lambda: received.data == b"data." * 3)
        assert not channel.ended


@pytest.mark.parametrize("last", ["close_notify", "garbage", "nothing"])
async def test_data_that_comes_together_with_the_end_is_received(tls: Contexts, last: str) -> None:
    async with tls_channel(tls) as (channel, host):
        received = Received(channel)
        host.tls.write(b"data")
        if last == "close_notify":
            with pytest.raises(ssl.SSLWantReadError):
                host.tls.unwrap()
        host.send(host.records() + (b"x" * 100 if last == "garbage" else b""))
        if last == "nothing":
            host._end.close()
        await until(lambda: channel.ended)
        assert received.data == b"data"


async def test_garbage_alone_is_an_error(tls: Contexts) -> None:
    async with tls_channel(tls) as (channel, host):
        host.send(b"x" * 100)
        with pytest.raises(ssl.SSLError):
            channel.receive()


async def test_a_request_of_any_size_and_its_response_arrive_whole(host: Host, connect: Connect) -> None:
    client = connect()
    for body in (LARGE, b"small", LARGE * 3):
        assert (await client.post(body)).body == body
    assert len(host.visits) == 1
