"""Functions die on the way of a change: what is acknowledged is applied once, in order, for everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Call, Hold, Matches, by, operation, writes
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGES: dict[str, dict[str, Any]] = {
    "edit": {"action": "edit", "message": "the"},
    "delete": {"action": "delete"},
    "react": {"action": "react", "reaction": "👍"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


@asynccontextmanager
async def two_devices(proxied: EngineWithProxies, room: str) -> AsyncIterator[list[FrameClient]]:
    """Two connections of one user, in a room with one message."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(frame_client(proxied.url, room=room, client="ada"))
            for _ in range(2)
        ]
        await clients[0].send(room, "teh")
        await asyncio.gather(*(client.until_received("teh") for client in clients))
        yield clients


def is_changed(message: dict[str, Any], kind: str) -> bool:
    """True if a message was changed so, and only once."""
    match kind:
        case "edit":
            return message["message"] == "the" and "edited_at" in message
        case "delete":
            return message["message"] == "" and message["deleted"]
    (reaction,) = message["reactions"]
    return message["message"] == "teh" and (reaction["count"], len(reaction["people"])) == (1, 1)


async def all_are_changed_once(clients: list[FrameClient], room: str, kind: str, to: int) -> None:
    """Check that after one more message all clients and the history have message 1 changed, once."""
    await clients[0].send(room, "the end")
    await asyncio.gather(*(client.until_received("the end") for client in clients))
    messages, changes = await clients[0].history(room, to)
    assert is_changed(messages[1], kind)
    assert [(change["seq"], change["kind"]) for change in changes] == [(messages[1]["revision"], kind)]
    for client in clients:
        assert client.shown == messages
        assert sorted(set(client.known_seqs)) == list(range(1, to + 1))
    page = await clients[1].request(action="reactions", room=room, seq=1)
    assert len(page["reactions"]) == (kind == "react")


def in_room(room: str, matches: Matches) -> Matches:
    return lambda call: matches(call) and room in call.text


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    "last_write",
    [writes("HEAD"), writes("REF#"), writes("000000000002", "PutItem")],
    ids=["the head", "the ref", "the pending row"],
)
async def test_the_message_function_dies_and_the_resend_gets_the_changes_seq(
    proxied: EngineWithProxies, room: str, kind: str, last_write: Matches
) -> None:
    async with two_devices(proxied, room) as clients:
        ada, other = clients
        died = proxied.dynamodb.after(
            in_room(room, by("MessageFunction", last_write)), proxied.killer("MessageFunction")
        )
        frame = {**CHANGES[kind], "room": room, "seq": 1, "ref": f"change of {room}"}
        await ada.send_frame(frame)
        await died.happened.wait()
        await ada.until_internal_error()
        await asyncio.gather(ada.until_changed(2), other.until_changed(2))
        again = await other.request(**frame)
        assert (again["status"], again["seq"], again["of"]) == ("ok", 2, 1)
        # Of a message that is deleted the ref alone tells, and no second number was taken.
        await all_are_changed_once(clients, room, kind, to=3 if kind == "delete" else 4)


def row_of(seq: int) -> Matches:
    return writes(f"{seq:012d}", "PutItem")


def fold(call: Call) -> bool:
    """True of the write of message 1 with a change."""
    if call.operation == "TransactWriteItems":
        return "REACTION#" in call.text
    return row_of(1)(call) and "revision" in call.text


def repair_reads(call: Call) -> bool:
    return call.operation == "BatchGetItem" and "HEAD" in call.text and "REF#" in call.text


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    ("when", "last_call"),
    [
        ("after", repair_reads),
        ("after", writes("REF#", "PutItem")),
        ("before", fold),
        ("after", fold),
        ("after", row_of(2)),
        ("after", operation("Query")),
    ],
    ids=["reading", "repairing the ref", "before the fold", "the fold", "the change's row", "the members"],
)
async def test_the_fan_out_dies_and_the_change_is_folded_once(
    proxied: EngineWithProxies, room: str, kind: str, when: str, last_call: Matches
) -> None:
    async with two_devices(proxied, room) as clients:
        # The message function dies at once, so that the ref, too, is left to the fan-out, which dies too.
        proxied.dynamodb.after(in_room(room, writes("HEAD")), proxied.killer("MessageFunction"))
        rule = proxied.dynamodb.before if when == "before" else proxied.dynamodb.after
        died = rule(in_room(room, last_call), proxied.killer("FanoutFunction"))
        frame = {**CHANGES[kind], "room": room, "seq": 1, "ref": f"change of {room}"}
        await clients[0].send_frame(frame)
        await died.happened.wait()
        await asyncio.gather(*(client.until_changed(2) for client in clients))
        again = await clients[1].request(**frame)
        assert (again["status"], again["seq"]) == ("ok", 2)
        await all_are_changed_once(clients, room, kind, to=3 if kind == "delete" else 4)


@pytest.mark.parametrize("kind", CHANGES)
async def test_the_fan_out_dies_during_its_posts_and_repeats_show_the_same(
    proxied: EngineWithProxies, room: str, kind: str
) -> None:
    async with two_devices(proxied, room) as clients:
        died = proxied.gateway.after(operation("POST", room), proxied.killer("FanoutFunction"))
        reply = await clients[0].request(**CHANGES[kind], room=room, seq=1)
        assert reply["seq"] == 2
        await died.happened.wait()
        await asyncio.gather(*(client.until_changed(2) for client in clients))
        await all_are_changed_once(clients, room, kind, to=3)


@pytest.mark.parametrize("kind", CHANGES)
async def test_a_resend_overtakes_a_message_function_that_hangs(
    proxied: EngineWithProxies, room: str, kind: str
) -> None:
    hold = Hold()
    async with two_devices(proxied, room) as clients:
        ada, other = clients
        frame = {**CHANGES[kind], "room": room, "seq": 1, "ref": f"change of {room}"}
        held = proxied.dynamodb.before(in_room(room, by("MessageFunction", writes("REF#"))), hold)
        first = asyncio.create_task(ada.request(**frame))
        await until(lambda: held.hits)
        second = await other.request(**frame)
        hold.release()
        assert (await first)["seq"] == second["seq"]
        messages, _ = await ada.history(room, 2)
        await all_are_changed_once(clients, room, kind, to=(await top(proxied, room)) + 1)
        assert is_changed(messages[1], kind)


async def top(proxied: EngineWithProxies, room: str) -> int:
    """Return the newest number of a room."""
    async with frame_client(proxied.url, room=room) as client:
        reply = await client.request(action="ping", rooms=[room])
        return int(reply["heads"][room]["seq"])


async def test_a_page_ends_before_a_change_that_is_not_folded_yet(
    proxied: EngineWithProxies, room: str
) -> None:
    hold = Hold()
    async with two_devices(proxied, room) as clients:
        ada, other = clients
        proxied.dynamodb.before(in_room(room, fold), hold)
        await ada.request(**CHANGES["edit"], room=room, seq=1)
        await ada.send(room, "behind it")
        page = await other.request(action="history", room=room, after=0)
        assert [(message["seq"], message["message"]) for message in page["messages"]] == [(1, "teh")]
        assert page["more"] and "changes" not in page
        hold.release()
        await all_are_changed_once(clients, room, "edit", to=4)
        assert json.dumps(other.shown[1]).count("the") == 1
