"""The simulated API Gateway as an HTTP server: `POST /{stage}/@connections/{id}`."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import struct
import time
from functools import partial
from typing import cast

import httptools

from bench.simulator import responses
from bench.simulator.service import Service
from bench.simulator.settings import Fault

BACKLOG = 4096  # connections of a burst that the kernel queues until they are accepted
# uvloop's default waits 30 s for the client's close_notify.
TLS_SHUTDOWN = 0.01  # seconds

_PIECE = 3  # bytes; an answer in tiny pieces
_PIECE_GAP = 0.001  # seconds between two; written in one iteration of the loop they share a TCP segment
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s: close() sends RST


class _Connection(asyncio.Protocol):
    """Answer requests in the order they came. A post is handled in one callback; nothing is awaited."""

    _transport: asyncio.Transport

    def __init__(self, service: Service) -> None:
        self._service = service
        self._delays = service.delays
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._due = 0.0  # when the last answer is due; later answers are written after it
        self._unanswered = 0
        self._answered = 0
        self._active = time.monotonic()
        self._mute = False
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.Transport, transport
        )  # uvloop's have the methods, but are not a subclass
        self._service.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._parser = None  # it refers to this object: a cycle that only the garbage collector would free
        self._service.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._mute or self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._service.malformed()
            self._send(responses.encode(400, Fault.CONNECTION_CLOSE), close=True)

    # httptools' callbacks

    def on_url(self, url: bytes) -> None:  # may come in pieces
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        if self._mute:  # pipelined behind the request that met the fault
            return
        assert self._parser is not None
        now = time.monotonic()
        answer, payload = self._service.answer(
            self._parser.get_method().decode("ascii"), self._url, self._headers, self._body, now
        )
        self._url, self._headers, self._body = b"", [], b""
        self._unanswered += 1
        self._due = max(self._due, now + answer.latency)
        fault = answer.fault
        if fault is Fault.HALF_OPEN:
            self._mute = True
        elif self._due == math.inf:
            pass
        elif fault is Fault.RESET_BEFORE or fault is Fault.RESET_AFTER:
            self._delays.call_at(self._due, self._reset)
        elif fault is Fault.TINY_PIECES:
            self._send_in_pieces(payload)
        else:
            close = fault is Fault.CONNECTION_CLOSE or not self._parser.should_keep_alive()
            if self._due <= now:
                self._send(payload, close)
            else:
                self._delays.call_at(self._due, partial(self._send, payload, close))

    # writing

    def _send(self, payload: bytes, close: bool = False) -> None:
        if self._parser is None or self._transport.is_closing():
            return
        self._transport.write(payload)
        self._unanswered -= 1
        self._answered += 1
        self._active = time.monotonic()
        if close or self._answered >= self._service.keep_alive_requests:
            self._transport.close()

    def _send_in_pieces(self, payload: bytes) -> None:
        pieces = [payload[start : start + _PIECE] for start in range(0, len(payload), _PIECE)]
        for piece in pieces[:-1]:
            self._delays.call_at(self._due, partial(self._write, piece))
            self._due += _PIECE_GAP
        self._delays.call_at(self._due, partial(self._send, pieces[-1]))

    def _write(self, piece: bytes) -> None:
        if self._parser is not None and not self._transport.is_closing():
            self._transport.write(piece)

    def _reset(self) -> None:
        if self._parser is None:
            return
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def close_if_idle_since(self, moment: float) -> None:
        if not self._unanswered and self._active < moment:
            self._transport.close()


async def listen(
    service: Service, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.Server, int]:
    """Serve on host and port (0: any free port). Return the server and its port.

    Raises OSError if the port is in use.
    """
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(service),
        host,
        port,
        ssl=tls,
        backlog=BACKLOG,
        ssl_shutdown_timeout=TLS_SHUTDOWN if tls else None,
    )
    bound: int = server.sockets[0].getsockname()[1]
    return server, bound
