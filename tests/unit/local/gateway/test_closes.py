"""How sockets close, over a running gateway."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import uvloop
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from local.aws_defaults import Limits
from local.gateway.websocket import WebSocket
from local.net.http_server import HttpServer, Request, Response
from tests.support.local.gateway_stage import Functions, an_api, running
from tests.support.local.raw_socket import (
    HANDSHAKE,
    KB,
    disconnected,
    how_it_closed,
    is_closed_port,
    masked,
    raw_client,
)


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


async def test_a_socket_that_only_pings_is_idle() -> None:
    async with running(limits=Limits(idle=0.05)) as stage, stage.connect() as client:
        with pytest.raises(ConnectionClosed):
            while True:
                await (await client.ping())
        assert (client.close_code, client.close_reason) == (1001, "Going away")


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
        while not is_closed_port(stage.port):
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
    """uvloop is the engine's event loop; its transports have asyncio's methods, not its classes."""

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
    """uvloop writes at the end of an iteration, and without $disconnect nothing waits for one."""

    async def scenario() -> None:
        connect_only = replace(an_api(), routes={"$connect": an_api().routes["$connect"]})
        async with running(api=connect_only) as stage, stage.connect() as client:
            await stage.gateway.stop()
            assert await how_it_closed(client) == (1001, "Going away")

    uvloop.run(scenario())
