"""A small HTTP/1.1 server on asyncio, for the gateway's port and for the Lambda Runtime API.

The engine answers one HTTP request per post to a socket and three per function call, so the server is on the
hot path of everything that it measures. httptools (llhttp) parses, and a handler without an await is answered
in the same iteration of the event loop. With aiohttp's server, 1,000 small posts on ten connections cost 3.7
times the CPU (56 instead of 15 ms with the client, on uvloop, median of 25).
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

log = logging.getLogger(__name__)

MAX_BODY = 8 * 1024 * 1024  # bytes; Lambda's synchronous payload limit is 6 MB
MAX_HEADERS = 64 * 1024  # bytes of request line and headers

# asyncio's default of 100 overflows when a thousand sockets connect in one burst. The kernel then drops TCP
# handshakes, and each of those clients waits a second before it retries.
BACKLOG = 4096


@dataclass(slots=True)
class Request:
    """One HTTP request; target, path and query are still escaped."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    client: str  # address of the peer
    port: int  # the local port
    path: str = field(init=False)
    query: str = field(init=False)

    def __post_init__(self) -> None:
        # Not urlsplit: it reads a host in "//a/b", and raises on "//[".
        self.path, _, self.query = self.target.partition("?")

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        lowered = name.lower()
        return next((value for key, value in self.headers if key.lower() == lowered), None)


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, *, head_only: bool = False, close: bool = False) -> bytes:
        """Return the bytes to send; a HEAD request gets the head only, with the body's length."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status not in _BODILESS:
            lines.append(f"Content-Length: {len(self.body)}")
        if close:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if head_only else head + self.body


_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}
_BODILESS = (204, 304)  # RFC 9110, 8.6: a 204 must not carry a Content-Length

type Handler = Callable[[Request], Response | Awaitable[Response]]
# Takes over the connection of a WebSocket upgrade: its request, its transport, the bytes after its headers.
# The returned protocol gets the next bytes, but no connection_made: the connection is already made.
type Upgrade = Callable[[Request, asyncio.Transport, bytes], asyncio.Protocol]


class HttpProtocol(asyncio.Protocol):
    """One client connection: requests are answered one at a time, in order.

    A handler is cancelled when its client disconnects. `connections` is the server's set of open connections;
    this one is in it until it closes or is handed over.
    """

    def __init__(
        self,
        handler: Handler,
        upgrade: Upgrade | None = None,
        connections: set[HttpProtocol] | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        self._handler = handler
        self._upgrade = upgrade
        self._max_body = max_body
        self._parser = httptools.HttpRequestParser(self)
        self._connections: set[HttpProtocol] = set() if connections is None else connections
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._upgrading: Request | None = None
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._client = ""
        self._port = 0
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not a check: uvloop's transports have the methods but are not a subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._client = transport.get_extra_info("peername")[0]
        self._port = transport.get_extra_info("sockname")[1]
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._hand_over(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._transport.is_closing():  # else _reject has answered
                self._answer_and_close(Response(400, b"malformed request\n"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._waiting.clear()
        if self._answering:
            self._answering.cancel()

    # httptools' callbacks

    def on_url(self, url: bytes) -> None:  # called once per part of the target
        self._url += url
        if len(self._url) > MAX_HEADERS:
            self._reject(414, b"target too long\n")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes + len(self._url) > MAX_HEADERS:
            self._reject(431, b"headers too large\n")
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if any(name.lower() == "expect" for name, _ in self._headers):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body:
            self._reject(413, b"body too large\n")
        self._body.append(body)

    def on_message_complete(self) -> None:
        request = self._request()
        if self._parser.should_upgrade() and self._upgrade is not None and _asks_for_websocket(request):
            self._upgrading = request  # data_received hands the connection over
            return
        self._waiting.append((request, self._parser.should_keep_alive()))
        if self._answering is None:
            self._answer_waiting()

    def _reject(self, status: int, body: bytes) -> None:
        self._answer_and_close(Response(status, body))
        raise ValueError("rejected")  # stops the parser, which reports a callback error

    def _answer_and_close(self, response: Response) -> None:
        self._transport.write(response.encode(close=True))
        self._transport.close()

    def abort(self) -> None:
        """Close the connection now, without the responses still due."""
        self._transport.abort()

    def _request(self) -> Request:
        method = self._parser.get_method().decode("ascii")
        target = self._url.decode("latin-1")
        request = Request(method, target, self._headers, b"".join(self._body), self._client, self._port)
        self._begin()
        return request

    def _hand_over(self, rest: bytes) -> None:
        request, self._upgrading = self._upgrading, None
        if request is None or self._upgrade is None:
            # The parser stops at every upgrade; others, such as to HTTP/2, were answered as plain requests.
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self.data_received(rest)
        elif self._answering is not None:
            # Pipelined: the response to an earlier request is still to be written.
            self._answer_and_close(Response(400, b"upgrade before the last answer\n"))
        else:
            self._connections.discard(self)
            self._transport.set_protocol(self._upgrade(request, self._transport, rest))

    # answering

    def _answer_waiting(self) -> None:
        while self._waiting:
            request, keep_alive = self._waiting.popleft()
            try:
                answer = self._handler(request)
            except Exception:
                answer = self._failed(request)
            if not isinstance(answer, Response):
                self._answering = asyncio.ensure_future(self._answer_later(answer, request, keep_alive))
                return
            self._write(answer, request, keep_alive)
        self._answering = None

    async def _answer_later(self, answer: Awaitable[Response], request: Request, keep_alive: bool) -> None:
        try:
            response = await answer
        except Exception:
            response = self._failed(request)
        self._write(response, request, keep_alive)
        self._answer_waiting()

    def _failed(self, request: Request) -> Response:
        log.exception("request failed: %s %s", request.method, request.path)
        return Response(500, b"internal error\n")

    def _write(self, response: Response, request: Request, keep_alive: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(response.encode(head_only=request.method == "HEAD", close=not keep_alive))
        if not keep_alive:
            self._transport.close()


def _asks_for_websocket(request: Request) -> bool:
    return (request.header("upgrade") or "").strip().lower() == "websocket"


class HttpServer:
    """A listening socket whose connections are HttpProtocols."""

    def __init__(self, handler: Handler, upgrade: Upgrade | None = None, *, max_body: int = MAX_BODY) -> None:
        self._handler = handler
        self._upgrade = upgrade
        self._max_body = max_body
        self._connections: set[HttpProtocol] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on host and port (0: any free one) and return the port. Raises OSError if it is taken."""
        # asyncio and uvloop set TCP_NODELAY on every socket.
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: HttpProtocol(self._handler, self._upgrade, self._connections, self._max_body),
            host,
            port,
            backlog=BACKLOG,
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    def stop_listening(self) -> None:
        """Accept no new connections; the open ones stay."""
        if self._listener is not None:
            self._listener.close()

    def close(self) -> None:
        """Stop listening and abort the open connections, except those that were handed over."""
        self.stop_listening()
        for connection in list(self._connections):
            connection.abort()
