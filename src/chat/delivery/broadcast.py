"""Broadcasts runs of rooms' messages to their members."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from apigateway import Frame
from chat.delivery.deliver import Add, Counts, Delivery, Results, for_each_room
from chat.delivery.slice_queue import Cursor, Cursors, Slice, SliceQueue, SliceTask
from chat.protocol import frames
from chat.protocol.messages import Entry
from chat.storage.log import Log
from chat.storage.member_reader import MemberReader
from chat.tracing import BroadcastTrace, Sink

_WAITS = (0.5, 1.0)  # seconds before each further try of a call that boto3 has given up, at most

logger = Logger(child=True)


class Broadcaster:
    def __init__(
        self,
        members: MemberReader,
        log: Log,
        delivery: Delivery,
        slice_queue: SliceQueue,
        cursors: Cursors,
        daemon: Sink,
        *,
        large: int,
        slices: int,
    ) -> None:
        """A room of more than `large` members is broadcast in so many `slices`."""
        self._members = members
        self._log = log
        self._delivery = delivery
        self._slice_queue = slice_queue
        self._cursors = cursors
        self._daemon = daemon
        self._large = large
        self._slices = slices

    async def broadcast_all(self, runs: Mapping[str, Sequence[Entry]]) -> Results:
        """Broadcasts each room's run, all rooms at once; a room that fails does not stop another.

        Of a large room there is nothing to tell yet: None.
        """
        return await for_each_room(runs, self.broadcast, failed="broadcast failed")

    async def broadcast(self, room: str, run: Sequence[Entry]) -> Counts | None:
        """Posts a run, in order, to every member. Settles it first, so that the history has what anyone
        hears.

        A large room's slices are told instead, and nothing is posted here. No connection's failure fails it.
        What raises is ours: DynamoDB could not be read or written.
        """
        with BroadcastTrace(self._daemon, room, _traces(run)) as trace:
            with trace.phase("repair"):
                settled = await _patiently(self._log.repair, room, run)
            slices = settled.slices
            if slices is None:
                with trace.phase("read members"):
                    page = await self._members.page(room)
                if page.estimate <= self._large:
                    return await self._post(
                        room, settled.entries, lambda add: self._members.read(room, add, page=page), trace
                    )
                slices = await asyncio.to_thread(self._log.mark_large, room, self._slices)
                logger.info("a large room from now on", room=room, estimate=page.estimate)
            with trace.phase("enqueue"):
                after, to = run[0].seq - 1, run[-1].seq
                tasks = [SliceTask(Slice(room, number, slices), after, to) for number in range(slices)]
                await asyncio.to_thread(self._slice_queue.enqueue, tasks)
            return None

    async def answer(self, task: SliceTask, until: float) -> Counts:
        """Posts to a slice what its members have not had; what is left at `until`, in loop time, later.

        Raises what keeps it from posting; the doorbell must then be answered again.
        """
        slice_ = task.slice
        if task.notice is not None:
            return await self._tell(slice_, task.notice.frame, until)
        total = Counts()
        cursor = await asyncio.to_thread(self._cursors.read, slice_) or Cursor(task.after)
        while entries := await asyncio.to_thread(self._log.entries, slice_.room, cursor.seq, cursor.to):
            to, reached = entries[-1].seq, cursor.reached

            async def read(add: Add) -> None:
                nonlocal reached
                reached = await self._members.read_in_order(
                    slice_.room, add, slice_.first, slice_.last, after=reached, until=until
                )

            with BroadcastTrace(self._daemon, slice_.room, _traces(entries), slice=slice_.number) as trace:
                total += await self._post(slice_.room, entries, read, trace)
            cursor = Cursor(to) if reached is None else Cursor(cursor.seq, to, reached)
            await asyncio.to_thread(self._cursors.write, slice_, cursor)
            if asyncio.get_running_loop().time() > until:
                again = SliceTask(slice_, cursor.seq, max(to, task.to), task.part + 1)
                await asyncio.to_thread(self._slice_queue.enqueue, [again])
                break
        return total

    async def _tell(self, slice_: Slice, frame: str, until: float) -> Counts:
        """Posts a frame to a slice's members; those who are not read by `until` do not hear of it."""

        async def read(add: Add) -> None:
            await self._members.read_in_order(
                slice_.room, add, slice_.first, slice_.last, after=None, until=until
            )

        return await self._delivery.deliver_frames(slice_.room, [frame], read)

    async def _post(
        self,
        room: str,
        entries: Sequence[Entry],
        read: Callable[[Add], Awaitable[None]],
        trace: BroadcastTrace,
    ) -> Counts:
        """Posts settled entries to the members that `read` passes on, in order to each."""
        by_protocol: dict[str, list[Frame]] = {
            "v1": [Frame(text) for text in frames.messages(room, entries)],
            # A run of skipped is nothing to a plain client.
            "plain": [Frame(text) for text in frames.plain(entries)],
        }

        async def timed(add: Add) -> None:
            with trace.phase("read members"):
                await read(add)

        with trace.phase("post"):
            counts = await self._delivery.deliver(room, lambda member: by_protocol[member.protocol], timed)
        trace.annotate(**asdict(counts))
        return counts


async def _patiently[**P, R](call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Makes a call of boto3's, again after a moment if it fails: given back, a run of the stream brings all
    that follows it again, other rooms' messages too."""
    for wait in _WAITS:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except (BotoCoreError, ClientError, TimeoutError):
            await asyncio.sleep(random.uniform(0, wait))
    return await asyncio.to_thread(call, *args, **kwargs)


def _traces(entries: Sequence[Entry]) -> list[tuple[str | None, str]]:
    return [(entry.message.trace, entry.message.at) for entry in entries if entry.message]
