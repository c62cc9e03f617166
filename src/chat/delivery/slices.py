"""Run slice tasks: deliver to one slice of a large room what its members have not received yet."""

from __future__ import annotations

import asyncio

from chat.delivery.deliver import AddMembers, Counts, Delivery, stored_traces
from chat.delivery.slice_queue import SliceQueue, SliceTask
from chat.storage.cursors import Cursor, Cursors
from chat.storage.log.reader import LogReader
from chat.storage.member_reader import MemberReader
from chat.storage.members import Slice
from chat.tracing import BroadcastTrace, Sink


class SliceWorker:
    def __init__(
        self,
        members: MemberReader,
        log: LogReader,
        delivery: Delivery,
        slice_queue: SliceQueue,
        cursors: Cursors,
        daemon: Sink,
    ) -> None:
        self._members = members
        self._log = log
        self._delivery = delivery
        self._slice_queue = slice_queue
        self._cursors = cursors
        self._daemon = daemon

    async def run_slice(self, task: SliceTask, until: float) -> Counts:
        """Post the log from the slice's cursor on to the slice's members, and move the cursor.

        What remains at `until`, in loop time, is enqueued as a task of its own. Raises if the cursor, the log
        or the members cannot be read or written; the task must then be run again.
        """
        slice_ = task.slice
        if task.notice is not None:
            return await self._post_notice(slice_, task.notice.frame, until)
        total = Counts()
        cursor = await asyncio.to_thread(self._cursors.read, slice_) or Cursor(task.after)
        while entries := await asyncio.to_thread(self._log.entries, slice_.room, cursor.seq, cursor.to):
            read = _Reading(self._members, slice_, cursor.reached, until)
            with BroadcastTrace(
                self._daemon, slice_.room, stored_traces(entries), slice=slice_.number
            ) as trace:
                total += await self._delivery.deliver_entries(slice_.room, task.epoch, entries, read, trace)
            to = entries[-1].seq
            cursor = Cursor(to) if read.reached is None else Cursor(cursor.seq, to, read.reached)
            await asyncio.to_thread(self._cursors.write, slice_, cursor)
            if asyncio.get_running_loop().time() > until:
                rest = SliceTask(slice_, cursor.seq, max(to, task.to), task.part + 1, epoch=task.epoch)
                await asyncio.to_thread(self._slice_queue.enqueue, [rest])
                break
        return total

    async def _post_notice(self, slice_: Slice, frame: str, until: float) -> Counts:
        """Post a frame to a slice's members; those that are not read by `until` do not receive it."""
        read = _Reading(self._members, slice_, None, until)
        return await self._delivery.deliver_frames(slice_.room, [frame], read)


class _Reading:
    """Reads a slice's members after the key `reached`, until a time; then `reached` is None at the end."""

    def __init__(self, members: MemberReader, slice_: Slice, reached: str | None, until: float) -> None:
        self._members = members
        self._slice = slice_
        self._until = until
        self.reached = reached

    async def __call__(self, add_members: AddMembers) -> None:
        self.reached = await self._members.read_in_order(
            self._slice.room,
            add_members,
            self._slice.first,
            self._slice.last,
            after=self.reached,
            until=self._until,
        )
