"""Stands where the X-Ray daemon listens on Lambda.

Functions are told its address, as Lambda tells them the daemon's, so that segments go to no other program
that happens to listen on the daemon's usual port 2000.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

MAX_DATAGRAM = 64 * 1024  # bytes; more does not fit into one

# A broadcast of hundreds of messages sends as many segments within milliseconds, while the engine is busy
# with its posts. The kernel holds them until then: as many as fit into what it allows of this, which on a
# Linux with its default net.core.rmem_max is some two hundred.
BUFFER = 8 * 1024 * 1024  # bytes

AT_ONCE = 1_000  # datagrams that are read before others of the loop have their turn

type Receive = Callable[[dict[str, Any]], None]


def _drop(document: dict[str, Any]) -> None:
    pass


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # Python reads NaN and 1e999, and no browser would read them back
        raise ValueError(f"{text} is no number")
    return value


class XRayListener:
    """Hears segment documents on a free port of 127.0.0.1, and hands them to `receive`.

    A datagram is a JSON header line and a document:
    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon. What is
    none is dropped, as the daemon does.
    """

    def __init__(self, receive: Receive = _drop) -> None:
        self._receive = receive
        self._socket: socket.socket | None = None

    async def start(self) -> str:
        """The daemon's address, as AWS_XRAY_DAEMON_ADDRESS has it."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listening.setblocking(False)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        except OSError:  # macOS refuses what is more than it allows
            log.debug("the kernel's own buffer has to do")
        listening.bind(("127.0.0.1", 0))
        self._socket = listening
        # Not a datagram endpoint: that reads one datagram in a turn of the loop, and a burst takes many.
        asyncio.get_running_loop().add_reader(listening, self._read, listening)
        host, port = listening.getsockname()
        return f"{host}:{port}"

    def stop(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                datagram = listening.recv(MAX_DATAGRAM)
            except OSError:  # BlockingIOError: that was all
                return
            _, _, document = datagram.partition(b"\n")
            try:
                parsed = json.loads(document, parse_float=_finite, parse_constant=_finite)
            except (ValueError, RecursionError):
                continue
            if isinstance(parsed, dict):
                self._receive(parsed)
