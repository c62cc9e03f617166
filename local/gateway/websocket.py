"""The server's end of one WebSocket, on the transport that an HTTP upgrade handed over.

The protocol is the websockets library's, which does no I/O of its own; this is the I/O, and the rules that
API Gateway adds: text only, small frames, no compression.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
from collections.abc import Callable

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeaderValue
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as HandshakeRequest
from websockets.http11 import Response as HandshakeResponse
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from local.net.http_server import Request, Response

# The library logs each connection's opening and closing at INFO.
_library_log = logging.getLogger(__name__ + ".protocol")
_library_log.setLevel(logging.WARNING)

CLOSE_TIMEOUT = 5.0  # seconds that a client has to answer a close frame before its connection is cut
_EARLY_BYTES = 64 * 1024  # what a client may send before its handshake is answered; it should send nothing

# All that the handshake looks at. Sec-WebSocket-Extensions is left out: API Gateway offers no compression.
_HANDSHAKE_HEADERS = {"connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}


class _Frames(ServerProtocol):
    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if code == CloseCode.MESSAGE_TOO_BIG:
            # The reason that API Gateway's clients see: https://repost.aws/questions/QUpz6uWU0SSnunjzPrbmLtRg
            reason = "Message too big"
        super().fail(code, reason)


class WebSocket(asyncio.Protocol):
    """One client's socket: waiting until accept() or refuse(), then open until it ends.

    `on_text` gets each whole text message. `on_end` is called exactly once, as soon as it is clear that the
    socket ends, with the close code and reason; 1005 for a close frame without a code, 1006 without a frame.
    It is called for a socket that ends while it waits, but not for one that was refused.
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
        self._early = early  # what came before the handshake was answered
        self._frames = _Frames(state=State.OPEN, max_size=(max_message, max_frame), logger=_library_log)
        self._max_frame = max_frame
        self._on_text = on_text
        self._on_end = on_end
        self._close_timeout = close_timeout
        self._parts: list[bytes | bytearray | memoryview] = []  # of a message that came in several frames
        self._accepted = False
        self._ended = False
        self._failed = False
        self._cut: asyncio.TimerHandle | None = None
        self._handshake = _answer_handshake(request)

    @property
    def is_open(self) -> bool:
        # Asked of the protocol too: within one read it may know of a close that we have not come to.
        return self._accepted and not self._ended and self._frames.state is State.OPEN

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read."""
        return self._transport.get_write_buffer_size()

    # the handshake

    @property
    def handshake_error(self) -> Response | None:
        """Why the upgrade request is none that WebSocket (RFC 6455) allows."""
        answer = self._handshake
        if answer.status_code == 101:
            return None
        headers = tuple((k, v) for k, v in answer.headers.raw_items() if k in ("Allow", "Upgrade"))
        return Response(answer.status_code, bytes(answer.body), headers)

    def accept(self, subprotocol: str | None = None) -> None:
        """Opens the socket; does nothing when the client has left.

        Raises ValueError for a subprotocol that no header can carry.
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

    def refuse(self, response: Response) -> None:
        """Answers the upgrade request with another response, and closes the connection."""
        self._ended = True
        if not self._transport.is_closing():
            self._transport.write(response.encode(close=True))
            self._transport.close()

    # sending

    def send(self, text: bytes) -> None:
        """Sends one message, UTF-8, in as many frames as the frame size asks for; a no-op once it ends."""
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
        """Starts the closing handshake; the socket has ended for us, whether the client answers or not."""
        if self.is_open:
            self._frames.send_close(code, reason)
            self._flush()
            self._end(code, reason)

    def hang_up(self) -> None:
        """Closes the connection, whether or not the client has answered a close frame."""
        if self.unsent:
            self._transport.abort()  # a client that does not read would hold it open
        else:
            self._transport.close()

    def _flush(self) -> None:
        if self._transport.is_closing():
            self._frames.data_to_send()
            return
        for data in self._frames.data_to_send():
            if data == SEND_EOF:
                # Not close(): closing while a client's bytes are unread makes the kernel send a reset, and
                # the client then sees 1006 in place of our close frame. What else comes is discarded.
                self._transport.write_eof()
            else:
                self._transport.write(data)

    def _end(self, code: int, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if not self._transport.is_closing():
            self._cut = asyncio.get_running_loop().call_later(self._close_timeout, self._transport.abort)
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
                self._receive(event)
        self._flush()
        self._notice_end()

    def eof_received(self) -> None:  # None: the transport closes itself
        if self._accepted:
            self._frames.receive_eof()
            self._flush()
            self._notice_end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cut:
            self._cut.cancel()
        self._end(CloseCode.ABNORMAL_CLOSURE, "")

    # receiving

    def _receive(self, frame: Frame) -> None:
        if self._failed:
            return  # what came behind a bad frame in the same read does not count
        match frame.opcode:
            case Opcode.BINARY:
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
                self._fail(CloseCode.UNSUPPORTED_DATA)
            case Opcode.TEXT | Opcode.CONT:
                self._parts.append(frame.data)
                if frame.fin:
                    message, self._parts = b"".join(self._parts), []
                    self._deliver(message)

    def _deliver(self, message: bytes) -> None:
        try:
            text = codecs.decode(message, "utf-8")
        except UnicodeDecodeError:
            self._fail(CloseCode.INVALID_DATA)
        else:
            if not self._ended:
                self._on_text(text)

    def _fail(self, code: CloseCode) -> None:
        self._failed = True
        if self._frames.state is State.OPEN:
            self._frames.fail(code)

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
