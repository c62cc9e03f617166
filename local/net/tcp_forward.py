"""Forwards TCP connections to one of the engine's ports, from another address or another port."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from local.errors import LocalError

CHUNK = 64 * 1024  # bytes


async def forward(address: str, port: int, *, to: tuple[str, int]) -> asyncio.Server:
    """Listen on `address:port` and forward each connection to the address and port `to`.

    On the address of a container network, such as Docker's bridge, every container on it reaches the engine.
    Raises LocalError if the address cannot be listened on.
    """

    # asyncio holds a task only weakly while it waits for a reader whose other end is half closed.
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))
        inner_writer.close()
        writer.close()

    try:
        return await asyncio.start_server(accept, address, port)
    except OSError as error:
        raise LocalError(
            f"{address}:{port} cannot be listened on: {error.strerror}; choose an address of this machine"
        ) from error


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # either end may close at any time
        while data := await reader.read(CHUNK):
            # A write to a closed peer is dropped by asyncio, but raises RuntimeError in uvloop. Catching that
            # would hide a bug of ours too: ask first.
            if writer.is_closing():
                return
            writer.write(data)
            await writer.drain()
        if not writer.is_closing():
            writer.write_eof()
