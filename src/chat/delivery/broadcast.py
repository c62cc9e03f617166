"""Broadcast runs of rooms' messages to their members."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chat.delivery.deliver import Counts, Delivery, Results, for_each_room, stored_traces
from chat.delivery.slice_queue import SliceQueue, SliceTask
from chat.protocol.messages import Entry
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import MemberReader
from chat.storage.members import Slice
from chat.tracing import BroadcastTrace, Sink

_WAITS = (0.5, 1.0)  # seconds at most before each further try of a call that boto3 has given up

logger = Logger(child=True)


class Broadcaster:
    def __init__(
        self,
        members: MemberReader,
        log: LogRepair,
        delivery: Delivery,
        slice_queue: SliceQueue,
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
        self._daemon = daemon
        self._large_room = large_room
        self._slices = slices

    async def broadcast_all(self, runs: Mapping[str, Sequence[Entry]]) -> Results:
        """Broadcast each room's run, all rooms at once; a room that fails does not stop another.

        The result of a large room is None: its slices count.
        """
        return await for_each_room(runs, self.broadcast, error_message="broadcast failed")

    async def broadcast(self, room: str, run: Sequence[Entry]) -> Counts | None:
        """Repair a run, then post it in order to every member: the history has whatever a client receives.

        For a large room, enqueue a task for each slice instead, and post nothing here. No failing connection
        fails a broadcast. Raises what DynamoDB or SQS raise when they cannot be used.
        """
        with BroadcastTrace(self._daemon, room, stored_traces(run)) as trace:
            with trace.phase("repair"):
                repaired = await _with_retries(self._log.repair, room, run)
            slices = repaired.slices
            if slices is None:
                with trace.phase("read members"):
                    page = await self._members.page(room)
                if page.estimate <= self._large_room:
                    return await self._delivery.deliver_entries(
                        room,
                        repaired.epoch,
                        repaired.entries,
                        lambda add: self._members.read(room, add, page=page),
                        trace,
                    )
                slices = await asyncio.to_thread(self._log.mark_large, room, self._slices)
                logger.info("marked large", room=room, estimate=page.estimate)
            with trace.phase("enqueue"):
                after, to = run[0].seq - 1, run[-1].seq
                tasks = [
                    SliceTask(Slice(room, number, slices), after, to, epoch=repaired.epoch)
                    for number in range(slices)
                ]
                await asyncio.to_thread(self._slice_queue.enqueue, tasks)
            return None


async def _with_retries[**P, R](call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Make a call of boto3, and repeat it after a moment if it fails.

    A failed run makes the stream repeat everything after it, other rooms' messages too.
    """
    for wait in _WAITS:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except (BotoCoreError, ClientError, TimeoutError):
            await asyncio.sleep(random.uniform(0, wait))
    return await asyncio.to_thread(call, *args, **kwargs)
