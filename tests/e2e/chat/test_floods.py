"""Floods over real sockets: they are limited to their rates, and slow no other room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.support.captured_logs import CapturedLogs
from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.flood import Flood
from tests.support.logged_engine import LoggedEngine
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.quiet

INSTANCES = 4
FLOOD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class LoggedUrl:
    url: str
    logs: CapturedLogs


@asynccontextmanager
async def four_instances(**limits: int) -> AsyncIterator[LoggedUrl]:
    """An engine for floods: its stage passes all of them on to the functions."""
    parameters = {"ThrottleRate": "10000", "ThrottleBurst": "5000"}
    parameters |= {name: str(value) for name, value in limits.items()}
    logs = CapturedLogs()
    async with LoggedEngine(parameters=parameters, concurrency=INSTANCES, log=logs.add) as engine:
        yield LoggedUrl(engine.socket_url, logs)
        # As many as it takes, and never one alone, which would need to share no rate with another.
        assert 1 < logs.instances("MessageFunction") <= INSTANCES


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
    """How many messages were sent, stored before the last was sent, and stored in the end."""

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


def is_answered(flood: Flood, *, rate: float, spread: float = 0) -> None:
    """Each message has its answer, and each error says when the next may come, within `spread`."""
    assert flood.outcomes.keys() == {"ok", "rate_limited"}
    assert flood.outcomes.total() == flood.sent
    assert len(flood.retries) == flood.outcomes["rate_limited"]
    assert min(flood.retries) > 0
    assert median(flood.retries) < 1 / rate + spread


async def test_a_connection_that_floods_is_limited_to_its_rate_and_slows_nobody(room: str) -> None:
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


async def test_a_flooded_room_is_limited_to_its_rate_and_slows_no_other_room(room: str) -> None:
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
        is_answered(flood, rate=rate, spread=1)  # those who wait for a room come back one after the other
        is_not_slowed(elsewhere.result(), before)
        await listener.until(lambda: len(listener.texts) == accepted)
