"""Limits over real sockets: who breaks them is told, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.support.captured_logs import Printed
from tests.e2e.support.clients import PATIENCE, FrameClient, framed, plain, refused
from tests.e2e.support.flood import Flood
from tests.support.logged_engine import LoggedEngine

INSTANCES = 4
SECONDS = 10.0  # that a flood lasts


@dataclass(frozen=True, slots=True)
class Flooded:
    url: str
    printed: Printed


@asynccontextmanager
async def four_instances(**limits: int) -> AsyncIterator[Flooded]:
    """An engine that a flood can be tried on; its stage lets all of it through to the functions."""
    parameters = {"ThrottleRate": "10000", "ThrottleBurst": "5000"}
    parameters |= {name: str(value) for name, value in limits.items()}
    printed = Printed()
    async with LoggedEngine(parameters=parameters, concurrency=INSTANCES, log=printed.line) as engine:
        yield Flooded(engine.socket_url, printed)
        assert printed.instances("MessageFunction") == INSTANCES


@asynccontextmanager
async def members(url: str, room: str, number: int) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        opened = (
            connect(
                f"{url}?room={room}&client={each}",
                subprotocols=[Subprotocol("roomcast.v1")],
                open_timeout=PATIENCE,
            )
            for each in range(number)
        )
        yield [await stack.enter_async_context(each) for each in opened]


@dataclass(frozen=True, slots=True)
class Talk:
    """What came of somebody's talk: so many messages, of which these were stored before it was over."""

    said: int
    stored_in_time: int
    stored: int


async def talk(client: FrameClient, room: str, seconds: float) -> Talk:
    """Says something twice a second, whatever becomes of what was said before."""
    asked = []
    for number in range(round(seconds * 2)):
        asked.append(asyncio.create_task(client.send(room, f"number {number}")))
        await asyncio.sleep(0.5)
    in_time = sum(each.done() and each.result()["status"] == "ok" for each in asked)
    replies = await asyncio.gather(*asked)
    return Talk(len(asked), in_time, sum(reply["status"] == "ok" for reply in replies))


def is_not_slowed(during: Talk, before: Talk) -> None:
    assert (during.stored, before.stored) == (during.said, before.said)
    assert during.stored_in_time / during.said >= 0.75 * before.stored_in_time / before.said


def is_told(flood: Flood, *, rate: float) -> None:
    """Each message has its answer, and each refusal says when the next will be accepted."""
    assert flood.outcomes.keys() == {"ok", "rate_limited"}
    assert flood.outcomes.total() == flood.sent
    assert len(flood.retries) == flood.outcomes["rate_limited"]
    assert min(flood.retries) > 0
    assert median(flood.retries) < 1 / rate


async def test_a_connection_that_floods_is_held_to_its_rate_and_slows_nobody(room: str) -> None:
    rate, burst = 10, 20
    async with (
        four_instances(MessageRate=rate, MessageBurst=burst, RoomRate=50) as flooded,
        framed(flooded.url, room=[room, "elsewhere"]) as neighbour,
        members(flooded.url, room, 1) as sockets,
    ):
        flood = Flood(sockets, room, rate=200)
        before = await talk(neighbour, room, 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood.last(SECONDS))
            here = tasks.create_task(talk(neighbour, room, SECONDS))
            elsewhere = tasks.create_task(talk(neighbour, "elsewhere", SECONDS))
        print(f"{flood}\n{before} before\n{here.result()} here\n{elsewhere.result()} elsewhere")
        accepted = flood.outcomes["ok"]
        assert accepted == pytest.approx(burst + rate * flood.seconds, rel=0.1)
        assert flood.sent > 2 * accepted
        is_told(flood, rate=rate)
        is_not_slowed(here.result(), before)
        is_not_slowed(elsewhere.result(), before)
        everything = accepted + before.said + here.result().said + elsewhere.result().said
        await neighbour.until(lambda: len(neighbour.texts) == everything)


async def test_a_room_that_is_flooded_is_held_to_its_rate_and_slows_no_other_room(room: str) -> None:
    rate = 10  # low, so that what this machine can answer is far more
    async with (
        four_instances(MessageRate=1_000, MessageBurst=1_000, RoomRate=rate) as flooded,
        framed(flooded.url, room=room) as listener,
        framed(flooded.url, room="elsewhere") as neighbour,
        members(flooded.url, room, 10) as sockets,
    ):
        flood = Flood(sockets, room, rate=500)
        before = await talk(neighbour, "elsewhere", 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood.last(SECONDS))
            elsewhere = tasks.create_task(talk(neighbour, "elsewhere", SECONDS))
        print(f"{flood}\n{before} before\n{elsewhere.result()} elsewhere")
        accepted = flood.outcomes["ok"]
        assert accepted == pytest.approx(rate + rate * flood.seconds, rel=0.1)
        assert flood.sent > 2 * accepted
        is_told(flood, rate=rate)
        is_not_slowed(elsewhere.result(), before)
        await listener.until(lambda: len(listener.texts) == accepted)


RATE, BURST, MAX_ROOMS, MAX_CONNECTIONS = 1, 5, 4, 3
NARROW = {
    "MessageRate": str(RATE),
    "MessageBurst": str(BURST),
    "MaxRooms": str(MAX_ROOMS),
    "MaxConnections": str(MAX_CONNECTIONS),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """A chat with narrow limits."""
    async with LoggedEngine(parameters=NARROW) as engine:
        yield engine.socket_url


@pytest.mark.asyncio(loop_scope="module")
async def test_who_waits_as_long_as_told_is_refused_no_more(url: str, room: str) -> None:
    async with framed(url, room=room) as ada:
        replies = await asyncio.gather(*(ada.send(room, "Hi", ref=f"{room}-{n}") for n in range(20)))
        refusals = [reply for reply in replies if reply["status"] == "error"]
        assert {refusal["code"] for refusal in refusals} == {"rate_limited"}
        assert len(refusals) <= 20 - BURST
        await asyncio.sleep(max(refusal["retry_after"] for refusal in refusals))
        again = await ada.send(room, "Hi", ref=refusals[-1]["ref"])
        assert (again["status"], again["id"]) == ("ok", refusals[-1]["ref"])


@pytest.mark.asyncio(loop_scope="module")
async def test_who_sends_one_way_is_told_too(url: str, room: str) -> None:
    async with plain(url, room=room) as ada:
        for _ in range(20):
            await ada.speak("Hi")
        await ada.until(lambda: len(ada.heard) == 20)  # each is heard or refused
        assert any('"code":"rate_limited"' in text for text in ada.heard)
        assert ada.heard.count("Hi") >= BURST


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("action", ["presence", "typing"])
async def test_asking_who_is_here_and_typing_count_as_messages(url: str, room: str, action: str) -> None:
    async with framed(url, room=room) as ada:
        await asyncio.gather(*(ada.ask(action=action, room=room) for _ in range(20)))
        replies = await asyncio.gather(*(ada.send(room, "Hi") for _ in range(BURST)))
        assert {reply["code"] for reply in replies if reply["status"] == "error"} == {"rate_limited"}


@pytest.mark.asyncio(loop_scope="module")
async def test_typing_is_told_once_in_three_seconds(url: str, room: str) -> None:
    async with framed(url, room=room) as ada, framed(url, room=room) as grace:
        typing = {"action": "typing", "room": room}
        replies = await asyncio.gather(ada.ask(**typing), ada.ask(**typing))
        refusal, accepted = sorted(replies, key=lambda reply: reply["status"] == "ok")
        assert (refusal.get("code"), accepted["status"]) == ("rate_limited", "ok")
        await grace.until(lambda: len(grace.of_type("typing")) == 1)
        await asyncio.sleep(refusal["retry_after"])
        assert (await ada.ask(**typing))["status"] == "ok"
        await grace.until(lambda: len(grace.of_type("typing")) == 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_user_has_so_many_connections_and_no_more(url: str, room: str) -> None:
    ada = f"ada-{room}"
    async with AsyncExitStack() as tabs:
        for _ in range(MAX_CONNECTIONS - 1):
            await tabs.enter_async_context(framed(url, room=room, client=ada))
        async with framed(url, room=room, client=ada) as last:
            assert await refused(url, room=room, client=ada) == 429
            async with framed(url, room=room, client=f"grace-{room}"):
                pass  # another user may have as many
            await last.vanish()
        async with asyncio.timeout(PATIENCE):
            while await has_too_many(url, room, ada):
                await asyncio.sleep(0.05)  # until the $disconnect of the last has been there


async def has_too_many(url: str, room: str, client: str) -> bool:
    try:
        async with framed(url, room=room, client=client):
            return False
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 429
        return True


@pytest.mark.asyncio(loop_scope="module")
async def test_a_connection_is_in_so_many_rooms_and_no_more(url: str, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(MAX_ROOMS + 1)]
    assert await refused(url, room=rooms) == 403
    async with framed(url, room=rooms[1:]) as ada:
        refusal = await ada.ask(action="join", room=rooms[0])
        assert (refusal["code"], f"{MAX_ROOMS} rooms" in refusal["detail"]) == ("forbidden", True)
        assert (await ada.ask(action="join", room=rooms[1]))["status"] == "ok"  # it is in there
        await ada.ask(action="leave", room=rooms[1])
        assert (await ada.ask(action="join", room=rooms[0]))["status"] == "ok"
