"""Receives segments in place of the X-Ray daemon.

Functions get its address in their environment, as on Lambda. Another program on the daemon's usual port 2000
gets nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import socket
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

MAX_DATAGRAM = 64 * 1024  # bytes, the limit of UDP

# A broadcast of hundreds of messages sends as many segments within milliseconds, while the engine is busy
# with its posts. The kernel buffers them, up to the part of this that it allows: some two hundred segments
# with Linux's default net.core.rmem_max.
BUFFER = 8 * 1024 * 1024  # bytes

# A number with an exponent or with hundreds of digits may be too large for a float. Others are parsed in C.
_PERHAPS_INFINITE = re.compile(rb"[:\[,]\s*-?[\d.]+[eE]|\d{300}")

MAX_READS = 1_000  # datagrams per iteration of the event loop

type Receive = Callable[[dict[str, Any]], None]


def _drop(document: dict[str, Any]) -> None:
    pass


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # Python reads NaN and 1e999, but a browser could not
        raise ValueError(f"{text} is not a number")
    return value


class XRayListener:
    """Passes segment documents from a free UDP port of 127.0.0.1 to `receive`.

    A datagram is a JSON header line and a document:
    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon. Any other
    datagram is dropped, as the daemon does.
    """

    def __init__(self, receive: Receive = _drop) -> None:
        self._receive = receive
        self._socket: socket.socket | None = None

    async def start(self) -> str:
        """Listen, and return the address for AWS_XRAY_DAEMON_ADDRESS."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listening.setblocking(False)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        except OSError:  # macOS rejects a size above its limit
            log.debug("kept the kernel's own buffer size")
        listening.bind(("127.0.0.1", 0))
        self._socket = listening
        # Not a datagram endpoint: it reads one datagram per iteration of the loop, too slow for a burst.
        asyncio.get_running_loop().add_reader(listening, self._read, listening)
        host, port = listening.getsockname()
        return f"{host}:{port}"

    def stop(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self, listening: socket.socket) -> None:
        for _ in range(MAX_READS):
            try:
                datagram = listening.recv(MAX_DATAGRAM)
            except OSError:  # BlockingIOError: there are no more
                return
            _, _, document = datagram.partition(b"\n")
            try:
                parse_float = _finite if _PERHAPS_INFINITE.search(document) else None
                parsed = json.loads(document.decode(), parse_float=parse_float, parse_constant=_finite)
            except (ValueError, RecursionError):
                continue
            if isinstance(parsed, dict):
                self._receive(parsed)
