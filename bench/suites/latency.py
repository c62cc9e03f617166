"""A message in a quiet room: until it is acknowledged, and until every member has it.

Two local engines run, one with the fast lane and one without. They read the stream four times per second, as
Lambda does, and a post takes 15 ms. Their rooms take turns: each message comes alone, and other work on the
machine delays both. The network to AWS and Lambda's own part of a call come on top.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection

from bench.peers.servers import run_server
from bench.peers.sockets import joined
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, progress
from bench.simulator import Settings
from bench.suites.local import ENGINE_AWS_POLLING, SERVERS
from local.aws_defaults import STREAM_POLL_INTERVAL

SMALL = 10  # up to so many members the goals hold
WITH_LANE, BY_STREAM = "fast lane", "stream"
_POST_MS = round(1000 * Settings().latency)
_COMMAND = (sys.executable, "-m", *SERVERS[ENGINE_AWS_POLLING], "--post-latency", str(_POST_MS))
COMMANDS = {way: (*_COMMAND, "--set", f"FastLane={most}") for way, most in ((WITH_LANE, 50), (BY_STREAM, 0))}
# Seconds between two messages of one room: after half a second, one comes alone (`chat.storage.log.log`).
_QUIET = 0.6
_PERCENT = (1, 5, 10, 25, 50, 75, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]  # members of the rooms
    sends: int  # to each room, by each way
    warm_up: int  # sends before those that are measured
    quiet_end: float  # seconds after the last receipt: a repeat by the stream would have come, too


FULL = Plan((2, 10, 50), sends=100, warm_up=10, quiet_end=1.0)
QUICK = Plan((2, 10), sends=2, warm_up=1, quiet_end=0.1)


@dataclass(frozen=True, slots=True)
class Published:
    """What others say of themselves, in milliseconds: on their machines, and not in this run."""

    service: str
    what: str
    source: str
    p50: float | str = ""
    p99: float | str = ""


PUBLISHED = (
    Published(
        "Ably",
        "global median; the round trip from an edge",
        "https://ably.com/docs/platform/architecture/latency, https://ably.com/four-pillars-of-dependability",
        p50=37,
        p99=65,
    ),
    Published(
        "Centrifugo",
        "a million clients, 500,000 deliveries/s",
        "https://centrifugal.dev/blog/2020/02/10/million-connections-with-centrifugo",
        p99=200,
    ),
    Published(
        "Slack",
        "500 across the world; no percentile is given",
        "https://slack.engineering/real-time-messaging/",
    ),
)


@dataclass(slots=True)
class Times:
    """Milliseconds of one room's messages, and how often each came to a member."""

    acknowledged: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)  # by the last member
    posts: int = 0


class Member:
    """A client that notes when it received what."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: dict[str, asyncio.Future[float]] = {}  # for a reply or a message, by ref
        self.posts = 0

    async def listen(self) -> None:
        """Raises RuntimeError if the server answers with an error."""
        async for frame in self._socket:
            now, body = time.perf_counter(), json.loads(frame)
            if body.get("status", "ok") != "ok" or "connectionId" in body:  # an error reply, or API Gateway's
                raise RuntimeError(f"a message was answered with an error: {frame!r}")
            if "ref" in body:
                self._note(_reply(body["ref"]), now)
            for message in body.get("messages", ()) if body.get("type") == "messages" else ():
                self.posts += 1
                self._note(message["id"], now)

    def _note(self, what: str, now: float) -> None:
        waiting = self._waiting.pop(what, None)
        if waiting is not None:
            waiting.set_result(now)

    def expect(self, what: str) -> asyncio.Future[float]:
        future = self._waiting[what] = asyncio.get_running_loop().create_future()
        return future

    async def send(self, room: str, ref: str) -> None:
        await self._socket.send(json.dumps({"action": "send", "ref": ref, "room": room, "message": "Hi"}))


def _reply(ref: str) -> str:
    return f"reply to {ref}"


type Found = dict[str, dict[int, Times]]  # by way and by members
type Rooms = dict[tuple[str, int], Sequence[Member]]


def run(plan: Plan = FULL) -> Report:
    return report_of(asyncio.run(_measure(plan)))


def report_of(found: Found) -> Report:
    report = Report(f"latency: quiet rooms, in milliseconds; polling as AWS, posts take {_POST_MS} ms")
    for size in found[WITH_LANE]:
        for way, rooms in found.items():
            times = rooms[size]
            for what, values in (("acknowledged", times.acknowledged), ("last receipt", times.received)):
                report.add(
                    members=size, way=way, send_to=what, p50=_percentile(values, 50),
                    p90=_percentile(values, 90), p99=_percentile(values, 99), max=max(values),
                    posts_per_message_and_member=times.posts / (size * len(values)),
                )  # fmt: skip
    for peer in PUBLISHED:
        report.add(published=peer.service, p50=peer.p50, p99=peer.p99, what=peer.what, source=peer.source)
    _add_goals(report, found)
    report.plots["latency"] = _plot(found)
    return report


async def _measure(plan: Plan) -> Found:
    found = _no_times(plan)
    rooms: Rooms = {}
    async with AsyncExitStack() as stack:
        for way, command in COMMANDS.items():
            server = await stack.enter_async_context(run_server(ENGINE_AWS_POLLING, *command))
            for size in plan.sizes:
                rooms[way, size] = await stack.enter_async_context(_room(server.url, size))
        progress(f"latency: {plan.sends} messages to each room")
        for sends, times in ((plan.warm_up, _no_times(plan)), (plan.sends, found)):
            before = {room: _posts(members) for room, members in rooms.items()}
            await _take_turns(rooms, sends, times)
            await asyncio.sleep(plan.quiet_end)
            for (way, size), members in rooms.items():
                times[way][size].posts = _posts(members) - before[way, size]
    return found


def _no_times(plan: Plan) -> Found:
    return {way: {size: Times() for size in plan.sizes} for way in COMMANDS}


async def _take_turns(rooms: Rooms, sends: int, found: Found) -> None:
    """Send to each room so often, and note the times."""
    sent = dict.fromkeys(rooms, 0.0)
    for _ in range(sends):
        for (way, size), members in rooms.items():
            await asyncio.sleep(sent[way, size] + _QUIET - time.perf_counter())
            # At any moment between two reads of the stream.
            await asyncio.sleep(random.uniform(0, STREAM_POLL_INTERVAL))
            sent[way, size] = time.perf_counter()
            await _send(members, f"room-{size}", found[way][size])


def _posts(members: Sequence[Member]) -> int:
    return sum(member.posts for member in members)


@asynccontextmanager
async def _room(url: str, size: int) -> AsyncIterator[Sequence[Member]]:
    async with joined(url, size, f"room-{size}") as (sockets, _):
        members = [Member(socket) for socket in sockets]
        async with asyncio.TaskGroup() as group:
            listening = [group.create_task(member.listen()) for member in members]
            yield members
            for task in listening:
                task.cancel()


async def _send(members: Sequence[Member], room: str, times: Times) -> None:
    """Send a message from the first member, and note when it is acknowledged and when the last one has it."""
    ref = str(uuid.uuid4())
    acknowledged = members[0].expect(_reply(ref))
    received = [member.expect(ref) for member in members]
    began = time.perf_counter()
    await members[0].send(room, ref)
    async with asyncio.timeout(60):
        moments = await asyncio.gather(acknowledged, *received)
    times.acknowledged.append(1000 * (moments[0] - began))
    times.received.append(1000 * (max(moments[1:]) - began))


def _add_goals(report: Report, found: Found) -> None:
    lane, stream = found[WITH_LANE], found[BY_STREAM]
    for percent, must, aim in ((50, 60, 40), (90, 90, 60)):
        worst = max(_percentile(lane[size].received, percent) for size in lane if size <= SMALL)
        what = f"quiet room of 2 to {SMALL}: send to last receipt p{percent}, ms"
        report.goals.append(Goal(what, worst, must, aim))
    later = {
        size: [each - _percentile(stream[size].acknowledged, 50) for each in lane[size].acknowledged]
        for size in lane
    }
    median = max(_percentile(times, 50) for times in later.values())
    report.goals.append(Goal("fast lane: acknowledged later, p50, ms", median, 40, 30))
    report.goals.append(
        Goal("fast lane: acknowledged later, at most, ms", max(map(max, later.values())), 350, 100)
    )
    posts = max(times.posts / (size * len(times.received)) for size, times in lane.items())
    report.goals.append(Goal("fast lane: posts per message and member", posts, 1.02, 1))


def _plot(found: Found) -> Plot:
    title = "Messages that every member has"
    plot = Plot(title, "ms after sending", "% of messages", x_log=False, y_log=False)
    for way, rooms in found.items():
        for size, times in rooms.items():
            points = [(_percentile(times.received, percent), float(percent)) for percent in _PERCENT]
            plot.curves.append(Curve(f"{way}, {size} members", points))
    return plot


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
