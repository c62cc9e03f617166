"""A web server in the test's own event loop. The test decides what it does with each request."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Visit:
    """A connection to the host."""

    number: int  # counted from 1
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: int = 0  # on this connection so far

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def drip(self, data: bytes, size: int = 1) -> None:
        """Send in pieces that arrive one by one."""
        for start in range(0, len(data), size):
            self.writer.write(data[start : start + size])
            await self.writer.drain()
            await asyncio.sleep(0)

    def reset(self) -> None:
        self.writer.transport.abort()


type Behaviour = Callable[[Visit, bytes], Awaitable[None]]


def ok(body: bytes = b"", more: str = "") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), more.encode(), body)


async def echo(visit: Visit, body: bytes) -> None:
    visit.write(ok(body))


@dataclass
class Host:
    """A web server. `behave` is called with each request's body, and sends the response or something else."""

    behave: Behaviour = echo
    context: ssl.SSLContext | None = None
    visits: list[Visit] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)  # of all requests
    heads: list[bytes] = field(default_factory=list)
    open: int = 0
    most_open: int = 0

    async def __aenter__(self) -> Host:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for visit in self.visits:
            visit.reset()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(len(self.visits) + 1, reader, writer)
        self.visits.append(visit)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                visit.requests += 1
                self.heads.append(head)
                self.bodies.append(body)
                await self.behave(visit, body)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
