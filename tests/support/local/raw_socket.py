"""Clients of a WebSocket that send bytes, and their closes."""

from __future__ import annotations

import asyncio
import base64
import socket

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.support.local.gateway_stage import Stage

KB = 1024


HANDSHAKE = (
    b"GET /prod HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef") + b"\r\n\r\n"
)


async def how_it_closed(client: ClientConnection) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        while True:
            await client.recv()
    return client.close_code, client.close_reason


async def disconnected(stage: Stage) -> tuple[int, str]:
    context = (await stage.functions.called("Disconnect"))["requestContext"]
    return context["disconnectStatusCode"], context["disconnectReason"]


def is_closed_port(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def raw_client(
    stage: Stage, and_then: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a client that sends bytes, and do its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(HANDSHAKE + and_then)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)
