"""Where functions under test report and wait, so that a test knows what they are doing without a clock."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

# A handler that is at the gate while it is in a call. The connection stays open: it ends with the process.
HANDLER = """
import os, socket

held = []

def handler(event, context):
    gate = socket.create_connection(("127.0.0.1", int(os.environ["GATE"])))
    held.append(gate)
    gate.sendall(f"{os.getpid()} {event.get('n', 0)}\\n".encode())
    gate.recv(1)
    return os.getpid()
"""


@dataclass
class Visitor:
    """A call that has reached the gate, and waits there."""

    pid: int
    n: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def release(self) -> None:
        self.writer.write(b".")

    async def gone(self) -> None:
        """Returns when the process has ended."""
        with contextlib.suppress(ConnectionResetError):
            await self.reader.read()


class Gate:
    def __init__(self) -> None:
        self._visitors: asyncio.Queue[Visitor] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Gate:
        self._server = await asyncio.start_server(self._arrive, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def visitor(self) -> Visitor:
        return await self._visitors.get()

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        pid, n = (await reader.readline()).split()
        self._visitors.put_nowait(Visitor(int(pid), int(n), reader, writer))
