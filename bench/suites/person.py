"""The list of a person's 500 rooms: pages of the running local engine, and the reads beside the naive way.

The naive way reads each room's summary by itself. Both read the same tables, in this process.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.peers.metered_chat import MESSAGES
from bench.peers.servers import run_server
from bench.report.report import Goal, Report, progress
from bench.suites import capacity_units
from bench.suites.local import ENGINE, SERVERS
from chat.storage import keys
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries

PAGE = 50  # rooms
FRAMES = Subprotocol("roomcast.v1")
TEXT = "There you are, I have looked for you everywhere."


@dataclass(frozen=True, slots=True)
class Plan:
    rooms: int  # that the person has subscribed to
    repeats: int
    engine_rooms: int  # the same on the local engine; 0: without it


FULL = Plan(500, 5, engine_rooms=500)
QUICK = Plan(60, 2, engine_rooms=6)


def run(plan: Plan = FULL) -> Report:
    report = Report(f"person: the list of {plan.rooms} rooms, {PAGE} in a page")
    _reads(plan, report)
    if plan.engine_rooms:
        asyncio.run(_pages(plan, report))
    return report


def _reads(plan: Plan, report: Report) -> None:
    progress(f"person: {plan.rooms} rooms in this process")
    with capacity_units.followed_rooms(plan.rooms) as (client, meter, user):
        subscriptions = Subscriptions(client, MESSAGES)
        summaries = Summaries(client, MESSAGES)

        def read_one(room: str) -> Any:
            key = keys.summary(room)
            return client.get_item(TableName=MESSAGES, Key=key, ConsistentRead=True)

        def ours() -> None:
            page, _ = subscriptions.page(user, "", PAGE)
            assert len(summaries.read([each.room for each in page])) == PAGE

        def naive() -> None:
            page, _ = subscriptions.page(user, "", PAGE)
            for each in page:
                assert "Item" in read_one(each.room)

        found = {way: _measure(call, plan.repeats) for way, call in (("ours", ours), ("naive", naive))}
        for way, call in (("ours", ours), ("naive", naive)):
            meter.take()
            call()
            units = meter.take()
            report.add(
                reads=way, calls=len(units.calls), read_units=units.reads, page_ms=found[way],
                times_ours=found[way] / found["ours"],
            )  # fmt: skip
            if way == "ours":
                report.goals.append(
                    Goal("read units per page of 50 rooms", units.reads, 30, 28, counted=True)
                )


def _measure(call: Callable[[], None], repeats: int) -> float:
    """Return the median of the milliseconds that a call takes, after one to warm up."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:])


async def _pages(plan: Plan, report: Report) -> None:
    """Read all pages over a socket of the local engine, whose functions and DynamoDB are real processes."""
    rooms, times = plan.engine_rooms, list[float]()
    progress(f"person: {rooms} rooms on the local engine")
    async with (
        run_server(ENGINE, sys.executable, "-m", *SERVERS[ENGINE]) as server,
        connect(f"{server.url}?room=&client=ada", subprotocols=[FRAMES]) as ada,
        connect(f"{server.url}?room=&client=bob", subprotocols=[FRAMES]) as bob,
    ):
        for number in range(rooms):
            room = f"{number:04}-a-room-of-some-length"
            await _ask(ada, action="subscribe", room=room)
            await _ask(bob, action="join", room=room)
            await _ask(bob, action="send", room=room, message=TEXT)
            await _ask(bob, action="leave", room=room)
        async with asyncio.timeout(60):  # until the fan-out has counted the last message
            while _unread(await _list(ada, [])) < rooms:
                pass
        for _ in range(plan.repeats):
            listed = await _list(ada, times)
    unread = _unread(listed)
    report.goals.append(
        Goal("unread messages in the list, one per room", unread, rooms, rooms, True, counted=True)
    )
    p50, p99 = (statistics.quantiles(times, n=100, method="inclusive")[percent - 1] for percent in (50, 99))
    report.add(local_engine="rooms", p50_ms=p50, p99_ms=p99)
    report.goals.append(Goal("local engine, a page of 500 rooms: p50, ms", p50, 200, 100))


async def _list(socket: ClientConnection, times: list[float]) -> list[dict[str, Any]]:
    """Return the rooms of all pages; `times` gets the milliseconds of each page."""
    page: dict[str, Any] = {"more": True}
    found: list[dict[str, Any]] = []
    while page["more"]:
        after = {"after": found[-1]["room"]} if found else {}
        started = time.perf_counter()
        page = await _ask(socket, action="rooms", limit=PAGE, **after)
        times.append(1000 * (time.perf_counter() - started))
        found += page["rooms"]
    return found


def _unread(rooms: list[dict[str, Any]]) -> int:
    return sum(room["unread"] for room in rooms if room.get("newest", {}).get("message") == TEXT)


async def _ask(socket: ClientConnection, **frame: Any) -> dict[str, Any]:
    """Return the reply to a frame; notices of the person's own changes come between."""
    ref = f"{time.perf_counter_ns()}"
    await socket.send(json.dumps({"ref": ref, **frame}))
    async with asyncio.timeout(60):
        async for text in socket:
            body: dict[str, Any] = json.loads(text)
            if body.get("ref") == ref:
                assert body["status"] == "ok", body
                return body
    raise ConnectionError("the server closed a socket")
