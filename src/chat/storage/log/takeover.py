"""Take over what a run left undone that the stream has given up: fold its changes, in the log's order.

A change is pending from its commit to its fold: its row has all of it. Each head names the newest change or
reply before its entry, and so does each pending row. So whoever comes next, with the next run or for a page
of the history, finds what is undone: it goes back from the newest to the first that is done with all before
it. Most are, because they are done in order; a final row that is not says which change comes before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from chat.protocol.messages import Entry, Message
from chat.protocol.pages import GAP_FINAL_AFTER
from chat.protocol.timestamps import iso
from chat.storage import keys
from chat.storage.dynamodb import write_if
from chat.storage.items import entry_of, to_row
from chat.storage.log.fold import LogFold
from chat.storage.lru import LRU
from chat.storage.newest import Newest, refresh_newest

# The fan-out folds a change within a second, and a client gives a gap up after a minute.
OVERDUE = timedelta(seconds=30)

logger = Logger(child=True)


def says_all_is_done(row: Mapping[str, Any]) -> bool:
    """True of the row of a change that is done, or skipped, with all before it. Of a reply its root knows."""
    return "root" not in row and "pending" not in row and "changed_before" not in row


class LogTakeover(LogFold):
    """The logs in the messages table, for those who may come after a run that was given up."""

    def __init__(
        self, dynamodb: Any, table: str, history_days: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(dynamodb, table, history_days, now)
        self._done: LRU[int] = LRU()  # by room, a change or reply known to be done, with all before it

    def take_over(self, room: str, newest: int, *, gaps_are_final: bool) -> list[int]:
        """Fold all changes and replies up to the seq `newest` that are not folded yet, and return their seqs.

        A missing row is skipped for good, and its number is returned, too. But if `gaps_are_final` is false,
        it may still come: then nothing is done.
        """
        undone = list(self._undone(room, newest))[::-1]
        if not gaps_are_final and any(row is None for _, row in undone):
            return []
        for seq, row in undone:  # a death in between leaves none undone behind one that is done
            row = row or self._skip(room, seq, iso(self._now(), "milliseconds"))
            if row is not None and ("pending" in row or "root" in row):
                entry = entry_of(seq, row)
                folded = self.fold(room, [entry])
                for of, message in folded.items():  # before its end: who repeats a run takes over nothing
                    refresh_newest(self._dynamodb, self._table, room, Newest.of(of, message))
                self._finish(room, entry, folded)
        self._note_done(room, newest)
        if undone:
            logger.info("took over", room=room, first=undone[0][0], last=newest, entries=len(undone))
        return [seq for seq, _ in undone]

    def _note_done(self, room: str, seq: int) -> None:
        if seq > self._done.get(room, 0):
            self._done.set(room, seq)

    def _finish(
        self, room: str, entry: Entry, folded: Mapping[int, Message], before: int | None = None
    ) -> None:
        """Write the final row of a change that is folded: without its text, which its message has.

        It comes after the fold: a page of the history that has the change has its message changed, too.
        `before` is the seq of the change before it, if that may not be done yet.
        """
        if entry.change is None:
            return
        done = entry.change.of in folded
        final = to_row(entry.change) if done else {"skipped": True, "at": entry.change.at}
        write_if(
            self._dynamodb.put_item,
            TableName=self._table,
            Item=self._row(room, entry.seq, final, before),
            ConditionExpression="attribute_not_exists(pk) OR attribute_exists(pending)",
        )

    def _undone(self, room: str, newest: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Yield the numbers of changes and replies that are not done, descending, with their rows.

        The row is None if it is missing. It may be that of a message, then, that nobody will broadcast.
        """
        seq = newest
        while seq:
            row = self._get(keys.row(room, seq))
            if row is not None and self._is_done(room, row):
                return
            if row is not None:
                yield seq, row
            if row is not None and "changed_before" in row:
                seq = int(row["changed_before"])
            else:
                missing, seq = self._look_below(room, seq if row is None else seq - 1)
                yield from ((each, None) for each in missing)

    def _is_done(self, room: str, row: Mapping[str, Any], known: Sequence[Mapping[str, Any]] = ()) -> bool:
        """True if the change or reply of a row is folded, with all before it, or if it has expired.

        `known` are rows that were read, perhaps that of a reply's root.
        """
        if not self._is_kept(dict(row)):
            return True
        if "root" not in row:
            return says_all_is_done(row)
        seq, of = int(row["sk"]), int(row["root"])
        if any(int(each["sk"]) == of and int(each.get("revision", 0)) >= seq for each in known):
            return True
        root = self.messages(room, [of]).get(of)
        return root is None or root.revision >= seq

    def _look_below(self, room: str, seq: int) -> tuple[list[int], int]:
        """Return the numbers without a row from `seq` down to the next change or reply, and its seq.

        The seq is 0 if there is no other. Below the oldest row that is kept nothing is missing: it expired.
        """
        missing: list[int] = []
        for row in self._rows_below(room, seq):
            found = int(row["sk"])
            missing += range(seq, found, -1)
            if "kind" in row or "root" in row:
                return missing, found
            seq = found - 1
        return missing, 0

    def _rows_below(self, room: str, seq: int) -> Iterator[dict[str, Any]]:
        while seq:
            page = self._query(room, 1, seq, ScanIndexForward=False)
            for row in page["Items"]:
                if not self._is_kept(row):
                    return
                yield row
            seq = int(page["LastEvaluatedKey"]["sk"]) - 1 if "LastEvaluatedKey" in page else 0

    # A quiet room has no next run: there, whoever reads its history comes next.

    def _page(self, room: str, first: int, last: int, **options: Any) -> dict[str, Any]:
        """Return the answer to a query for a page of the history, after folding what is overdue in it."""
        page = super()._page(room, first, last, **options)
        for age, gaps_are_final in ((GAP_FINAL_AFTER, True), (OVERDUE, False)):
            newest = self._newest_overdue(room, page["Items"], age)
            if newest and self._try_to_take_over(room, newest, gaps_are_final=gaps_are_final):
                page = super()._page(room, first, last, **options)
        return page

    def _newest_overdue(self, room: str, rows: Sequence[Mapping[str, Any]], age: timedelta) -> int | None:
        """Return the newest change or reply of these rows that is that old and not done, if there is one."""
        done = max((int(row["sk"]) for row in rows if "kind" in row and says_all_is_done(row)), default=0)
        self._note_done(room, done)
        candidates = [row for row in rows if int(row["sk"]) > self._done.get(room, 0)]
        candidates = [row for row in candidates if "pending" in row or "root" in row]
        old = [row for row in candidates if self._age(row) >= age]
        newest = max(old, key=lambda row: str(row["sk"]), default=None)
        if newest is None:
            return None
        seq = int(newest["sk"])
        if self._is_done(room, newest, rows):
            self._note_done(room, seq)
            return None
        return seq

    def _age(self, row: Mapping[str, Any]) -> timedelta:
        since = float(row["pending"]) if "pending" in row else datetime.fromisoformat(row["at"]).timestamp()
        return timedelta(seconds=self._now() - since)

    def _try_to_take_over(self, room: str, newest: int, *, gaps_are_final: bool) -> bool:
        """True if something was done. A failure is logged: what can be read must stay so."""
        try:
            return bool(self.take_over(room, newest, gaps_are_final=gaps_are_final))
        except Exception:
            logger.exception("takeover failed", room=room, newest=newest)
            return False
