"""Broadcast a storm of reactions once a second, and no message later for it.

When very many people react within seconds, each run of reactions would be a frame to every member. So the
room is marked as coalescing for some seconds, on its head, which each repair reads anyway. Meanwhile a run
that has only reactions is stored and not broadcast. It enqueues a task on the slice queue, in a message group
of its own, that waits a second and then broadcasts all that wait. A run with anything else is broadcast at
once, together with the reactions that wait before it: no client sees a gap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile

from aws_lambda_powertools import Logger

from chat.delivery.deliver import Counts, Delivery, stored_traces
from chat.delivery.slice_queue import ReactionTask, SliceQueue, SliceTask
from chat.protocol.messages import Entry
from chat.storage.cursors import ReactionCursor, ReactionCursors
from chat.storage.log.reader import ENTRIES
from chat.storage.log.repair import LogRepair, Repaired
from chat.storage.lru import LRU
from chat.storage.member_reader import MemberReader
from chat.storage.members import Slice
from chat.tracing import BroadcastTrace, Sink

SECONDS = 1  # for which a reaction task waits, so that one frame has all that come meanwhile
STORM = 10  # entries within a second; fewer reactions are broadcast as they come
COALESCING = 10  # seconds for which reactions are coalesced; a storm that goes on prolongs it
_RENEW = 5  # seconds before the end of that when it is prolonged
_MOST_CARRIED = 500  # entries: of more that wait, clients see a gap and read the history

logger = Logger(child=True)


def _waits(entry: Entry) -> bool:
    """True for what may wait: a reaction, or one that was sent twice."""
    return entry.change.kind == "react" if entry.change else entry.message is None


class Coalescing:
    """What waits in the fan-out."""

    def __init__(
        self,
        log: LogRepair,
        cursors: ReactionCursors,
        slice_queue: SliceQueue,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._cursors = cursors
        self._slice_queue = slice_queue
        self._now = now
        # By room, the seq before a second began and when that was, as this instance saw it.
        self._second: LRU[tuple[int, float]] = LRU()
        self._enqueued: LRU[tuple[int, float]] = LRU()  # by room, the last round and when

    async def holds_back(self, room: str, repaired: Repaired) -> bool:
        """True if a run waits for the room's next broadcast of reactions, which is then enqueued."""
        if not all(map(_waits, repaired.entries)):
            return False
        now = self._now()
        is_storm = self._is_storm(room, repaired.entries, now)
        if is_storm and repaired.coalescing_until < now + _RENEW:
            await asyncio.to_thread(self._log.mark_coalescing, room, int(now) + COALESCING)
            logger.info("coalescing reactions", room=room)
        if not is_storm and repaired.coalescing_until <= now:
            return False
        await self._enqueue(room, repaired, now)
        return True

    async def with_waiting(self, room: str, repaired: Repaired) -> Repaired:
        """Return a run with the reactions that wait before it."""
        if repaired.coalescing_until + COALESCING <= self._now():  # what waited has been broadcast
            return repaired
        first = repaired.entries[0].seq
        cursor = await asyncio.to_thread(self._cursors.read, room)
        after = max(cursor.seq, first - 1 - _MOST_CARRIED)
        if after >= first - 1:
            return repaired
        before = await asyncio.to_thread(self._log.entries, room, after, first - 1)
        waiting = list(takewhile(_waits, reversed(before)))
        return replace(repaired, entries=[*reversed(waiting), *repaired.entries])

    def _is_storm(self, room: str, entries: Sequence[Entry], now: float) -> bool:
        """Count by seq: other instances may have had the runs in between."""
        seq, began = self._second.get(room, (0, 0.0))
        if now - began > 1:
            seq = entries[0].seq - 1
            self._second.set(room, (seq, now))
        return entries[-1].seq - seq >= STORM

    async def _enqueue(self, room: str, repaired: Repaired, now: float) -> None:
        """Enqueue the room's next broadcast of reactions.

        The run's rows are written, and only then the round is read: the task of this round begins a new one
        before it reads the rows.
        """
        round_ = (await asyncio.to_thread(self._cursors.read, room)).round
        known, when = self._enqueued.get(room, (-1, 0.0))
        if known == round_ and now - when < COALESCING:
            return
        task = ReactionTask(room, repaired.entries[0].seq - 1, round_, repaired.epoch)
        await asyncio.to_thread(self._slice_queue.enqueue, [task])
        self._enqueued.set(room, (round_, now))


class ReactionWorker:
    """Runs reaction tasks."""

    def __init__(
        self,
        members: MemberReader,
        log: LogRepair,
        delivery: Delivery,
        slice_queue: SliceQueue,
        cursors: ReactionCursors,
        daemon: Sink,
    ) -> None:
        self._members = members
        self._log = log
        self._delivery = delivery
        self._slice_queue = slice_queue
        self._cursors = cursors
        self._daemon = daemon

    async def run(self, task: ReactionTask) -> tuple[int, Counts | None]:
        """Broadcast the reactions that wait; return the last seq. The counts are None if slices do it.

        Raises what DynamoDB or SQS raise when they cannot be used; the task must then be run again.
        """
        cursor = await asyncio.to_thread(self._cursors.read, task.room)
        # Begin a round before the rows are read: a run that is stored from now on enqueues a task of its own.
        await asyncio.to_thread(self._cursors.write, task.room, ReactionCursor(task.round + 1, cursor.seq))
        after = max(cursor.seq, task.after)
        entries = await asyncio.to_thread(self._read, task.room, after)
        counts = await self._broadcast(task, after, entries) if entries else Counts()
        seq = entries[-1].seq if entries else after
        await asyncio.to_thread(self._cursors.write, task.room, ReactionCursor(task.round + 1, seq))
        return seq, counts

    def _read(self, room: str, after: int) -> list[Entry]:
        """Return the log after a seq, up to its end or to the first gap."""
        entries: list[Entry] = []
        while True:
            page = self._log.entries(room, after + len(entries))
            entries += page
            if len(page) < ENTRIES:  # not until nothing is new: in a storm that might never be
                return entries

    async def _broadcast(self, task: ReactionTask, after: int, entries: Sequence[Entry]) -> Counts | None:
        slices = await asyncio.to_thread(self._log.slices, task.room)
        if slices is not None:
            tasks = [
                SliceTask(Slice(task.room, number, slices), after, entries[-1].seq, epoch=task.epoch)
                for number in range(slices)
            ]
            await asyncio.to_thread(self._slice_queue.enqueue, tasks)
            return None
        # The fan-out broadcasts everything else, and may not have come to it yet.
        reactions = list(filter(_waits, entries))
        if not reactions:
            return Counts()
        with BroadcastTrace(self._daemon, task.room, stored_traces(reactions)) as trace:
            return await self._delivery.deliver_entries(
                task.room, task.epoch, reactions, lambda add: self._members.read(task.room, add), trace
            )
