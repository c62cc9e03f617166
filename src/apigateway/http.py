"""Keep-alive HTTP/1.1 connections to one host, without a task, a queue or a header dict for each request.

A broadcast is thousands of small POSTs with answers that hold next to nothing. Measured over TLS on one core,
this takes half the CPU of the AWS Common Runtime's client and a fiftieth of boto3's (docs/architecture.md).
Answers are parsed by llhttp (httptools), whatever their shape.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httptools

_SWEEP = 0.1  # seconds between looks for requests that have timed out


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer; `status` is 0 where none came, and `error` says why."""

    status: int
    body: bytes = b""
    error: str = ""


type Done = Callable[[Response], None]
_EMPTY_OK = Response(200)


@cache
def _default_context() -> ssl.SSLContext:
    """Made when first needed, and once: reading the certificates takes milliseconds of a cold start."""
    return ssl.create_default_context()


class Pool:
    """At most `limit` requests to a host at a time, each on a connection of its own.

    The event loop may stand still for minutes between two requests, as Lambda freezes a process between two
    invocations; the host closes connections meanwhile. A request on a kept connection that ends before any
    answer has begun is therefore sent once more, on a new one.
    """

    def __init__(
        self,
        url: str,
        *,
        limit: int,
        timeout: float,
        connect_timeout: float | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout` is for one answer and `connect_timeout`, the same by default, for one new connection; in
        seconds."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.host = parts.netloc
        self._address = parts.hostname
        self._secure = parts.scheme == "https"
        self._context = context
        self._port = parts.port or (443 if self._secure else 80)
        self._limit = limit
        self._timeout = timeout
        self._connect_timeout = timeout if connect_timeout is None else connect_timeout
        self._under_way = 0  # requests
        self._turn = asyncio.Semaphore(limit)  # for those who would rather wait than look at `free`
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._connecting: set[asyncio.Task[_Connection | str]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def free(self) -> int:
        """How many more requests can be sent now."""
        return self._limit - self._under_way

    def send(self, request: bytes, done: Done) -> None:
        """Sends a whole request; `done` is called with its answer, never before this returns.

        `done` may send the next request, for which there is room.
        """
        assert self.free > 0
        self._under_way += 1
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP, self._sweep)
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                connection.send(request, done, loop.time() + self._timeout)
                return
        self._send_on_new(request, done)

    async def request(self, request: bytes) -> Response:
        """Sends a request when it is its turn, and returns its answer. Not for a pool that `send` uses."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def done(answer: Response) -> None:
            self._turn.release()  # and not earlier: the request goes on when its sender is cancelled
            if not future.done():
                future.set_result(answer)

        await self._turn.acquire()
        self.send(request, done)
        return await future

    def close(self) -> None:
        """Drops all connections; requests under way end without an answer."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.abort("closed")

    def _send_on_new(self, request: bytes, done: Done) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._connect())
        self._connecting.add(task)

        def connected(task: asyncio.Task[_Connection | str]) -> None:
            self._connecting.discard(task)
            if task.cancelled():
                self._end(done, Response(0, error="closed"))
            elif isinstance(result := task.result(), str):
                self._end(done, Response(0, error=result))
            else:
                result.send(request, done, loop.time() + self._timeout)

        task.add_done_callback(connected)

    async def _connect(self) -> _Connection | str:
        """A new connection, or why there is none."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self), self._address, self._port, ssl=self._tls()
                )
        except Exception as error:  # OSError as a rule; whatever it is, who waits has to hear of it
            return type(error).__name__
        return connection

    def _tls(self) -> ssl.SSLContext | None:
        return (self._context or _default_context()) if self._secure else None

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            if connection.busy and connection.expires < now:
                connection.abort("TimeoutError")
        self._sweeper = loop.call_later(_SWEEP, self._sweep) if self._under_way else None

    # called by connections

    def _opened(self, connection: _Connection) -> None:
        self._open.add(connection)

    def _freed(self, connection: _Connection) -> None:
        self._idle.append(connection)

    def _lost(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _resend(self, request: bytes, done: Done) -> None:
        self._send_on_new(request, done)

    def _end(self, done: Done, answer: Response) -> None:
        self._under_way -= 1
        done(answer)


class _Connection(asyncio.Protocol):
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._request = b""
        self._done: Done | None = None
        self._body: list[bytes] = []
        self._answer: Response | None = None  # whole, and not handed on yet
        self._reusable = False  # after this answer
        self._began = False  # some of the answer has come
        self._answered = 0  # requests so far
        self.expires = 0.0
        self.usable = True

    @property
    def busy(self) -> bool:
        return self._done is not None

    def send(self, request: bytes, done: Done, expires: float) -> None:
        self._request, self._done, self.expires, self._began = request, done, expires, False
        if self.usable:
            self._transport.write(request)
        else:  # lost between its connecting and now
            asyncio.get_running_loop().call_soon(self._end, "ConnectionError")

    def abort(self, why: str) -> None:
        self._discard()
        self._end(why)

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pool._opened(self)

    def data_received(self, data: bytes) -> None:
        if self._done is None:  # an answer to nothing: the next one would be taken for another's
            self.abort("unasked")
            return
        self._began = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:  # an upgrade, which nobody asked for, is none either
            if self._answer is None:
                self.abort(type(error).__name__)
                return
        if self._answer is not None:
            self._complete(self._answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._pool._lost(self)
        if self._done is None:
            return
        if self._answered and not self._began:
            request, done, self._done = self._request, self._done, None
            self._pool._resend(request, done)
        else:
            self._end(type(exc).__name__ if exc else "ConnectionError")

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._reusable = False  # not before it is complete; and not when anything follows an answer

    def on_body(self, body: bytes) -> None:
        if self._answer is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._answer is not None:  # 100 Continue, or an answer too many
            return
        self._answer = (
            _EMPTY_OK if status == 200 and not self._body else Response(status, b"".join(self._body))
        )
        self._reusable = self._parser.should_keep_alive()

    def _complete(self, answer: Response) -> None:
        # Not before all that has come is parsed: the next request may go out on this connection at once.
        assert self._done is not None
        done, self._done, self._answer, self._body = self._done, None, None, []
        self._answered += 1
        if self._reusable:
            self._pool._freed(self)
        else:
            self._discard()
        self._pool._end(done, answer)

    def _discard(self) -> None:
        self.usable = False
        self._pool._lost(self)
        self._transport.abort()  # not close(): over TLS that waits for the host's goodbye

    def _end(self, why: str) -> None:
        if self._done is not None:
            done, self._done = self._done, None
            self._pool._end(done, Response(0, error=why))
