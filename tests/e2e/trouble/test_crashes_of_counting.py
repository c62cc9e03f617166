"""Functions die on the way of a message in a room that people follow: what is unread stays exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Hold, Matches, by, operation, writes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


def in_room(room: str, matches: Matches) -> Matches:
    return lambda call: matches(call) and room in call.text


async def place(client: FrameClient, room: str) -> dict[str, Any]:
    """Return the client's place in a room."""
    reply = await client.request(action="rooms", limit=100)
    (found,) = [each for each in reply["rooms"] if each["room"] == room]
    return dict(found)


async def until_counted(client: FrameClient, room: str, seq: int) -> dict[str, Any]:
    """Return the client's place when the room is counted up to a seq."""
    async with asyncio.timeout(30):
        while (found := await place(client, room))["seq"] < seq:
            await asyncio.sleep(0.05)
    return found


async def until_marked(client: FrameClient, room: str, seq: int) -> dict[str, Any]:
    """Return the client's place when its own message has raised its mark, which comes after the count."""
    async with asyncio.timeout(30):
        while (found := await place(client, room))["read"] < seq:
            await asyncio.sleep(0.05)
    return found


async def check_exact(ada: FrameClient, bob: FrameClient, room: str) -> None:
    """Check what Ada and Bob have not read after Ada's message 1, which is theirs, and Bob's 2."""
    await bob.send(room, "the end")
    head = (await bob.request(action="ping", rooms=[room]))["heads"][room]["seq"]
    await asyncio.gather(*(client.until_received("the end") for client in (ada, bob)))
    await until_counted(ada, room, head)
    found = await until_marked(ada, room, 1)
    assert (found["unread"], found["newest"]["message"]) == (1, "the end")
    assert (await until_marked(bob, room, head))["unread"] == 0
    marked = await ada.request(action="read", room=room, seq=head)
    assert (marked["read"], marked["unread"]) == (head, 0)


@pytest.mark.parametrize(
    "last_write",
    [writes("HEAD"), writes("REF#"), writes("000000000001")],
    ids=["the head", "the ref", "the row"],
)
async def test_the_message_function_dies_and_the_message_counts_once(
    proxied: EngineWithProxies, room: str, last_write: Matches
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="bob") as bob,
    ):
        for client in (ada, bob):
            await client.request(action="subscribe", room=room)
        died = proxied.dynamodb.after(
            in_room(room, by("MessageFunction", last_write)), proxied.killer("MessageFunction")
        )
        frame = {"action": "send", "room": room, "message": "Hi", "ref": f"r1 of {room}"}
        await ada.send_frame(frame)
        await died.happened.wait()
        await ada.until_internal_error()
        assert (await ada.request(**frame))["seq"] == 1
        await check_exact(ada, bob, room)


def summary_of(room: str) -> Matches:
    return in_room(room, writes("SUMMARY"))


def mark_in(room: str) -> Matches:
    return in_room(room, writes("USER#", "UpdateItem"))


@pytest.mark.parametrize("kind", ["before the count", "after the count", "before the mark", "after the mark"])
async def test_the_fan_out_dies_and_the_run_is_counted_once(
    proxied: EngineWithProxies, room: str, kind: str
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="bob") as bob,
    ):
        for client in (ada, bob):
            await client.request(action="subscribe", room=room)
        rule = proxied.dynamodb.before if kind.startswith("before") else proxied.dynamodb.after
        matches = summary_of(room) if kind.endswith("count") else mark_in(room)
        died = rule(matches, proxied.killer("FanoutFunction"))
        await ada.send(room, "Hi")
        await died.happened.wait()
        found = await until_counted(bob, room, 1)
        assert (found["unread"], found["newest"]["message"]) == (1, "Hi")
        await check_exact(ada, bob, room)


async def test_the_fan_out_dies_in_its_posts_and_the_run_is_counted_once(
    proxied: EngineWithProxies, room: str
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="bob") as bob,
    ):
        for client in (ada, bob):
            await client.request(action="subscribe", room=room)
        died = proxied.gateway.after(operation("POST", room), proxied.killer("FanoutFunction"))
        await ada.send(room, "Hi")
        await died.happened.wait()
        await check_exact(ada, bob, room)


async def test_a_resend_that_overtakes_counts_once(proxied: EngineWithProxies, room: str) -> None:
    hold = Hold()
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as again,
        frame_client(proxied.url, room=room, client="bob") as bob,
    ):
        for client in (ada, bob):
            await client.request(action="subscribe", room=room)
        frame = {"action": "send", "room": room, "message": "Hi", "ref": f"r1 of {room}"}
        held = proxied.dynamodb.before(in_room(room, by("MessageFunction", writes("REF#"))), hold)
        first = asyncio.create_task(ada.request(**frame))
        async with asyncio.timeout(10):
            while not held.hits:
                await asyncio.sleep(0.005)
        second = await again.request(**frame)
        hold.release()
        assert (await first)["seq"] == second["seq"]
        await check_exact(ada, bob, room)


async def test_a_deletion_whose_fan_out_dies_leaves_nothing_readable(
    proxied: EngineWithProxies, room: str
) -> None:
    async with frame_client(proxied.url, room=room, client="ada") as ada:
        await ada.request(action="subscribe", room=room)
        await ada.send(room, "secret")
        assert (await until_counted(ada, room, 1))["newest"]["message"] == "secret"
        died = proxied.dynamodb.before(summary_of(room), proxied.killer("FanoutFunction"))
        await ada.request(action="delete", room=room, seq=1)
        await died.happened.wait()
        async with asyncio.timeout(30):
            while "deleted" not in (newest := (await place(ada, room))["newest"]):
                await asyncio.sleep(0.05)
        assert newest["message"] == ""
