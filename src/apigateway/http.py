"""Keep-alive HTTP/1.1 connections to one host, without a task, a queue or a header dict per request.

A broadcast is thousands of small POSTs with nearly empty responses. docs/architecture.md has the CPU time of
one, beside that of boto3 and of the AWS Common Runtime's client.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from urllib.parse import urlsplit

from apigateway.channel import Channel, connect
from apigateway.connection import Callback, Connection, Response
from apigateway.response_times import ResponseTimes

# Load balancers drop idle connections, many after 60 s. What is dropped unseen would wait for its time-out.
MAX_IDLE = 50.0  # seconds without a request, after which a connection is not used again
_SWEEP_INTERVAL = 0.1  # seconds between checks for requests that have timed out


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
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[Channel | str]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self.response_times = ResponseTimes()

    @property
    def free(self) -> int:
        """The number of further requests that can be sent now."""
        return self._limit - self._under_way

    def send(self, request: bytes, callback: Callback) -> None:
        """Send a whole request. `callback` is called with its response, never before this returns.

        There must be a free connection. `callback` may send the next request at once.
        """
        assert self._under_way < self._limit
        self._under_way += 1
        loop = asyncio.get_running_loop()
        if self._closed:
            loop.call_soon(self._end, callback, Response(0, error="closed"))
            return
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
        """Abort all connections. Requests under way end without a response, and so do later ones."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        connecting, self._connecting = self._connecting, set()
        for task in connecting:
            task.cancel()
        for connection in list(self._open):
            connection.abort("closed")

    def _send_on_new(self, request: bytes, callback: Callback) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._connecting.add(task)

        def connected(task: asyncio.Task[Channel | str]) -> None:
            result = "closed" if task.cancelled() else task.result()
            if not isinstance(result, str) and task not in self._connecting:  # closed when it was connected
                result.close()
                result = "closed"
            self._connecting.discard(task)
            if isinstance(result, str):
                self._end(callback, Response(0, error=result))
                return
            connection = Connection(self, result)
            self._open.add(connection)
            connection.send(request, callback, asyncio.get_running_loop().time() + self._timeout)

        task.add_done_callback(connected)

    async def _connect(self) -> Channel | str:
        """Return a new channel, or the name of the error."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await connect(self._address, self._port, self._tls())
        except Exception as error:  # mostly OSError. Whatever it is, the request must end
            return type(error).__name__

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

    # called by a connection

    def _answered(
        self, connection: Connection, callback: Callback, response: Response, *, reusable: bool
    ) -> None:
        if self.response_times.next_counts():
            sent_at = connection.expires - self._timeout
            self.response_times.add(asyncio.get_running_loop().time() - sent_at)
        if reusable:
            self._idle.append(connection)
        self._under_way -= 1
        callback(response)

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _resend(self, request: bytes, callback: Callback) -> None:
        self._send_on_new(request, callback)

    def _end(self, callback: Callback, response: Response) -> None:
        self._under_way -= 1
        callback(response)
