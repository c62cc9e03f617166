from __future__ import annotations

import asyncio

import pytest

from local.errors import LocalError
from local.forward import forward

OTHER = "127.0.0.2"  # another address of this machine, as a container network's is


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


async def test_what_reaches_the_other_address_reaches_loopback_and_back() -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as inner:
        port = inner.sockets[0].getsockname()[1]
        async with await forward(OTHER, port):
            reader, writer = await asyncio.open_connection(OTHER, port)
            writer.write(b"x" * 200_000)
            writer.write_eof()
            assert await reader.readexactly(200_000) == b"x" * 200_000
            assert await reader.read() == b""
            writer.close()


async def test_a_connection_ends_where_nobody_listens_on_loopback() -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as inner:
        port = inner.sockets[0].getsockname()[1]
        outer = await forward(OTHER, port)
    async with outer:
        reader, writer = await asyncio.open_connection(OTHER, port)
        assert await reader.read() == b""
        writer.close()


async def test_an_address_that_is_not_of_this_machine_is_one_clear_line() -> None:
    with pytest.raises(LocalError, match=r"192\.0\.2\.77:8080 cannot be listened on"):
        await forward("192.0.2.77", 8080)
