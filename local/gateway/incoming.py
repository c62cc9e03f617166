"""A client's frames put together to text messages, without I/O."""

from __future__ import annotations

import codecs
from collections.abc import Callable

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol


class Frames(ServerProtocol):
    """The WebSocket protocol, with API Gateway's reason for a message that is too big."""

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        if code == CloseCode.MESSAGE_TOO_BIG:
            # Clients of API Gateway see this reason: https://repost.aws/questions/QUpz6uWU0SSnunjzPrbmLtRg
            reason = "Message too big"
        super().fail(code, reason)


class Incoming:
    """Calls `on_text` with each whole text message; fails the connection on anything but UTF-8 text."""

    def __init__(self, frames: Frames, on_text: Callable[[str], None]) -> None:
        self._frames = frames
        self._on_text = on_text
        self._parts: list[bytes | bytearray | memoryview] = []  # of a message in several frames
        self._failed = False

    def receive(self, frame: Frame) -> None:
        if self._failed:
            return  # frames after an invalid one in the same read do not count
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
            self._on_text(text)

    def _fail(self, code: CloseCode) -> None:
        self._failed = True
        if self._frames.state is State.OPEN:
            self._frames.fail(code)
