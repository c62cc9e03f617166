"""Passes connections on to one of the engine's ports, from another address or another port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from local.errors import LocalError

CHUNK = 64 * 1024  # bytes


def _unheard() -> None:
    pass


async def forward(
    address: str, port: int, *, to: tuple[str, int], on_answer: Callable[[], None] = _unheard
) -> asyncio.Server:
    """Listens on `address:port` and passes each connection on to the address and port `to`.

    On the address of a container network, such as Docker's bridge, whoever reaches it reaches the engine.
    `on_answer` is called whenever something comes back, before whoever asked has it. Raises LocalError when
    the address cannot be listened on.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(
            _pass_on(reader, inner_writer, _unheard), _pass_on(inner_reader, writer, on_answer)
        )
        inner_writer.close()
        writer.close()

    try:
        return await asyncio.start_server(serve, address, port)
    except OSError as error:
        raise LocalError(f"{address}:{port} cannot be listened on: {error.strerror}") from error


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Callable[[], None]
) -> None:
    with suppress(OSError):  # either end may go at any time
        while data := await reader.read(CHUNK):
            heard()
            # Where the peer has gone asyncio drops what is written. uvloop raises RuntimeError, which would
            # be that of a mistake of ours as well: so ask first.
            if writer.is_closing():
                return
            writer.write(data)
            await writer.drain()
        if not writer.is_closing():
            writer.write_eof()
