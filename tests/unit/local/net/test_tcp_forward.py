from __future__ import annotations

import asyncio
import gc
import socket
import struct
from typing import Any

import pytest
import uvloop

from local.errors import LocalError
from local.net.tcp_forward import forward

OTHER = "127.0.0.2"  # another address of this machine, as a container network's is


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


async def test_bytes_go_from_the_other_address_to_loopback_and_back() -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as inner:
        port = inner.sockets[0].getsockname()[1]
        async with await forward(OTHER, port, to=("127.0.0.1", port)):
            reader, writer = await asyncio.open_connection(OTHER, port)
            writer.write(b"x" * 200_000)
            writer.write_eof()
            assert await reader.readexactly(200_000) == b"x" * 200_000
            assert await reader.read() == b""
            writer.close()


async def test_a_client_that_has_said_all_receives_the_answer_however_late() -> None:
    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.sleep(0.05)  # until the connection waits for nothing but this answer
        gc.collect()
        writer.write(b"late")
        writer.close()

    async with await asyncio.start_server(answer_late, "127.0.0.1", 0) as inner:
        to = inner.sockets[0].getsockname()
        async with await forward("127.0.0.1", 0, to=to) as forwarder:
            reader, writer = await asyncio.open_connection(*forwarder.sockets[0].getsockname())
            writer.write_eof()
            assert await reader.read() == b"late"
            writer.close()


async def test_a_connection_ends_where_nobody_listens_on_loopback() -> None:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as inner:
        port = inner.sockets[0].getsockname()[1]
        outer = await forward(OTHER, port, to=("127.0.0.1", port))
    async with outer:
        reader, writer = await asyncio.open_connection(OTHER, port)
        assert await reader.read() == b""
        writer.close()


async def test_an_address_that_is_not_of_this_machine_is_an_error_of_one_line() -> None:
    with pytest.raises(LocalError, match=r"192\.0\.2\.77:8080 cannot be listened on"):
        await forward("192.0.2.77", 8080, to=("127.0.0.1", 8080))


@pytest.mark.parametrize("answer", [b"too late", b""], ids=["which comes", "which never comes"])
def test_a_client_that_is_gone_before_its_answer_breaks_nothing(answer: bytes) -> None:
    """On uvloop, as the engine runs: there, any use of a closed connection raises RuntimeError."""
    errors: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        requested, gone, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(3)
            requested.set()
            await gone.wait()
            writer.write(answer)
            writer.close()
            await reader.read()
            ended.set()

        async with await asyncio.start_server(slow, "127.0.0.1", 0) as inner:
            port = inner.sockets[0].getsockname()[1]
            outer = await forward("127.0.0.1", 0, to=("127.0.0.1", port))
            _, writer = await asyncio.open_connection(*outer.sockets[0].getsockname())
            writer.write(b"ask")
            await requested.wait()
            # SO_LINGER of 0 resets the connection: the forwarder gets the error at once.
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            await writer.wait_closed()
            gone.set()
            await ended.wait()
            outer.close()
            await outer.wait_closed()  # until its connections have ended

    uvloop.run(main())
    assert errors == []
