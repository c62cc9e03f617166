"""A TCP proxy between clients and the gateway, whose connections a test can cut or silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ProxiedConnection:
    """One client's connection."""

    def __init__(self, ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._ends = ends
        self.silent = False
        self.is_answered = True

    def cut(self) -> None:
        """End it at once for both sides, without a close frame."""
        for end in self._ends:
            end.transport.abort()

    def silence(self) -> None:
        """Drop whatever is sent from now on, without an error on either side: a half-open connection."""
        self.silent = True

    def drop_answers(self) -> None:
        """Drop what the server sends from now on, while it still receives what the client sends."""
        self.is_answered = False


class TcpFaultProxy:
    """A port of its own, whose connections go on to another port of this machine."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.port = 0
        self.connections: set[ProxiedConnection] = set()
        self._accepting = True
        self._silent = False

    def silence(self) -> None:
        """Silence every connection, and all new ones."""
        self._silent = True
        for connection in self.connections:
            connection.silence()

    def cut_off(self) -> None:
        """Cut every connection, and reject new ones."""
        self._accepting = False
        for connection in list(self.connections):
            connection.cut()

    def restore(self) -> None:
        """Accept connections again, and let them speak."""
        self._accepting = True
        self._silent = False

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        connection = ProxiedConnection((writer, far_writer))
        if not self._accepting:  # cut off meanwhile
            connection.cut()
            return
        if self._silent:
            connection.silence()
        self.connections.add(connection)
        try:
            await asyncio.gather(
                _forward(connection, reader, far_writer),
                _forward(connection, far_reader, writer, is_answer=True),
            )
        finally:
            self.connections.discard(connection)
            connection.cut()


async def _forward(
    connection: ProxiedConnection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    is_answer: bool = False,
) -> None:
    """Copy until one side ends, then close the other."""
    try:
        while data := await reader.read(64 * 1024):
            if not connection.silent and (connection.is_answered or not is_answer):
                writer.write(data)
                await writer.drain()
        writer.close()
    except OSError:
        connection.cut()


@asynccontextmanager
async def tcp_fault_proxy(to: int) -> AsyncIterator[TcpFaultProxy]:
    proxy = TcpFaultProxy(to)
    server = await asyncio.start_server(proxy._connect, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut_off()
        await server.wait_closed()
