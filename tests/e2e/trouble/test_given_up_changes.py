"""A run of changes that the stream gives up: the next run has them, and in a quiet room the next reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Call, Matches, writes

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIES = 5  # 1 + MaximumRetryAttempts
EDIT: dict[str, Any] = {"action": "edit", "message": "the", "seq": 1}
REACT: dict[str, Any] = {"action": "react", "reaction": "👍", "seq": 1}
REPLY: dict[str, Any] = {"action": "send", "message": "so", "reply_to": 1}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


def fold_in(room: str) -> Matches:
    """Match the write of message 1 with a change."""
    row = writes(f"{1:012d}", "PutItem")

    def matches(call: Call) -> bool:
        return row(call) and f"LOG#{room}" in call.text and "revision" in call.text

    return matches


async def give_up(proxied: EngineWithProxies, room: str, client: FrameClient, frame: dict[str, Any]) -> None:
    """Commit a change as number 2, and let the fan-out die at it until the stream has given it up."""
    before = await proxied.failure_count()
    died = proxied.dynamodb.before(fold_in(room), proxied.killer("FanoutFunction"), times=TRIES)
    reply = await client.request(**frame, room=room, ref=f"change of {room}")
    assert (reply["status"], reply["seq"]) == ("ok", 2)
    await died.happened.wait()
    async with asyncio.timeout(20):
        while await proxied.failure_count() == before:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("frame", [EDIT, REACT, REPLY], ids=["edit", "react", "reply"])
async def test_the_next_message_brings_a_change_that_was_given_up(
    proxied: EngineWithProxies, room: str, frame: dict[str, Any]
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room) as grace,
    ):
        await ada.send(room, "teh")
        await grace.until_received("teh")
        await give_up(proxied, room, ada, frame)
        await ada.send(room, "next")
        await asyncio.gather(*(client.until_received("next") for client in (ada, grace)))
        for client in (ada, grace):
            assert list(dict.fromkeys(client.known_seqs)) == [1, 2, 3]
        messages, changes = await grace.history(room, 3)
        root = messages[1]
        match frame:
            case {"action": "edit"}:
                assert (root["message"], root["revision"]) == ("the", 2)
            case {"action": "react"}:
                assert [each["count"] for each in root["reactions"]] == [1]
            case _:
                assert (root["replies"], messages[2]["message"]) == (1, "so")
        assert [change["seq"] for change in changes] == [2] * (frame is not REPLY)
        if frame is not REPLY:
            assert grace.shown == messages


async def test_in_a_quiet_room_whoever_asks_for_history_gets_a_change_that_was_given_up(
    proxied: EngineWithProxies, room: str
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room) as grace,
    ):
        await ada.send(room, "teh")
        await grace.until_received("teh")
        await give_up(proxied, room, ada, EDIT)
        heads = (await grace.request(action="ping", rooms=[room]))["heads"]
        assert heads[room]["seq"] == 2
        page = await grace.request(action="history", room=room, after=1)
        assert (page["messages"], page["more"], "changes" in page) == ([], False, False)
        await make_older(proxied, room, 2)
        page = await grace.request(action="history", room=room, after=1)
        (change,) = page["changes"]
        assert (change["seq"], change["message"]["message"]) == (2, "the")
        assert "pending" not in str(await proxied.rows(room))


async def make_older(proxied: EngineWithProxies, room: str, seq: int) -> None:
    """Let a pending change be a minute older."""
    await proxied.engine.services.dynamodb(
        "UpdateItem",
        {
            "TableName": proxied.engine.stack.tables["MessagesTable"].name,
            "Key": {"pk": {"S": f"LOG#{room}"}, "sk": {"S": f"{seq:012d}"}},
            "UpdateExpression": "SET pending = pending - :minute",
            "ConditionExpression": "attribute_exists(pending)",
            "ExpressionAttributeValues": {":minute": {"N": "60"}},
        },
    )
