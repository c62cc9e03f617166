"""Lets containers in: forwards another address of this machine to the engine's loopback ports."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from local.errors import LocalError

CHUNK = 64 * 1024  # bytes


async def forward(address: str, port: int) -> asyncio.Server:
    """Listens on `address:port` and passes each connection on to the same port of 127.0.0.1.

    For the address of a container network, such as Docker's bridge: whoever reaches it reaches the engine.
    Raises LocalError when the address cannot be listened on.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        inner_writer.close()
        writer.close()

    try:
        return await asyncio.start_server(serve, address, port)
    except OSError as error:
        raise LocalError(f"{address}:{port} cannot be listened on: {error.strerror}") from error


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # either end may go at any time
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
