"""Summaries of rooms: how many messages a room has, and its newest one.

The fan-out alone counts, because it alone has a room's entries in order and knows which of them are messages
for good. The summary says up to which seq the log is counted, and the update that counts a run is conditional
on that: each entry is counted once, whatever is repeated. Changes are no messages: a run of nothing else is
not counted, and the next message's run passes over it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.messages import Entry
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, old_item
from chat.storage.items import from_row
from chat.storage.lru import LRU
from chat.storage.newest import Newest, refresh_newest
from chat.storage.people.counting import count_messages

_ENTRIES = 500  # rows per query for what was left out
_ATTEMPTS = 5  # another invocation may count at the same time


@dataclass(frozen=True, slots=True)
class Summary:
    """How many of a room's entries up to `seq` are messages, counted since the room is followed.

    Changes may follow it that nobody has to count.
    """

    seq: int
    count: int
    newest: Newest | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Summary:
        newest = Newest.from_item(item["newest"]) if "newest" in item else None
        return cls(int(item["seq"]), int(item["count"]), newest)


class Uncounted(Exception):
    """No run has brought what comes after `summary`: the stream has given it up."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(f"nothing is counted after {summary.seq}")
        self.summary = summary


class Summaries(Table):
    """The summaries in the messages table."""

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        super().__init__(dynamodb, table, now)
        self._counted: LRU[int] = LRU()  # by room, a seq up to which this instance knows it to be counted

    def read(self, rooms: Collection[str], *, consistent: bool = False) -> dict[str, Summary]:
        """Return the summaries of those of these rooms that have one.

        If not `consistent`, the newest run may not be in them yet; it was not counted a moment ago either.
        """
        wanted = [keys.summary(room) for room in rooms]
        items = batch_get(self._dynamodb, self._table, wanted, consistent=consistent)
        return {keys.room_of(item["pk"]): Summary.from_item(item) for item in items}

    def pass_over(self, room: str, followed: int, entries: Sequence[Entry], messaged_before: int) -> bool:
        """Leave a repaired run of changes alone to be passed over, and show the newest message as it is now.

        False if the run has to be counted: it has more than changes, or the newest message before it, or a
        skipped one, is not counted. Perhaps its run was given up by the stream.
        """
        kinds = {entry.change and entry.change.kind for entry in entries}
        if None in kinds or not messaged_before:
            return False
        if kinds == {"react"} and self._counted.get(room, followed) >= messaged_before:
            return True
        summary = self._summary(room, followed)
        self._note_counted(room, summary)
        if summary.seq < messaged_before:
            return False
        self._refresh_newest(room, summary, entries)
        return True

    def count(
        self, room: str, followed: int, entries: Sequence[Entry], messaged_before: int = 0
    ) -> int | None:
        """Count a repaired run, once, and return the count at its last entry.

        Between `messaged_before` and its first entry there are only changes; 0 if that is not known. None if
        the run is older than `followed`, the seq from which on the room is counted, or if it has gaps and is
        counted already. Raises Uncounted if something before its end is neither counted nor in it, and
        TimeoutError if others count the room all the time.
        """
        last, start = entries[-1].seq, max(followed, entries[0].seq - 1)
        if last <= followed:
            return None
        has_gaps = len(_after(start, entries)) < last - start
        # That all messages before a run are counted is only supposed; the write's condition finds out.
        summary = self._summary(room, followed) if has_gaps else Summary(start, 0)
        lowest = start if has_gaps else min(start, messaged_before or start)
        for _ in range(_ATTEMPTS):
            if summary.seq < last:
                try:
                    summary = self._advance(room, followed, lowest, summary, entries)
                except ClientError as error:
                    old = old_item(error)
                    summary = Summary(followed, 0) if old is None else Summary.from_item(old)
                    lowest = summary.seq
                    continue
            self._note_counted(room, summary)
            self._refresh_newest(room, summary, entries)
            if has_gaps:
                return None
            since = count_messages(self._dynamodb, self._table, room, last, summary.seq)
            return summary.count - since.messages
        raise TimeoutError("a room is counted by others all the time")

    def left_out(self, room: str, after: int, to: int) -> list[Entry]:
        """Return the log after a seq, up to another, some hundreds of entries at a time, by its rows.

        What has no row, or has a change that is pending, is as good as skipped.
        """
        page = self._dynamodb.query(
            TableName=self._table,
            **keys.rows_between(room, after + 1, to),
            ConsistentRead=True,
            Limit=_ENTRIES,
        )
        rows = {int(item["sk"]): from_row(item).entry for item in page["Items"]}
        end = max(rows) if "LastEvaluatedKey" in page else to
        return [rows.get(seq, Entry(seq, None)) for seq in range(after + 1, end + 1)]

    def _summary(self, room: str, followed: int) -> Summary:
        return self.read([room], consistent=True).get(room, Summary(followed, 0))

    def _note_counted(self, room: str, summary: Summary) -> None:
        self._counted.set(room, summary.seq)

    def _advance(
        self, room: str, followed: int, lowest: int, summary: Summary, entries: Sequence[Entry]
    ) -> Summary:
        """Count what comes after a summary, and return the new one.

        Raises Uncounted if that is not all in the run, and ConditionalCheckFailed if the log is not counted
        up to a seq from `lowest` to the summary's.
        """
        last, new, newest = entries[-1].seq, _after(summary.seq, entries), _newest_of(entries)
        if len(new) < last - summary.seq:
            raise Uncounted(summary)
        values: dict[str, Any] = {
            ":messages": sum(map(is_message, new)),
            ":last": last,
            ":lowest": lowest,
            ":after": summary.seq,
        }
        update = "SET #seq = :last"
        if newest is not None:
            update += ", #newest = :newest"
            values[":newest"] = newest.to_item()
        or_first = " OR attribute_not_exists(#seq)" if lowest <= followed else ""
        answer: dict[str, Any] = self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.summary(room),
            UpdateExpression=f"{update} ADD #count :messages",
            ConditionExpression=f"#seq BETWEEN :lowest AND :after{or_first}",
            ExpressionAttributeNames={"#seq": "seq", "#count": "count"}
            | ({} if newest is None else {"#newest": "newest"}),
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return Summary.from_item(answer["Attributes"])

    def _refresh_newest(self, room: str, summary: Summary, entries: Sequence[Entry]) -> None:
        """Edit or empty the summary's message, if the run has changed it: nothing deleted stays readable."""
        forms = {(entry.change.of if entry.change else entry.seq): entry.message for entry in entries}
        old, message = summary.newest, forms.get(summary.newest.seq) if summary.newest else None
        if old is None or message is None:
            return
        new = Newest.of(old.seq, message)
        if new.revision <= old.revision or (new.text, new.deleted) == (old.text, old.deleted):
            return
        refresh_newest(self._dynamodb, self._table, room, new)


def _after(seq: int, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.seq > seq]


def is_message(entry: Entry) -> bool:
    """True of a message; a deleted one counts, too: its place is shown."""
    return entry.message is not None and entry.change is None


def _newest_of(entries: Sequence[Entry]) -> Newest | None:
    for entry in reversed(entries):
        if entry.message is not None and entry.change is None:
            return Newest.of(entry.seq, entry.message)
    return None
