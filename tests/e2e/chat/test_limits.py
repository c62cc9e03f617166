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

from tests.e2e.support.captured_logs import CapturedLogs
from tests.e2e.support.clients import TIMEOUT, FrameClient, frame_client, plain_client, rejected_with
from tests.e2e.support.flood import Flood
from tests.support.logged_engine import LoggedEngine

INSTANCES = 4
FLOOD_SECONDS = 10.0  # that a flood lasts


@dataclass(frozen=True, slots=True)
class LoggedUrl:
    url: str
    logs: CapturedLogs


@asynccontextmanager
async def four_instances(**limits: int) -> AsyncIterator[LoggedUrl]:
    """An engine that a flood can be tried on; its stage lets all of it through to the functions."""
    parameters = {"ThrottleRate": "10000", "ThrottleBurst": "5000"}
    parameters |= {name: str(value) for name, value in limits.items()}
    logs = CapturedLogs()
    async with LoggedEngine(parameters=parameters, concurrency=INSTANCES, log=logs.add) as engine:
        yield LoggedUrl(engine.socket_url, logs)
        assert logs.instances("MessageFunction") == INSTANCES


@asynccontextmanager
async def members(url: str, room: str, number: int) -> AsyncIterator[list[ClientConnection]]:
    async with AsyncExitStack() as stack:
        opened = (
            connect(
                f"{url}?room={room}&client={each}",
                subprotocols=[Subprotocol("roomcast.v1")],
                open_timeout=TIMEOUT,
            )
            for each in range(number)
        )
        yield [await stack.enter_async_context(each) for each in opened]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of somebody's talk: so many messages, of which these were stored before it was over."""

    sent: int
    stored_in_time: int
    stored: int


async def send_regularly(client: FrameClient, room: str, seconds: float) -> Sent:
    """Says something twice a second, whatever becomes of what was sent before."""
    asked = []
    for number in range(round(seconds * 2)):
        asked.append(asyncio.create_task(client.send(room, f"number {number}")))
        await asyncio.sleep(0.5)
    in_time = sum(each.done() and each.result()["status"] == "ok" for each in asked)
    replies = await asyncio.gather(*asked)
    return Sent(len(asked), in_time, sum(reply["status"] == "ok" for reply in replies))


def is_not_slowed(during: Sent, before: Sent) -> None:
    assert (during.stored, before.stored) == (during.sent, before.sent)
    assert during.stored_in_time / during.sent >= 0.75 * before.stored_in_time / before.sent


def is_answered(flood: Flood, *, rate: float) -> None:
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
        frame_client(flooded.url, room=[room, "elsewhere"]) as neighbour,
        members(flooded.url, room, 1) as sockets,
    ):
        flood = Flood(sockets, room, rate=200)
        before = await send_regularly(neighbour, room, 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood.run(FLOOD_SECONDS))
            here = tasks.create_task(send_regularly(neighbour, room, FLOOD_SECONDS))
            elsewhere = tasks.create_task(send_regularly(neighbour, "elsewhere", FLOOD_SECONDS))
        print(f"{flood}\n{before} before\n{here.result()} here\n{elsewhere.result()} elsewhere")
        accepted = flood.outcomes["ok"]
        assert accepted == pytest.approx(burst + rate * flood.seconds, rel=0.1)
        assert flood.sent > 2 * accepted
        is_answered(flood, rate=rate)
        is_not_slowed(here.result(), before)
        is_not_slowed(elsewhere.result(), before)
        everything = accepted + before.sent + here.result().sent + elsewhere.result().sent
        await neighbour.until(lambda: len(neighbour.texts) == everything)


async def test_a_room_that_is_flooded_is_held_to_its_rate_and_slows_no_other_room(room: str) -> None:
    rate = 10  # low, so that what this machine can answer is far more
    async with (
        four_instances(MessageRate=1_000, MessageBurst=1_000, RoomRate=rate) as flooded,
        frame_client(flooded.url, room=room) as listener,
        frame_client(flooded.url, room="elsewhere") as neighbour,
        members(flooded.url, room, 10) as sockets,
    ):
        flood = Flood(sockets, room, rate=500)
        before = await send_regularly(neighbour, "elsewhere", 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood.run(FLOOD_SECONDS))
            elsewhere = tasks.create_task(send_regularly(neighbour, "elsewhere", FLOOD_SECONDS))
        print(f"{flood}\n{before} before\n{elsewhere.result()} elsewhere")
        accepted = flood.outcomes["ok"]
        assert accepted == pytest.approx(rate + rate * flood.seconds, rel=0.1)
        assert flood.sent > 2 * accepted
        is_answered(flood, rate=rate)
        is_not_slowed(elsewhere.result(), before)
        await listener.until(lambda: len(listener.texts) == accepted)


RATE, BURST, MAX_ROOMS, MAX_CONNECTIONS = 1, 5, 4, 3
LOW_LIMITS = {
    "MessageRate": str(RATE),
    "MessageBurst": str(BURST),
    "MaxRooms": str(MAX_ROOMS),
    "MaxConnections": str(MAX_CONNECTIONS),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """A chat with narrow limits."""
    async with LoggedEngine(parameters=LOW_LIMITS) as engine:
        yield engine.socket_url


@pytest.mark.asyncio(loop_scope="module")
async def test_who_waits_as_long_as_told_is_refused_no_more(url: str, room: str) -> None:
    async with frame_client(url, room=room) as ada:
        replies = await asyncio.gather(*(ada.send(room, "Hi", ref=f"{room}-{n}") for n in range(20)))
        refusals = [reply for reply in replies if reply["status"] == "error"]
        assert {refusal["code"] for refusal in refusals} == {"rate_limited"}
        assert len(refusals) <= 20 - BURST
        await asyncio.sleep(max(refusal["retry_after"] for refusal in refusals))
        again = await ada.send(room, "Hi", ref=refusals[-1]["ref"])
        assert (again["status"], again["id"]) == ("ok", refusals[-1]["ref"])


@pytest.mark.asyncio(loop_scope="module")
async def test_who_sends_one_way_is_told_too(url: str, room: str) -> None:
    async with plain_client(url, room=room) as ada:
        for _ in range(20):
            await ada.send_text("Hi")
        await ada.until(lambda: len(ada.received) == 20)  # each is heard or refused
        assert any('"code":"rate_limited"' in text for text in ada.received)
        assert ada.received.count("Hi") >= BURST


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("action", ["presence", "typing"])
async def test_asking_who_is_here_and_typing_count_as_messages(url: str, room: str, action: str) -> None:
    async with frame_client(url, room=room) as ada:
        await asyncio.gather(*(ada.request(action=action, room=room) for _ in range(20)))
        replies = await asyncio.gather(*(ada.send(room, "Hi") for _ in range(BURST)))
        assert {reply["code"] for reply in replies if reply["status"] == "error"} == {"rate_limited"}


@pytest.mark.asyncio(loop_scope="module")
async def test_typing_is_told_once_in_three_seconds(url: str, room: str) -> None:
    async with frame_client(url, room=room) as ada, frame_client(url, room=room) as grace:
        typing = {"action": "typing", "room": room}
        replies = await asyncio.gather(ada.request(**typing), ada.request(**typing))
        refusal, accepted = sorted(replies, key=lambda reply: reply["status"] == "ok")
        assert (refusal.get("code"), accepted["status"]) == ("rate_limited", "ok")
        await grace.until(lambda: len(grace.of_type("typing")) == 1)
        await asyncio.sleep(refusal["retry_after"])
        assert (await ada.request(**typing))["status"] == "ok"
        await grace.until(lambda: len(grace.of_type("typing")) == 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_user_has_so_many_connections_and_no_more(url: str, room: str) -> None:
    ada = f"ada-{room}"
    async with AsyncExitStack() as tabs:
        for _ in range(MAX_CONNECTIONS - 1):
            await tabs.enter_async_context(frame_client(url, room=room, client=ada))
        async with frame_client(url, room=room, client=ada) as last:
            assert await rejected_with(url, room=room, client=ada) == 429
            async with frame_client(url, room=room, client=f"grace-{room}"):
                pass  # another user may have as many
            await last.abort()
        async with asyncio.timeout(TIMEOUT):
            while await has_too_many(url, room, ada):
                await asyncio.sleep(0.05)  # until the $disconnect of the last has been there


async def has_too_many(url: str, room: str, client: str) -> bool:
    try:
        async with frame_client(url, room=room, client=client):
            return False
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 429
        return True


@pytest.mark.asyncio(loop_scope="module")
async def test_a_connection_is_in_so_many_rooms_and_no_more(url: str, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(MAX_ROOMS + 1)]
    assert await rejected_with(url, room=rooms) == 403
    async with frame_client(url, room=rooms[1:]) as ada:
        refusal = await ada.request(action="join", room=rooms[0])
        assert (refusal["code"], f"{MAX_ROOMS} rooms" in refusal["detail"]) == ("forbidden", True)
        assert (await ada.request(action="join", room=rooms[1]))["status"] == "ok"  # it is in there
        await ada.request(action="leave", room=rooms[1])
        assert (await ada.request(action="join", room=rooms[0]))["status"] == "ok"
