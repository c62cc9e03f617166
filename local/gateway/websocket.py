"""The server's end of one WebSocket, on the transport that an HTTP upgrade handed over.

The protocol is the websockets library's, which does no I/O. This file is the I/O, with the rules that API
Gateway adds: text only, small frames. Nothing is compressed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeaderValue
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request as HandshakeRequest
from websockets.http11 import Response as HandshakeResponse
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from local.gateway.incoming import Frames, Incoming
from local.net.http_server import Request, Response

# The library logs every open and close of a connection at INFO.
_library_log = logging.getLogger(__name__ + ".protocol")
_library_log.setLevel(logging.WARNING)

CLOSE_TIMEOUT = 5.0  # seconds for a client to answer a close frame; then its connection is aborted
_EARLY_BYTES = 64 * 1024  # bytes before the handshake is answered; a client should send none

# The handshake reads these only. Sec-WebSocket-Extensions is missing: no client may need compression, which
# AWS does not document. API Gateway has agreed to an offer of it, with a bug:
# https://github.com/python-websockets/websockets/issues/1065
_HANDSHAKE_HEADERS = {"connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}


class WebSocket(asyncio.Protocol):
    """One client's socket: in the handshake until accept() or reject(), then open until it ends.

    `on_text` gets each whole text message. `on_end` is called exactly once, as soon as the end is certain,
    with the close code and reason. The code is 1005 for a close frame without a code, 1006 without a frame.
    `on_end` is called for a socket that ends during the handshake, but not for a rejected one.
    """

    def __init__(
        self,
        request: Request,
        transport: asyncio.Transport,
        early: bytes,
        *,
        max_message: int,
        max_frame: int,
        on_text: Callable[[str], None],
        on_end: Callable[[int, str], None],
        close_timeout: float = CLOSE_TIMEOUT,
    ) -> None:
        self._transport = transport
        self._early = early  # bytes from before the handshake was answered
        self._frames = Frames(state=State.OPEN, max_size=(max_message, max_frame), logger=_library_log)
        self._max_frame = max_frame
        self._incoming = Incoming(self._frames, lambda text: None if self._ended else on_text(text))
        self._on_end = on_end
        self._close_timeout = close_timeout
        self._accepted = False
        self._ended = False
        self._abort_timer: asyncio.TimerHandle | None = None
        self._handshake = _answer_handshake(request)

    @property
    def is_open(self) -> bool:
        # Ask the protocol too: within one read it may have a close frame that we have not reached.
        return self._accepted and not self._ended and self._frames.state is State.OPEN

    @property
    def unsent(self) -> int:
        """Bytes that the client has not read yet."""
        return self._transport.get_write_buffer_size()

    # the handshake

    @property
    def handshake_error(self) -> Response | None:
        """The response to an upgrade request that RFC 6455 does not allow. None for a valid one."""
        answer = self._handshake
        if answer.status_code == 101:
            return None
        headers = tuple((k, v) for k, v in answer.headers.raw_items() if k in ("Allow", "Upgrade"))
        return Response(answer.status_code, bytes(answer.body), headers)

    def accept(self, subprotocol: str | None = None) -> None:
        """Open the socket; a no-op if the client has left.

        Raises ValueError if the subprotocol is not a valid header value.
        """
        if subprotocol is not None:
            try:
                self._handshake.headers["Sec-WebSocket-Protocol"] = subprotocol
            except InvalidHeaderValue as error:
                raise ValueError(str(error)) from error
        if self._ended:
            return
        self._transport.write(self._handshake.serialize())
        self._accepted = True
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def reject(self, response: Response) -> None:
        """Answer the upgrade request with another response, and close the connection."""
        self._ended = True
        if not self._transport.is_closing():
            self._transport.write(response.encode(close=True))
            self._transport.close()

    # sending

    def send(self, text: bytes) -> None:
        """Send one UTF-8 message, in several frames if it is too long for one; a no-op after the end."""
        if not self.is_open:
            return
        if len(text) <= self._max_frame:
            self._frames.send_text(text)
        else:
            self._frames.send_text(text[: self._max_frame], fin=False)
            for start in range(self._max_frame, len(text), self._max_frame):
                end = start + self._max_frame
                self._frames.send_continuation(text[start:end], fin=end >= len(text))
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake; for us the socket has ended, even if the client does not answer."""
        if self.is_open:
            self._frames.send_close(code, reason)
            self._flush()
            self._end(code, reason)

    def hang_up(self) -> None:
        """Close the connection, without waiting for the client's close frame."""
        if self.unsent:
            self._transport.abort()  # a client that does not read would keep it open
        else:
            self._transport.close()

    def _flush(self) -> None:
        if self._transport.is_closing():
            self._frames.data_to_send()
            return
        for data in self._frames.data_to_send():
            if data == SEND_EOF:
                # Not close(): with unread bytes of the client the kernel would send a reset, and the client
                # would see 1006 instead of our close frame. Bytes that still arrive are discarded.
                self._transport.write_eof()
            else:
                self._transport.write(data)

    def _end(self, code: int, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if not self._transport.is_closing():
            self._abort_timer = asyncio.get_running_loop().call_later(
                self._close_timeout, self._transport.abort
            )
        self._on_end(code, reason)

    # asyncio's callbacks

    def data_received(self, data: bytes) -> None:
        if not self._accepted:
            self._early += data
            if len(self._early) > _EARLY_BYTES:
                self._transport.abort()
            return
        self._frames.receive_data(data)
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._incoming.receive(event)
        self._flush()
        self._notice_end()

    def eof_received(self) -> None:  # None: the transport closes itself
        if self._accepted:
            self._frames.receive_eof()
            self._flush()
            self._notice_end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._abort_timer:
            self._abort_timer.cancel()
        self._end(CloseCode.ABNORMAL_CLOSURE, "")

    def _notice_end(self) -> None:
        if self._frames.state is State.OPEN:
            return
        close = self._frames.close_rcvd or self._frames.close_sent
        if close is None:
            self._end(CloseCode.ABNORMAL_CLOSURE, "")
        else:
            self._end(close.code, close.reason)


def _answer_handshake(request: Request) -> HandshakeResponse:
    try:
        headers = Headers([(k, v) for k, v in request.headers if k.lower() in _HANDSHAKE_HEADERS])
    except InvalidHeaderValue as error:
        return ServerProtocol(logger=_library_log).reject(400, f"{error}\n")
    handshake = HandshakeRequest(request.target, headers, method=request.method)
    return ServerProtocol(logger=_library_log).accept(handshake)
