"""Keep-alive HTTP/1.1 connections to one host, without a task, a queue or a header dict per request.

A broadcast is thousands of small POSTs with nearly empty responses. docs/architecture.md has the CPU time of
one, beside that of boto3 and of the AWS Common Runtime's client. llhttp (httptools) parses the responses.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httptools

from apigateway.response_times import ResponseTimes

# Load balancers drop idle connections, many after 60 s. What is dropped unseen would wait for its time-out.
MAX_IDLE = 50.0  # seconds without a request, after which a connection is not used again
_SWEEP_INTERVAL = 0.1  # seconds between checks for requests that have timed out


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. `status` is 0 if there was none, and `error` then names the reason."""

    status: int
    body: bytes = b""
    error: str = ""


type Callback = Callable[[Response], None]
_EMPTY_OK = Response(200)


@cache
def _default_context() -> ssl.SSLContext:
    """Return the default context, made at the first use: reading certificates takes milliseconds."""
    return ssl.create_default_context()


class Pool:
    """At most `limit` requests to a host at a time, each on a connection of its own.

    The event loop may stand still for minutes between two requests, because Lambda freezes a process between
    two invocations. The host closes connections meanwhile. So if a kept connection ends before its response
    begins, the request is sent once more, on a new connection. One that was idle for MAX_IDLE is not used.
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
        """`timeout` is for one response, and `connect_timeout` for one new connection, in seconds.

        `connect_timeout` is `timeout` by default.
        """
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
        self._slots = asyncio.Semaphore(limit)  # for `request`, which waits where `send` must not be called
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._connecting: set[asyncio.Task[_Connection | str]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self.response_times = ResponseTimes()

    @property
    def free(self) -> int:
        """The number of further requests that can be sent now."""
        return self._limit - self._under_way

    def send(self, request: bytes, callback: Callback) -> None:
        """Send a whole request. `callback` is called with its response, never before this returns.

        There must be a free connection. `callback` may send the next request at once.
        """
        assert self.free > 0
        self._under_way += 1
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(_SWEEP_INTERVAL, self._sweep)
        now = loop.time()
        while self._idle:
            connection = self._idle.pop()
            if now - (connection.expires - self._timeout) > MAX_IDLE:
                connection.abort("idle")
            elif connection.usable:
                connection.send(request, callback, now + self._timeout)
                return
        self._send_on_new(request, callback)

    async def request(self, request: bytes) -> Response:
        """Wait for a free connection, send a request and return its response.

        Not for a pool on which `send` is called, too.
        """
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def callback(response: Response) -> None:
            self._slots.release()  # not earlier: a request goes on if its sender is cancelled
            if not future.done():
                future.set_result(response)

        await self._slots.acquire()
        self.send(request, callback)
        return await future

    def close(self) -> None:
        """Abort all connections. Requests under way end without a response."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.abort("closed")

    def _send_on_new(self, request: bytes, callback: Callback) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._connect())
        self._connecting.add(task)

        def connected(task: asyncio.Task[_Connection | str]) -> None:
            self._connecting.discard(task)
            if task.cancelled():
                self._end(callback, Response(0, error="closed"))
            elif isinstance(result := task.result(), str):
                self._end(callback, Response(0, error=result))
            else:
                result.send(request, callback, loop.time() + self._timeout)

        task.add_done_callback(connected)

    async def _connect(self) -> _Connection | str:
        """Return a new connection, or the name of the error."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self), self._address, self._port, ssl=self._tls()
                )
        except Exception as error:  # mostly OSError. Whatever it is, the request must end
            return type(error).__name__
        return connection

    def _tls(self) -> ssl.SSLContext | None:
        return (self._context or _default_context()) if self._secure else None

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._open):
            if connection.busy and connection.expires < now:
                self.response_times.timed_out += 1
                connection.abort("TimeoutError")
        self._sweeper = loop.call_later(_SWEEP_INTERVAL, self._sweep) if self._under_way else None

    # called by _Connection

    def _answered(self, connection: _Connection) -> None:
        if self.response_times.next_counts():
            sent_at = connection.expires - self._timeout
            self.response_times.add(asyncio.get_running_loop().time() - sent_at)

    def _opened(self, connection: _Connection) -> None:
        self._open.add(connection)

    def _freed(self, connection: _Connection) -> None:
        self._idle.append(connection)

    def _lost(self, connection: _Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _resend(self, request: bytes, callback: Callback) -> None:
        self._send_on_new(request, callback)

    def _end(self, callback: Callback, response: Response) -> None:
        self._under_way -= 1
        callback(response)


class _Connection(asyncio.Protocol):
    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._request = b""
        self._callback: Callback | None = None
        self._body: list[bytes] = []
        self._response: Response | None = None  # complete, but its callback not called yet
        self._reusable = False  # after this response
        self._began = False  # a part of the response has come
        self._responses = 0  # so far
        self.expires = 0.0
        self.usable = True

    @property
    def busy(self) -> bool:
        return self._callback is not None

    def send(self, request: bytes, callback: Callback, expires: float) -> None:
        self._request, self._callback, self.expires, self._began = request, callback, expires, False
        if self.usable:
            self._transport.write(request)
        else:  # lost since it was connected
            asyncio.get_running_loop().call_soon(self._end, "ConnectionError")

    def abort(self, error: str) -> None:
        self._discard()
        self._end(error)

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pool._opened(self)

    def data_received(self, data: bytes) -> None:
        if self._callback is None:  # nothing was requested: the next response would be mistaken for this one
            self.abort("unexpected data")
            return
        self._began = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:  # HttpParserUpgrade, too: nobody asked for an upgrade
            if self._response is None:
                self.abort(type(error).__name__)
                return
        if self._response is not None:
            self._complete(self._response)

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._pool._lost(self)
        if self._callback is None:
            return
        if self._responses and not self._began:
            request, callback, self._callback = self._request, self._callback, None
            self._pool._resend(request, callback)
        else:
            self._end(type(exc).__name__ if exc else "ConnectionError")

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._reusable = False  # until it is complete; and if more follows a complete response

    def on_body(self, body: bytes) -> None:
        if self._response is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._response is not None:  # 100 Continue, or a second response
            return
        self._response = (
            _EMPTY_OK if status == 200 and not self._body else Response(status, b"".join(self._body))
        )
        self._reusable = self._parser.should_keep_alive()

    def _complete(self, response: Response) -> None:
        # Called when all received data is parsed: the callback may send on this connection at once.
        assert self._callback is not None
        callback, self._callback, self._response, self._body = self._callback, None, None, []
        self._responses += 1
        self._pool._answered(self)
        if self._reusable:
            self._pool._freed(self)
        else:
            self._discard()
        self._pool._end(callback, response)

    def _discard(self) -> None:
        self.usable = False
        self._pool._lost(self)
        self._transport.abort()  # not close(): over TLS that waits for the host's close_notify

    def _end(self, error: str) -> None:
        if self._callback is not None:
            callback, self._callback = self._callback, None
            self._pool._end(callback, Response(0, error=error))
