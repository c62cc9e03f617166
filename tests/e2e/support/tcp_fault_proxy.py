"""The network between clients and the gateway, which a test can cut or let fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Line:
    """One client's connection."""

    def __init__(self, ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._ends = ends
        self.silent = False

    def cut(self) -> None:
        """Ends it at once for both sides, without a close frame."""
        for end in self._ends:
            end.transport.abort()

    def fall_silent(self) -> None:
        """Whatever is sent from now on is lost, and neither side is told: a half-open connection."""
        self.silent = True


class Cable:
    """A port of its own, whose connections go on to another port of this machine."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.port = 0
        self.lines: set[Line] = set()
        self._plugged = True

    def unplug(self) -> None:
        """Cuts every connection, and any that is tried from now on."""
        self._plugged = False
        for line in list(self.lines):
            line.cut()

    def plug(self) -> None:
        """Connections can be made again."""
        self._plugged = True

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._plugged:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        line = Line((writer, far_writer))
        self.lines.add(line)
        try:
            await asyncio.gather(_carry(line, reader, far_writer), _carry(line, far_reader, writer))
        finally:
            self.lines.discard(line)
            line.cut()


async def _carry(line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side ends; then the other is told."""
    try:
        while data := await reader.read(64 * 1024):
            if not line.silent:
                writer.write(data)
                await writer.drain()
        writer.close()
    except OSError:
        line.cut()


@asynccontextmanager
async def cable(to: int) -> AsyncIterator[Cable]:
    between = Cable(to)
    server = await asyncio.start_server(between._connect, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()
        between.unplug()
        await server.wait_closed()
