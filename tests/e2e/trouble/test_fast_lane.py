"""The fast lane: who posts a message, and what becomes of it when something dies or fails on the way."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web

from tests.e2e.support.clients import FrameClient, frame_client, plain_client
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Call, Hold, Matches, by, operation, writes
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONCE = ["once", "the end"]


def posts_once(room: str) -> Matches:
    """Match a post of the message "once" to a member of a room."""
    return lambda call: (
        operation("POST", room)(call) and '"messages"' in call.body["frame"] and "once" in call.text
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters={**HIGH_LIMITS, "FastLane": "10"}) as proxied:
        yield proxied


@dataclass(frozen=True, slots=True)
class Pair:
    proxied: EngineWithProxies
    room: str
    ada: FrameClient
    grace: FrameClient

    async def hear(self, text: str) -> None:
        await asyncio.gather(self.ada.until_received(text), self.grace.until_received(text))

    async def broadcasts(self, number: int) -> None:
        """Wait until the fan-out is through with so many runs of the room."""
        lines, done = self.proxied.engine.lines, '"message":"broadcast"'
        await until(lambda: sum(done in line and self.room in line for line in lines) >= number)

    def in_lane(self) -> int:
        """Return how many of the room's messages took the lane, and reached everybody by it."""
        lines = [line for line in self.proxied.engine.lines if '"fast lane"' in line and self.room in line]
        return sum('"failed":0' in line for line in lines)

    async def end(self) -> None:
        """Send and hear a last message: with the first, it is all that there is, and each has one number.

        Some may have been posted to twice, which clients see by the number.
        """
        await self.grace.send(self.room, "the end")
        await self.hear("the end")
        for client in (self.ada, self.grace):
            by_seq = {message["seq"]: message["message"] for message in client.messages}
            assert [by_seq[seq] for seq in sorted(by_seq)] == ONCE
        assert [text for text in await self.proxied.log(self.room) if text] == ONCE


def typing_posts(room: str) -> Matches:
    return lambda call: operation("POST", room)(call) and '"typing"' in call.body["frame"]


def answering(status: int) -> Callable[[Call], Awaitable[web.Response]]:
    async def answer(call: Call) -> web.Response:
        return web.Response(status=status)

    return answer


@asynccontextmanager
async def two(proxied: EngineWithProxies, room: str) -> AsyncIterator[Pair]:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="grace") as grace,
    ):
        yield Pair(proxied, room, ada, grace)


async def test_a_message_that_comes_alone_is_posted_once_to_each_and_not_by_the_fan_out(
    proxied: EngineWithProxies, room: str
) -> None:
    posts: Counter[str] = Counter()

    async def count(call: Call) -> None:
        if '"messages"' in call.body["frame"]:
            posts.update(message["message"] for message in json.loads(call.body["frame"])["messages"])

    proxied.gateway.before(operation("POST", room), count, times=1_000)
    async with two(proxied, room) as pair:
        for number in range(20):  # the first messages of an instance may begin too late
            hold, text = Hold(), f"number {number}"
            proxied.dynamodb.before(by("FanoutFunction", operation("BatchGetItem", room)), hold)
            await pair.ada.send(room, text)
            hold.release()
            await pair.hear(text)
            await pair.broadcasts(number + 1)
            if pair.in_lane():
                break
            await asyncio.sleep(1)
        assert posts[text] == 2
        row = (await proxied.rows(room))[-1]
        assert row["posted"] == {"BOOL": True}
        frame = pair.grace.of_type("messages")[-1]
        joined = await pair.grace.request(action="join", room=room)
        assert frame["epoch"] == joined["epoch"]  # another one would tell of another log
        by_seq = {message["seq"]: message["message"] for message in pair.grace.messages}
        assert by_seq == {each + 1: f"number {each}" for each in range(number + 1)}


async def test_of_two_senders_at_once_nobody_hears_one_twice(proxied: EngineWithProxies, room: str) -> None:
    async with two(proxied, room) as pair:
        await asyncio.gather(pair.ada.send(room, "one"), pair.grace.send(room, "two"))
        await asyncio.gather(pair.hear("one"), pair.hear("two"))
        in_order = await proxied.log(room)
        assert sorted(text or "" for text in in_order) == ["one", "two"]
        for client in (pair.ada, pair.grace):
            by_seq = {message["seq"]: message["message"] for message in client.messages}
            assert [by_seq[1], by_seq[2]] == in_order
        assert pair.in_lane() <= 1


async def test_a_room_with_a_plain_client_stays_on_the_stream(proxied: EngineWithProxies, room: str) -> None:
    async with two(proxied, room) as pair, plain_client(proxied.url, room=room) as plain:
        await pair.ada.send(room, "once")
        await pair.hear("once")
        await plain.until(lambda: plain.received == ["once"])
        assert pair.in_lane() == 0


@pytest.mark.parametrize("status", [410, 429, 500])
async def test_what_one_post_does_not_bring_the_stream_brings_to_all(
    proxied: EngineWithProxies, room: str, status: int
) -> None:
    async with two(proxied, room) as pair:
        failed = proxied.gateway.before(posts_once(room), answering(status))
        await pair.ada.send(room, "once")
        await pair.hear("once")
        assert failed.happened.is_set()
        await pair.end()


async def test_a_reply_is_heard_by_all_and_counted_once(proxied: EngineWithProxies, room: str) -> None:
    async with two(proxied, room) as pair:
        await pair.ada.send(room, "once")
        await pair.hear("once")
        await asyncio.sleep(0.6)  # so that it comes alone
        await pair.grace.send(room, "the end", reply_to=1)
        await pair.hear("the end")
        await pair.broadcasts(2)
        page = await pair.ada.request(action="history", room=room, after=0)
        assert [message.get("replies") for message in page["messages"]] == [1, None]
        for client in (pair.ada, pair.grace):
            by_seq = {message["seq"]: message for message in client.messages}
            assert (by_seq[2]["root"], len(by_seq)) == (1, 2)


async def test_typing_is_told_once_and_to_the_others(proxied: EngineWithProxies, room: str) -> None:
    async with two(proxied, room) as pair:
        assert (await pair.ada.request(action="typing", room=room))["status"] == "ok"
        await pair.grace.until(lambda: pair.grace.of_type("typing") != [])
        await pair.grace.send(room, "once")
        await pair.hear("once")
        assert len(pair.grace.of_type("typing")) == 1
        assert pair.ada.of_type("typing") == []


@pytest.mark.parametrize("status", [410, 429, 500])
async def test_a_typing_frame_that_one_post_does_not_bring_comes_by_the_stream(
    proxied: EngineWithProxies, room: str, status: int
) -> None:
    async with two(proxied, room) as pair:
        failed = proxied.gateway.before(typing_posts(room), answering(status))
        assert (await pair.ada.request(action="typing", room=room))["status"] == "ok"
        await pair.grace.until(lambda: pair.grace.of_type("typing") != [])
        assert failed.happened.is_set()
        await pair.ada.send(room, "once")
        await pair.hear("once")
        await pair.end()


@pytest.mark.parametrize("moment", ["the row", "a post", "all posts", "the mark"])
async def test_the_message_function_dies_and_nothing_is_lost_or_counted_twice(
    proxied: EngineWithProxies, room: str, moment: str
) -> None:
    killer = proxied.killer("MessageFunction")

    def of_row(operation: str) -> Matches:
        return by("MessageFunction", lambda call: writes("LOG#", operation)(call) and room in call.text)

    async with two(proxied, room) as pair:
        ref = str(uuid.uuid4())
        if moment == "a post":
            died = proxied.gateway.after(posts_once(room), killer)
        elif moment == "all posts":
            died = proxied.dynamodb.before(of_row("UpdateItem"), killer)
        else:
            died = proxied.dynamodb.after(of_row("PutItem" if moment == "the row" else "UpdateItem"), killer)
        hold = Hold()  # else the fan-out may be first to write the row
        proxied.dynamodb.before(by("FanoutFunction", operation("BatchGetItem", room)), hold)
        await pair.ada.send_frame({"action": "send", "ref": ref, "room": room, "message": "once"})
        if moment != "a post":  # which may also be the fan-out's
            await died.happened.wait()
        hold.release()
        await pair.hear("once")
        again = await pair.ada.send(room, "once", ref=ref)
        assert (again["status"], again["seq"]) == ("ok", 1)
        await pair.end()
