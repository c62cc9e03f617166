"""The HTTP server under the gateway and the Runtime API, with requests as bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from local.net.http_server import MAX_BODY, Handler, HttpServer, Request, Response, Upgrade

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def echo(request: Request) -> Response:
    return Response(200, b"%s %s" % (request.method.encode(), request.body or request.target.encode()))


@asynccontextmanager
async def serving(handler: Handler = echo, upgrade: Upgrade | None = None) -> AsyncIterator[int]:
    server = HttpServer(handler, upgrade)
    yield await server.start("127.0.0.1", 0)
    server.close()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()


async def response(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """Read the next response: status line, headers and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return head[0], headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def test_requests_on_one_connection_are_answered_in_order_however_long_each_takes() -> None:
    slow = asyncio.Event()

    def handler(request: Request) -> Response | Awaitable[Response]:
        return later(request) if request.path == "/slow" else echo(request)

    async def later(request: Request) -> Response:
        await slow.wait()
        return echo(request)

    async with serving(handler) as port, connected(port) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\n\r\nGET /quick HTTP/1.1\r\n\r\nGET /slow?2 HTTP/1.1\r\n\r\n")
        slow.set()
        bodies = [(await response(reader))[2] for _ in range(3)]
        assert bodies == [b"GET /slow", b"GET /quick", b"GET /slow?2"]


async def test_a_request_may_come_a_byte_at_a_time() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await response(reader))[2] == b"POST hello"


CHUNKED = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


async def test_a_chunked_body_is_put_together() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(CHUNKED)
        assert (await response(reader))[2] == b"POST hello"


async def test_a_handler_that_raises_is_a_500_and_the_connection_lives() -> None:
    def handler(request: Request) -> Response:
        if request.path == "/bad":
            raise RuntimeError("bug")
        return echo(request)

    async with serving(handler) as port, connected(port) as (reader, writer):
        writer.write(b"GET /bad HTTP/1.1\r\n\r\nGET /good HTTP/1.1\r\n\r\n")
        status, _, body = await response(reader)
        assert (status, body) == ("HTTP/1.1 500 Internal Server Error", b"internal error\n")
        assert (await response(reader))[2] == b"GET /good"


async def test_a_handler_whose_client_leaves_is_cancelled() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response()

    async with serving(handler) as port:
        async with connected(port) as (_, writer):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await started.wait()
        await cancelled.wait()


async def test_connection_close_is_honoured() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (await response(reader))[1]["connection"] == "close"
        assert await reader.read() == b""


async def test_a_head_request_gets_the_length_and_no_body() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(b"HEAD /abc HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        assert b"Content-Length: 9\r\n" in answer
        assert answer.endswith(b"\r\n\r\n")


async def test_a_204_has_no_content_length() -> None:
    async with serving(lambda request: Response(204)) as port, connected(port) as (reader, writer):
        writer.write(b"DELETE / HTTP/1.1\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("target", ["//[x", "//host/path", "/a?b?c"])
async def test_a_strange_target_is_passed_on_unchanged(target: str) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        assert (await response(reader))[2] == f"GET {target}".encode()


def test_a_request_splits_its_target_and_leaves_it_escaped() -> None:
    request = Request("GET", "//a%20b/[?x=%31?&y", [], b"", "127.0.0.1", 1)
    assert (request.path, request.query) == ("//a%20b/[", "x=%31?&y")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 1000) * 70 + b"\r\n", 431),
        (b"GET /%s HTTP/1.1\r\n\r\n" % (b"x" * 70_000), 414),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1) + b"x" * (MAX_BODY + 1), 413),
    ],
)
async def test_a_malformed_or_too_large_request_is_rejected_once(sent: bytes, status: int) -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(sent)
        first = await reader.readline()
        assert first.startswith(b"HTTP/1.1 %d " % status)


async def test_expect_is_answered_before_the_body() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await response(reader))[2] == b"POST ok"


UPGRADE = b"GET /socket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"


class Upgraded(asyncio.Protocol):
    """Sends the data of its upgrade, and echoes."""

    def __init__(self, request: Request, transport: asyncio.Transport, rest: bytes) -> None:
        self._transport = transport
        transport.write(b"upgraded " + request.path.encode() + b" " + rest)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def test_a_websocket_upgrade_is_handed_over_with_the_bytes_after_it() -> None:
    async with serving(echo, Upgraded) as port, connected(port) as (reader, writer):
        writer.write(UPGRADE % b"WebSocket" + b"early")
        assert await reader.readexactly(22) == b"upgraded /socket early"
        writer.write(b"later")
        assert await reader.readexactly(5) == b"later"


@pytest.mark.parametrize(("protocol", "upgrade"), [(b"h2c", Upgraded), (b"websocket", None)])
async def test_an_upgrade_without_a_taker_is_an_ordinary_request(
    protocol: bytes, upgrade: Callable[..., asyncio.Protocol] | None
) -> None:
    async with serving(echo, upgrade) as port, connected(port) as (reader, writer):
        writer.write(UPGRADE % protocol + b"GET /next HTTP/1.1\r\n\r\n")
        assert (await response(reader))[2] == b"GET /socket"
        assert (await response(reader))[2] == b"GET /next"


async def test_an_upgrade_behind_an_unanswered_request_is_rejected() -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    async with serving(never, Upgraded) as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n" + UPGRADE % b"websocket")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_closing_the_server_drops_its_connections() -> None:
    async with serving() as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await response(reader)
    assert await reader.read() == b""
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_small_answers_are_not_held_back() -> None:
    delays: list[int] = []

    def handover(request: Request, transport: asyncio.Transport, rest: bytes) -> asyncio.Protocol:
        delays.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return Upgraded(request, transport, rest)

    async with serving(echo, handover) as port, connected(port) as (reader, writer):
        writer.write(UPGRADE % b"websocket")
        await reader.readexactly(8)
    assert delays == [1]
