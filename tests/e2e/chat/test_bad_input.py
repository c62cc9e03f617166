"""Invalid frames: each is answered with a code, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, plain_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND = {"action": "send", "ref": "a-ref", "message": "Hi"}


def nested(levels: int) -> str:
    return '{"action": "send", "ref": "r", "room": "R", "message": ' + "[" * levels + "]" * levels + "}"


# Frames on $default, with the code of the answer. A frame without a room gets one.
ON_DEFAULT: dict[str, tuple[Any, str]] = {
    "not JSON": ("Hi from websocket!", "invalid_frame"),
    "half JSON": ('{"action": "send"', "invalid_frame"),
    "an array": ("[1, 2]", "invalid_frame"),
    "a number": ("42", "invalid_frame"),
    "null": ("null", "invalid_frame"),
    "5,000 levels": (nested(5_000), "invalid_message"),
    "15,000 levels": (nested(15_000), "invalid_frame"),
    "a number of 5,000 digits": ('{"action": "ping", "n": ' + "9" * 5_000 + "}", "invalid_frame"),
    "no action": ({"message": "Hi"}, "unknown_action"),
    "an action that is a number": ({"action": 7}, "unknown_action"),
    "an action that is an object": ({"action": {"send": 1}}, "unknown_action"),
    "an unknown action": ({"action": "dance"}, "unknown_action"),
    "the disconnect route": ({"action": "$disconnect"}, "unknown_action"),
    "the connect route": ({"action": "$connect"}, "unknown_action"),
    "the default route": ({"action": "$default"}, "unknown_action"),
    "no message": ({**SEND, "message": None}, "invalid_message"),
    "an empty message": ({**SEND, "message": ""}, "invalid_message"),
    "a number as the message": ({**SEND, "message": 5}, "invalid_message"),
    "4,001 characters": ({**SEND, "message": "x" * 4_001}, "message_too_large"),
    "a lone surrogate": (json.dumps({**SEND, "room": "R", "message": "\ud800"}), "invalid_message"),
    "NUL": ({**SEND, "message": "a\0b"}, "invalid_message"),
    "an escape sequence": ({**SEND, "message": "\x1b[2J"}, "invalid_message"),
    "data of 5 KB": ({**SEND, "data": "x" * 5_000}, "message_too_large"),
    "data that is no number": (
        '{"action":"send","ref":"r","message":"m","data":NaN,"room":"R"}',
        "invalid_message",
    ),
    "no room": ({**SEND, "room": None}, "invalid_room"),
    "a room with spaces": ({**SEND, "room": "two words"}, "invalid_room"),
    "a room of 500 characters": ({**SEND, "room": "r" * 500}, "invalid_room"),
    "a room that is an array": ({**SEND, "room": ["lobby"]}, "invalid_room"),
    "a room not joined": ({**SEND, "room": "somewhere-else"}, "not_a_member"),
    "no ref": ({**SEND, "ref": None}, "invalid_ref"),
    "an empty ref": ({**SEND, "ref": ""}, "invalid_ref"),
    "a ref of 10 KB": ({**SEND, "ref": "r" * 10_000}, "invalid_ref"),
    "a ref that is an object": ({**SEND, "ref": {"a": 1}}, "invalid_ref"),
}
# The same on onMessage, where errors are posted.
ON_MESSAGE = {
    name: ({**sent, "action": "onMessage"}, code)
    for name, (sent, code) in ON_DEFAULT.items()
    if isinstance(sent, dict) and sent.get("action") == "send"
}


async def is_an_error(engine: Engine, room: str, sent: Any, code: str) -> FrameClient:
    """Send a frame, expect this error, a live connection, and that nobody else received anything."""
    if isinstance(sent, dict):
        sent = {"room": room, **sent}
    async with (
        frame_client(engine.socket_url, room=room) as sender,
        plain_client(engine.socket_url, room=room) as other,
    ):
        await sender.send_frame(sent if isinstance(sent, str) else json.dumps(sent))
        await sender.until(lambda: bool(sender.replies))
        error = sender.replies[0]
        assert {**error, "detail": ""} == {
            "type": "reply",
            "ref": error["ref"],
            "status": "error",
            "code": code,
            "detail": "",
        }
        assert error["detail"] and "Traceback" not in error["detail"]
        assert (await sender.send(room, "still here"))["seq"] >= 1
        await other.until(lambda: bool(other.received))
        assert other.received == ["still here"]
    return sender


@pytest.mark.parametrize("name", ON_DEFAULT)
async def test_a_bad_frame_is_answered_with_its_code(engine: Engine, room: str, name: str) -> None:
    await is_an_error(engine, room, *ON_DEFAULT[name])


@pytest.mark.parametrize("name", ON_MESSAGE)
async def test_the_error_of_a_bad_one_way_message_goes_to_its_sender(
    engine: Engine, room: str, name: str
) -> None:
    await is_an_error(engine, room, *ON_MESSAGE[name])


async def test_an_error_names_the_ref_of_its_frame(engine: Engine, room: str) -> None:
    sender = await is_an_error(engine, room, {**SEND, "ref": "the-one", "message": ""}, "invalid_message")
    assert sender.replies[0]["ref"] == "the-one"


async def test_a_plain_client_gets_the_error_of_its_own_message(engine: Engine, room: str) -> None:
    async with plain_client(engine.socket_url, room=room) as sender:
        await sender.send_text("")
        await sender.until(lambda: bool(sender.received))
        assert json.loads(sender.received[0])["code"] == "invalid_message"


@pytest.mark.parametrize(
    "text", ["\N{GRINNING FACE}" * 4_000, "x" * 4_000, "two\nlines\tand a tab", "\u202eright"]
)
async def test_text_at_its_limits_arrives_unchanged(engine: Engine, room: str, text: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room) as ada,
        plain_client(engine.socket_url, room=room) as bare,
    ):
        reply = await ada.send(room, text)
        assert reply["status"] == "ok", reply
        await ada.until_received(text)
        await bare.receives(text)


async def test_a_frame_of_200_kb_closes_with_1009(engine: Engine, room: str) -> None:
    async with connect(f"{engine.socket_url}?room={room}") as socket:
        await socket.send("x" * 200 * 1024)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1009


async def test_a_binary_message_closes_with_1003(engine: Engine, room: str) -> None:
    async with connect(f"{engine.socket_url}?room={room}") as socket:
        await socket.send(b"Hi")
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1003
