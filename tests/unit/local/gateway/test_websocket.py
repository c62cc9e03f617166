"""Frames and closes, over a running gateway."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from local.aws_defaults import Limits
from local.gateway.websocket import WebSocket
from local.net.http_server import HttpServer, Request, Response
from tests.support.local.gateway_stage import Functions, Stage, an_api, running

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


def refuses_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def raw_client(
    stage: Stage, and_then: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that speaks bytes, its handshake done."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(HANDSHAKE + and_then)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


# sizes


async def test_a_frame_of_32_kb_is_a_message() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send("x" * 32 * KB)
        event = await stage.functions.called("Default")
        assert len(event["body"]) == 32 * KB


@pytest.mark.parametrize("size", [32 * KB + 1, 200 * KB])
async def test_a_frame_over_32_kb_closes_with_1009(size: int) -> None:
    async with running() as stage, stage.connect() as client:
        await client.send("x" * size)
        assert await how_it_closed(client) == (1009, "Message too big")
        assert await disconnected(stage) == (1009, "Message too big")
        assert stage.functions.of("Default") == []


async def test_a_client_amid_a_huge_frame_still_gets_the_1009() -> None:
    async with running() as stage:
        reader, writer = await raw_client(stage)
        writer.write(masked(Opcode.TEXT, b"x" * 8 * KB * KB))
        close = await reader.read()  # not a reset: the server reads on, and drops what it reads
        assert close[2:] == struct.pack("!H", 1009) + b"Message too big"
        writer.close()


async def test_a_message_of_128_kb_in_frames_is_a_message() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send(["x" * 32 * KB] * 4)
        event = await stage.functions.called("Default")
        assert len(event["body"]) == 128 * KB


async def test_a_message_over_128_kb_closes_with_1009_though_its_frames_are_small() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send(["x" * 32 * KB] * 4 + ["x"])
        assert await how_it_closed(client) == (1009, "Message too big")


# contents


@pytest.mark.parametrize("binary", [b"bytes", [b"in ", b"pieces"], b""])
async def test_a_binary_message_closes_with_1003(binary: Any) -> None:
    async with running() as stage, stage.connect() as client:
        await client.send(binary)
        assert (await how_it_closed(client))[0] == 1003
        assert (await disconnected(stage))[0] == 1003
        assert stage.functions.of("Default") == []


async def test_text_that_is_not_utf8_closes_with_1007() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send(b"\xff\xfe", text=True)
        assert (await how_it_closed(client))[0] == 1007
        assert stage.functions.of("Default") == []


async def test_a_protocol_error_closes_with_1002() -> None:
    async with running() as stage:
        reader, writer = await raw_client(stage, Frame(Opcode.TEXT, b"not masked").serialize(mask=False))
        frame = await reader.read()
        assert frame[0] == 0x80 | Opcode.CLOSE
        assert struct.unpack("!H", frame[2:4]) == (1002,)
        assert (await disconnected(stage))[0] == 1002
        writer.close()


async def test_a_ping_is_answered() -> None:
    async with running() as stage, stage.connect() as client:
        await (await client.ping(b"there?"))
        assert stage.functions.of("Default") == []


async def test_frames_before_an_invalid_one_count_and_frames_after_it_do_not() -> None:
    frames = masked(Opcode.TEXT, b"before") + masked(Opcode.BINARY, b"bad") + masked(Opcode.TEXT, b"behind")
    async with running() as stage:
        _, writer = await raw_client(stage, frames)
        assert (await disconnected(stage))[0] == 1003
        assert [event["body"] for event in stage.functions.of("Default")] == ["before"]
        writer.close()


async def test_frames_sent_before_the_handshake_was_answered_are_not_lost() -> None:
    async with running() as stage:
        _, writer = await raw_client(stage, masked(Opcode.TEXT, b"eager"))
        assert (await stage.functions.called("Default"))["body"] == "eager"
        writer.close()


async def test_a_message_right_before_the_close_is_still_handled() -> None:
    close = masked(Opcode.CLOSE, struct.pack("!H", 1000))
    async with running() as stage:
        _, writer = await raw_client(stage, masked(Opcode.TEXT, b"last words") + close)
        assert (await stage.functions.called("Default"))["body"] == "last words"
        assert (await disconnected(stage))[0] == 1000
        writer.close()


async def test_a_throttled_message_right_before_the_close_breaks_nothing() -> None:
    close = masked(Opcode.CLOSE, struct.pack("!H", 1000))
    async with running(limits=Limits(request_rate=0.001, request_burst=1)) as stage:
        _, writer = await raw_client(stage)
        writer.write(masked(Opcode.TEXT, b"too much") + close)
        assert (await disconnected(stage))[0] == 1000
        writer.close()


async def test_messages_after_our_close_are_not_handled() -> None:
    close = masked(Opcode.CLOSE, struct.pack("!H", 1000))
    async with running() as stage:
        reader, writer = await raw_client(stage)
        connection_id = stage.functions.of("Connect")[0]["requestContext"]["connectionId"]
        async with stage.request("DELETE", f"/prod/@connections/{connection_id}"):
            pass
        writer.write(masked(Opcode.TEXT, b"too late") + close)
        await reader.read()  # until the server has had both
        assert stage.functions.of("Default") == []
        writer.close()


# closing


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "", "Connection Closed Normally"),
        (1001, "", ""),
        (1000, "done", "done"),
        (4001, "mine", "mine"),
    ],
)
async def test_a_clients_close_reaches_disconnect_with_its_code_and_reason(
    code: int, reason: str, told: str
) -> None:
    async with running() as stage, stage.connect() as client:
        await client.close(code, reason)
        assert await disconnected(stage) == (code, told)
        assert client.close_code == code


async def test_a_close_without_a_code_is_1005() -> None:
    async with running() as stage:
        reader, writer = await raw_client(stage, masked(Opcode.CLOSE, b""))
        assert await reader.read() == Frame(Opcode.CLOSE, b"").serialize(mask=False)
        assert await disconnected(stage) == (1005, "Client-side close frame status not set")
        writer.close()


@pytest.mark.parametrize("how", ["end of file", "reset"])
async def test_a_client_that_vanishes_is_1006(how: str) -> None:
    async with running() as stage:
        _, writer = await raw_client(stage)
        if how == "reset":
            writer.transport.abort()
        else:
            writer.close()
        assert (await disconnected(stage))[0] == 1006


async def test_a_disconnect_is_delivered_once() -> None:
    functions = Functions()
    async with running(functions) as stage:
        async with (
            stage.client() as (_, connection_id),
            stage.request("DELETE", f"/prod/@connections/{connection_id}"),
        ):
            pass  # both sides close it
        await functions.called("Disconnect")
        async with stage.connect() as client:  # whose own comes behind any second one of the first
            await client.close()
        await functions.called("Disconnect", times=2)
    ids = [event["requestContext"]["connectionId"] for event in functions.of("Disconnect")]
    assert len(ids) == len(set(ids)) == 2


async def test_a_disconnect_that_fails_has_no_effect_on_others() -> None:
    functions = Functions(Disconnect=lambda event: 1 / 0)
    async with running(functions) as stage:
        async with stage.connect():
            pass
        await functions.called("Disconnect")
        async with stage.client() as (_, connection_id):
            assert await stage.post(connection_id, b"x") == 200


async def test_an_idle_socket_is_closed_with_1001() -> None:
    async with running(limits=Limits(idle=0.05)) as stage, stage.connect() as client:
        assert await how_it_closed(client) == (1001, "Going away")
        assert await disconnected(stage) == (1001, "Going away")


async def test_a_socket_in_use_is_closed_with_1001_when_it_is_too_old() -> None:
    async with running(limits=Limits(duration=0.05)) as stage, stage.connect() as client:
        with pytest.raises(ConnectionClosed):
            while True:
                await client.send("busy")
                await client.recv()
        assert (client.close_code, client.close_reason) == (1001, "Going away")
        assert await disconnected(stage) == (1001, "Going away")


async def test_a_close_counts_before_the_client_has_answered_it() -> None:
    async with running() as stage:
        _, writer = await raw_client(stage)
        event = await stage.functions.called("Connect")
        connection_id = event["requestContext"]["connectionId"]
        async with stage.request("DELETE", f"/prod/@connections/{connection_id}") as answer:
            assert answer.status == 204
        assert (await disconnected(stage))[0] == 1000
        assert await stage.post(connection_id, b"x") == 410
        writer.close()


async def test_a_client_that_does_not_answer_a_close_is_disconnected() -> None:
    ends: list[tuple[int, str]] = []

    def upgrade(request: Request, transport: asyncio.Transport, early: bytes) -> WebSocket:
        socket = WebSocket(
            request,
            transport,
            early,
            max_message=128 * KB,
            max_frame=32 * KB,
            on_text=lambda text: None,
            on_end=lambda code, reason: ends.append((code, reason)),
            close_timeout=0.05,
        )
        socket.accept()
        socket.close(1001, "over")
        return socket

    server = HttpServer(lambda request: Response(), upgrade)
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start("127.0.0.1", 0))
    writer.write(HANDSHAKE)
    assert b"over" in await reader.readuntil(b"over")
    with suppress(ConnectionResetError):
        assert await reader.read() == b""  # its end, though this side never closed
    assert ends == [(1001, "over")]
    writer.close()
    server.close()


async def test_stopping_closes_every_socket_with_1001_and_delivers_each_disconnect() -> None:
    async with running() as stage, stage.connect() as one, stage.connect() as two:
        await stage.gateway.stop()
        assert len(stage.functions.of("Disconnect")) == 2
        assert await how_it_closed(one) == (1001, "Going away")
        assert await how_it_closed(two) == (1001, "Going away")
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", stage.port)


async def test_a_socket_that_opens_while_the_gateway_stops_is_closed_with_1001_too() -> None:
    may_open = asyncio.Event()

    async def connect(event: dict[str, Any]) -> dict[str, Any]:
        await may_open.wait()
        return {"statusCode": 200}

    async with running(Functions(Connect=connect)) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(HANDSHAKE)
        await stage.functions.called("Connect")
        stopping = asyncio.create_task(stage.gateway.stop())
        while not refuses_connections(stage.port):
            await asyncio.sleep(0)
        may_open.set()
        await stopping
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert b"Going away" in await reader.read()
        assert len(stage.functions.of("Disconnect")) == 1
        writer.close()


async def test_stopping_does_not_wait_for_ever_for_a_function() -> None:
    cancelled = asyncio.Event()

    async def stuck(event: dict[str, Any]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with running(Functions(Ask=stuck)) as stage, stage.connect() as client:
        await client.send(json.dumps({"action": "ask"}))
        await stage.functions.called("Ask")
        await stage.gateway.stop(timeout=0.05)
        assert cancelled.is_set()


async def test_a_port_in_use_is_an_error() -> None:
    async with running() as stage, running() as other:
        with pytest.raises(OSError):
            await other.gateway.start("127.0.0.1", stage.port)


def test_the_gateway_works_on_uvloop_too() -> None:
    """The engine's event loop; its transports are asyncio's in all but class."""

    async def scenario() -> None:
        async with running() as stage:
            async with stage.client() as (client, connection_id):
                await client.send("x")
                assert await client.recv() == ""
                assert await stage.post(connection_id, b"posted") == 200
                assert await client.recv() == "posted"
            assert (await disconnected(stage))[0] == 1000

    uvloop.run(scenario())


def test_the_last_close_frames_are_sent_on_uvloop_too() -> None:
    """It writes at the end of a turn; without a $disconnect there is nothing that waits for one."""

    async def scenario() -> None:
        connect_only = replace(an_api(), routes={"$connect": an_api().routes["$connect"]})
        async with running(api=connect_only) as stage, stage.connect() as client:
            await stage.gateway.stop()
            assert await how_it_closed(client) == (1001, "Going away")

    uvloop.run(scenario())
