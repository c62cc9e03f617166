"""Broadcast runs of rooms' messages to their members."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aws_lambda_powertools import Logger

from chat.delivery.coalescing import Coalescing
from chat.delivery.deliver import Counts, Delivery, Results, for_each, stored_traces
from chat.delivery.retries import to_the_end, with_retries
from chat.delivery.slice_queue import SliceQueue, SliceTask
from chat.delivery.unread import Unread
from chat.protocol.messages import Entry
from chat.storage.log.repair import LogRepair, Repaired
from chat.storage.member_reader import MemberReader
from chat.storage.members import Slice
from chat.tracing import BroadcastTrace, Sink

logger = Logger(child=True)


class Broadcaster:
    def __init__(
        self,
        members: MemberReader,
        log: LogRepair,
        delivery: Delivery,
        slice_queue: SliceQueue,
        unread: Unread,
        coalescing: Coalescing,
        daemon: Sink,
        *,
        large_room: int,
        slices: int,
    ) -> None:
        """A room of more than `large_room` members is broadcast in this many `slices`."""
        self._members = members
        self._log = log
        self._delivery = delivery
        self._slice_queue = slice_queue
        self._unread = unread
        self._coalescing = coalescing
        self._daemon = daemon
        self._large_room = large_room
        self._slices = slices

    async def broadcast_all(self, runs: Mapping[str, Sequence[Entry]]) -> Results:
        """Broadcast each room's run, all rooms at once; a room that fails does not stop another.

        The result of a large room is None: its slices count. So is that of reactions that wait.
        """
        return await for_each(runs, self.broadcast, error_message="broadcast failed")

    async def broadcast(self, room: str, run: Sequence[Entry]) -> Counts | None:
        """Repair a run, then post it in order to every member: the history has whatever a client receives.

        At the same time count it for those who have subscribed. For a large room, enqueue a task for each
        slice instead, and post nothing here. In a storm of reactions, a run of nothing else waits
        (`coalescing.py`). No failing connection fails a broadcast. Raises what DynamoDB or SQS raise when
        they cannot be used.
        """
        with BroadcastTrace(self._daemon, room, stored_traces(run)) as trace:
            with trace.phase("repair"):
                repaired = await with_retries(self._log.repair, room, run)
            post = self._post(room, run, repaired, trace)
            counts, _ = await to_the_end(post, self._unread.update(room, repaired))
            result: Counts | None = counts
            return result

    async def _post(
        self, room: str, run: Sequence[Entry], repaired: Repaired, trace: BroadcastTrace
    ) -> Counts | None:
        if await self._coalescing.holds_back(room, repaired):
            return None
        repaired = await self._coalescing.with_waiting(room, repaired)
        entries = [entry for entry in repaired.entries if entry.seq not in repaired.posted]
        if not entries:
            return Counts()
        slices = repaired.slices
        if slices is None:
            with trace.phase("read members"):
                page = await self._members.page(room)
            if page.estimate <= self._large_room:
                return await self._delivery.deliver_entries(
                    room,
                    repaired.epoch,
                    entries,
                    lambda add: self._members.read(room, add, page=page),
                    trace,
                )
            slices = await asyncio.to_thread(self._log.mark_large, room, self._slices)
            logger.info("marked large", room=room, estimate=page.estimate)
        with trace.phase("enqueue"):
            after, to = repaired.entries[0].seq - 1, run[-1].seq
            tasks = [
                SliceTask(Slice(room, number, slices), after, to, epoch=repaired.epoch)
                for number in range(slices)
            ]
            await asyncio.to_thread(self._slice_queue.enqueue, tasks)
        return None
