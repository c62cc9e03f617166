"""The frames of clients, over a running gateway."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from local.aws_defaults import Limits
from tests.support.local.gateway_stage import running
from tests.support.local.raw_socket import (
    KB,
    disconnected,
    how_it_closed,
    masked,
    raw_client,
)

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
