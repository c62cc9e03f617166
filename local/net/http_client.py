"""A small HTTP/1.1 client on asyncio: for each message the engine reads a table's stream once or twice.

httptools parses, as in http_server.py. With aiohttp's client a request took several times the CPU, and the
engine's start a tenth of a second more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import cast
from urllib.parse import urlsplit

import httptools

from local.net.http_server import Response


class HttpClient:
    """Sends requests to one host, over as many connections as there are requests at once. They are kept."""

    def __init__(self, url: str, *, timeout: float | None = None) -> None:
        """`url` is `http://<host>:<port>`. `timeout` is in seconds per request."""
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._timeout = timeout
        self._connections: set[_Connection] = set()
        self._idle: list[_Connection] = []  # the one that was used last is the last
        self._closed = False

    async def post(self, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> Response:
        """Return the response. Raises OSError if there is none: a TimeoutError if it takes too long."""
        lines = [f"POST {target} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append(f"Content-Length: {len(body)}")
        request = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        async with asyncio.timeout(self._timeout):
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                response = await connection.send(request)
            except BaseException:
                connection.abort()
                raise
        if connection.is_reusable:
            self._idle.append(connection)
        else:
            connection.abort()
        return response

    def close(self) -> None:
        """Close all connections. A request that has no response yet fails, and so does a later one."""
        self._closed = True
        for connection in list(self._connections):
            connection.abort()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self._lost), self._host, self._port)
        if self._closed:
            connection.abort()
            raise ConnectionError("the client is closed")
        self._connections.add(connection)
        return connection

    def _lost(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


class _Connection(asyncio.Protocol):
    """One connection, which has one request at a time. `on_lost` is called when it closes."""

    def __init__(self, on_lost: Callable[[_Connection], None]) -> None:
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Response] | None = None
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self.is_reusable = False  # it is open, and the last response is complete

    async def send(self, request: bytes) -> Response:
        self.is_reusable = False
        self._headers, self._body = [], []
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def abort(self) -> None:
        self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not a subclass

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"not an HTTP response: {error}"))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        self._on_lost(self)
        self._fail(ConnectionError("the connection was closed before the response"))

    def _fail(self, error: ConnectionError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    # httptools' callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if (status := self._parser.get_status_code()) < 200:  # "100 Continue"
            self._headers = []
        elif self._waiting is not None and not self._waiting.done():
            self.is_reusable = self._parser.should_keep_alive()
            self._waiting.set_result(Response(status, b"".join(self._body), tuple(self._headers)))
