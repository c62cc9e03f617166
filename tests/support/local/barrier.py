"""A barrier for processes: handlers wait there, so that a test knows where they are without a clock."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

# A handler that waits at the barrier in every call. It keeps the connection, which closes with the process.
HANDLER = """
import os, socket

held = []

def handler(event, context):
    barrier = socket.create_connection(("127.0.0.1", int(os.environ["BARRIER"])))
    held.append(barrier)
    barrier.sendall(f"{os.getpid()} {event.get('n', 0)}\\n".encode())
    barrier.recv(1)
    return os.getpid()
"""


@dataclass
class Arrival:
    """A call that has reached the barrier, and waits there."""

    pid: int
    n: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def release(self) -> None:
        self.writer.write(b".")

    async def wait_ended(self) -> None:
        """Return when the process has ended."""
        with contextlib.suppress(ConnectionResetError):
            await self.reader.read()


class Barrier:
    def __init__(self) -> None:
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Barrier:
        self._server = await asyncio.start_server(self._arrive, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def arrival(self) -> Arrival:
        """Wait for the next process at the barrier."""
        return await self._arrivals.get()

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        pid, n = (await reader.readline()).split()
        self._arrivals.put_nowait(Arrival(int(pid), int(n), reader, writer))
