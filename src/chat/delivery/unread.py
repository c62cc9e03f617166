"""Keep what people have not read exact: count each run of a followed room, and mark its authors' own."""

from __future__ import annotations

from chat.delivery.retries import to_the_end, with_retries
from chat.storage.log.repair import Repaired
from chat.storage.people.marks import Marks, marks_of
from chat.storage.people.summaries import Summaries


class Unread:
    def __init__(self, summaries: Summaries, marks: Marks) -> None:
        self._summaries = summaries
        self._marks = marks

    async def update(self, room: str, repaired: Repaired) -> None:
        """Count a repaired run of a followed room, and raise its authors' marks.

        A second time changes nothing. Raises what DynamoDB raises: then the run must come again.
        """
        followed, entries = repaired.followed, repaired.entries
        if followed is None or not entries:
            return
        count = await with_retries(self._summaries.count, room, followed, entries)
        if count is None:
            return
        marks = marks_of(entries, count, followed)
        await to_the_end(*(with_retries(self._marks.write, room, mark) for mark in marks))
