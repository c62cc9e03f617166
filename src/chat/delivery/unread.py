"""Keep what people have not read exact: count each run of a followed room, mark its authors and mentions."""

from __future__ import annotations

from collections.abc import Sequence

from chat.delivery.retries import to_the_end, with_retries
from chat.protocol.messages import Entry
from chat.storage.log.repair import Repaired
from chat.storage.people.marks import Mark, Marks, marks_of, taken_back
from chat.storage.people.summaries import Summaries, Summary, Uncounted, is_message


class Unread:
    def __init__(self, summaries: Summaries, marks: Marks) -> None:
        self._summaries = summaries
        self._marks = marks

    async def update(self, room: str, repaired: Repaired) -> None:
        """Count a repaired run of a followed room, raise its authors' marks, and note who is mentioned.

        A second time changes nothing. Raises what DynamoDB raises: then the run must come again.
        """
        followed, entries = repaired.followed, repaired.entries
        if followed is not None and entries:
            run = (room, followed, entries, repaired.messaged_before)
            if not await with_retries(self._summaries.pass_over, *run):
                await self._count(*run)
        await self._take_back(room, entries, followed is not None)

    async def _count(self, room: str, followed: int, entries: Sequence[Entry], messaged_before: int) -> None:
        run = (room, followed, entries, messaged_before)
        try:
            counted = await with_retries(self._summaries.count, *run)
        except Uncounted as gap:
            await self._catch_up(room, followed, gap.summary, entries[-1].seq)
            counted = await with_retries(self._summaries.count, *run)
        if counted is not None:
            await self._mark(room, marks_of(entries, counted, followed))

    async def _catch_up(self, room: str, followed: int, done: Summary, to: int) -> None:
        """Follow by its rows what no run has brought, up to a seq.

        The marks come first: whoever dies before the count does them again, and after it nobody would.
        """
        while done.seq < to:
            entries = await with_retries(self._summaries.left_out, room, done.seq, to)
            done = Summary(entries[-1].seq, done.count + sum(map(is_message, entries)))
            await self._mark(room, marks_of(entries, done.count, followed))
            await with_retries(self._summaries.count, room, followed, entries)

    async def _mark(self, room: str, marks: Sequence[Mark]) -> None:
        await to_the_end(*(with_retries(self._marks.write, room, mark) for mark in marks))

    async def _take_back(self, room: str, entries: Sequence[Entry], followed: bool) -> None:
        """Take back the mentions of deleted messages; then their rows need not name anybody any more."""
        for deleted in taken_back(entries):
            if followed:
                take_back = self._marks.take_back
                users = deleted.users
                await to_the_end(*(with_retries(take_back, room, user, deleted.seq) for user in users))
            await with_retries(self._marks.forget_mentions, room, deleted.seq)
