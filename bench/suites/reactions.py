"""Frames to each member of a room in which very many people react to one message, in virtual time.

One stream mapping calls the fan-out, one batch at a time, and the slice queue runs its tasks, both as AWS
does. Logs, rows and cursors are written by the functions' own code to a table in memory; each call of it
takes the time of one of DynamoDB's, or only its CPU time if it is one of many at once. Somebody writes a
message every other second.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apigateway import Delivered, Frame, Outcome, Poster
from bench.deployed import BATCH_SIZE, LARGE_ROOM, SLICES
from bench.fakes.memory_table import MemoryTable
from bench.report.report import Goal, Report, progress
from bench.simulator import member_id
from bench.simulator.virtual_time import VirtualLoop
from chat.delivery import coalescing
from chat.delivery.broadcast import Broadcaster
from chat.delivery.coalescing import Coalescing, ReactionWorker
from chat.delivery.deliver import Delivery
from chat.delivery.slice_queue import ReactionTask, Task
from chat.delivery.unread import Unread
from chat.protocol.messages import Change, Entry, Message
from chat.storage import keys
from chat.storage.cursors import ReactionCursors
from chat.storage.items import to_item
from chat.storage.log.repair import LogRepair, Repaired
from chat.storage.member_reader import MemberPage
from chat.storage.members import Member
from local.aws_defaults import STREAM_POLL_INTERVAL

ROOM, TABLE = "storm", "MessagesTable"
LATENCY = 0.004  # seconds of one call of DynamoDB
CPU = 0.001  # of that, seconds that the caller computes
QUEUE_LATENCY = 0.02  # seconds from a task's sending to its function
POST_LATENCY = 0.015
MESSAGE_EVERY = 2.0  # seconds
WARM = 3.0  # seconds
BEGAN = datetime(2026, 11, 24, 6, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    rates: tuple[float, ...]  # reactions per second
    seconds: float


FULL = Plan((2, 10, 50, 10_000 / 60), 60.0)
QUICK = Plan((50,), 10.0)


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of it. `frames` are those to one member, in the order of their posts: (time, text)."""

    reactions: int
    count: int  # of the reaction, in the message's row
    row: dict[str, Any]
    frames: list[tuple[float, str]]
    message_delays: list[float]  # from its write to its post
    seconds: float  # until the last frame

    @property
    def frames_per_second(self) -> float:
        """Without the beginning, when it is no storm yet."""
        return sum(at >= WARM for at, _ in self.frames) / (self.seconds - WARM)

    @property
    def most_in_a_second(self) -> int:
        return max(Counter(int(at) for at, _ in self.frames).values())

    @property
    def row_bytes(self) -> int:
        return len(json.dumps(self.row, ensure_ascii=False, default=str).encode())


def run(plan: Plan = FULL) -> Report:
    report = Report("reactions: frames to a member while people react to one message (virtual time)")
    for rate in plan.rates:
        for coalesced in (False, True):
            progress(f"reactions: {rate:.0f}/s, {'coalesced' if coalesced else 'as they come'}")
            storm = simulate(rate, plan.seconds, coalesced=coalesced)
            report.add(
                reactions_per_s=rate,
                broadcast="coalesced" if coalesced else "as they come",
                frames_per_s=storm.frames_per_second,
                most_in_a_second=storm.most_in_a_second,
                kb_per_s=sum(len(text) for _, text in storm.frames) / storm.seconds / 1024,
                message_max_s=max(storm.message_delays),
                row_bytes=storm.row_bytes,
                wrong_counts=abs(storm.count - storm.reactions),
            )
            if coalesced and rate >= 50:
                frames = storm.frames_per_second - 1 / MESSAGE_EVERY
                what = f"{rate:.0f} reactions/s: frames with reactions to a member and second"
                report.goals.append(Goal(what, frames, 1.1, 1, counted=True))
    return report


def simulate(rate: float, seconds: float, *, coalesced: bool = True, members: int = 3) -> Storm:
    """Let people react to a room's first message, each once.

    Raises RuntimeError if a member misses a number.
    """
    loop = VirtualLoop()
    site = _Site(loop, members, coalesced)
    loop.run_until_complete(site.run(_arrivals(rate, seconds)))
    loop.close()
    return site.storm()


def _arrivals(rate: float, seconds: float) -> list[tuple[float, bool]]:
    """Return when each reaction comes (True), and each message, beginning with the one that is reacted to."""
    generator = random.Random(rate)
    times = [(generator.uniform(1, 1 + seconds), True) for _ in range(round(rate * seconds))]
    messages = [(MESSAGE_EVERY * number, False) for number in range(int(seconds / MESSAGE_EVERY) + 1)]
    return sorted(times + messages)


class _Site:
    """A room, the fan-out, the slice queue and its function."""

    def __init__(self, loop: VirtualLoop, members: int, coalesced: bool) -> None:
        self._loop = loop
        self._table = MemoryTable()
        self._sockets = _Sockets(loop)
        self._reactions = 0
        self._changed = 0  # the seq of the newest reaction
        self._written: dict[str, float] = {}  # when each message was written, by its text
        poster: Any = Poster(self._sockets)
        nobody_is_gone: Any = None
        nobody_follows: Any = None
        delivery = Delivery(nobody_is_gone, poster, nobody_is_gone)
        log = LogRepair(self._table, TABLE, 90, self._now)
        cursors = ReactionCursors(self._table, TABLE, self._now)
        shared: Any = {"members": _Members(members), "log": log, "delivery": delivery, "daemon": _NoDaemon()}
        self._queue = _Queue(loop)
        queue: Any = self._queue
        worker = ReactionWorker(slice_queue=queue, cursors=cursors, **shared)
        self._queue.work = worker.run
        self._broadcaster = Broadcaster(
            slice_queue=queue,
            unread=Unread(nobody_follows, nobody_follows),
            coalescing=(Coalescing if coalesced else _NoCoalescing)(log, cursors, queue, self._now),
            large_room=LARGE_ROOM,
            slices=SLICES,
            **shared,
        )
        self._table.put_item(Item=keys.head(ROOM) | {"seq": 0, "epoch": "e"})

    def _now(self) -> float:
        return BEGAN.timestamp() + self._loop.time()

    async def run(self, arrivals: Sequence[tuple[float, bool]]) -> None:
        """Call the fan-out with all that has come, one batch after the other, until everything is posted."""
        taken = 0
        while taken < len(arrivals):
            batch = [each for each in arrivals[taken : taken + BATCH_SIZE] if each[0] <= self._loop.time()]
            if not batch:
                await asyncio.sleep(STREAM_POLL_INTERVAL)
                continue
            run = [self._write(taken + number, *each) for number, each in enumerate(batch, start=1)]
            taken += len(batch)
            before = self._calls_took()
            await self._broadcaster.broadcast(ROOM, run)
            await asyncio.sleep(self._calls_took() - before)
        await self._queue.until_empty()

    def _calls_took(self) -> float:
        return LATENCY * self._table.calls + CPU * self._table.calls_at_once

    def _write(self, seq: int, at: float, reacts: bool) -> Entry:
        """Write what the message function writes: a ref and a row, which is pending if it is a change's."""
        moment = (BEGAN + timedelta(seconds=at)).isoformat(timespec="milliseconds")
        user, name, ref = f"{seq:020x}", f"Person {seq}", f"ref-{seq}"
        content: Message | Change
        if reacts:
            self._reactions += 1
            content = Change("react", 1, ref, user, name, moment, reaction="👍")
        else:
            content = Message(ref, user, name, f"message {seq}", None, moment)
            self._written[content.text] = at
        expiry = {"expires_at": int(self._now()) + 10**6}
        owner = {"id": ref, "seq": seq, "digest": content.digest, "at": moment}
        self._table.put_item(Item=keys.ref(ROOM, ref) | owner | expiry)
        row = to_item(content) | expiry
        if isinstance(content, Message):
            self._table.put_item(Item=keys.row(ROOM, seq) | row)
            return Entry(seq, content)
        before, self._changed = self._changed, seq
        row |= {"pending": int(self._now()), "changed_before": before}
        self._table.put_item(Item=keys.row(ROOM, seq) | row)
        return Entry(seq, None, content, changed_before=before)

    def storm(self) -> Storm:
        frames = self._sockets.frames[member_id(0)]
        seqs: set[int] = set()
        posted: dict[str, float] = {}
        for at, text in frames:
            frame = json.loads(text)
            seqs |= {message["seq"] for message in frame["messages"]} | set(frame.get("skipped", ()))
            for message in frame["messages"]:
                posted.setdefault(message["message"], at)
        if seqs != set(range(1, self._reactions + len(self._written) + 1)):
            raise RuntimeError("a member misses numbers")
        (row,) = (row for row in self._table.rows(keys.log_pk(ROOM)) if row["sk"] == keys.row_sk(1))
        (reaction,) = row["reactions"]
        return Storm(
            self._reactions,
            reaction["count"],
            row,
            frames,
            [posted[text] - at for text, at in self._written.items()],
            frames[-1][0],
        )


class _NoCoalescing(Coalescing):
    """As it was before: each run is broadcast as soon as the one before has been."""

    async def holds_back(self, room: str, repaired: Repaired) -> bool:
        return False


@dataclass(slots=True)
class _Sockets:
    """API Gateway, and what each connection got."""

    loop: VirtualLoop
    frames: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    free: int = 10**6

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        self.frames.setdefault(connection_id, []).append((self.loop.time(), frame.data.decode()))
        self.loop.call_later(POST_LATENCY, callback, Delivered())

    def close(self) -> None:
        pass


class _Members:
    def __init__(self, count: int) -> None:
        self._members = [Member(member_id(number), "v1", 0) for number in range(count)]

    async def page(self, room: str) -> MemberPage:
        await asyncio.sleep(LATENCY)
        return MemberPage(self._members, None)

    async def read(self, room: str, use: Callable[..., Any], *, page: MemberPage | None = None) -> None:
        page = page or await self.page(room)
        await use(page.members)


class _Queue:
    """The slice queue: each task once, one at a time, hidden for a second by its function."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._known: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._group = asyncio.Lock()
        self.work: Callable[[ReactionTask], Any]

    def enqueue(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            assert isinstance(task, ReactionTask), "the room is small"
            if task.deduplication not in self._known:
                self._known.add(task.deduplication)
                self._tasks.append(self._loop.create_task(self._run(task)))

    async def _run(self, task: ReactionTask) -> None:
        async with self._group:
            await asyncio.sleep(QUEUE_LATENCY + coalescing.SECONDS)
            await self.work(task)

    async def until_empty(self) -> None:
        while waiting := [task for task in self._tasks if not task.done()]:
            await asyncio.gather(*waiting)


class _NoDaemon:
    def send(self, segment: object) -> None:
        pass
