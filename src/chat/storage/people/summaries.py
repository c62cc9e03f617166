"""Summaries of rooms: how many messages a room has, and its newest one.

The fan-out alone counts, because it alone has a room's entries in order and knows which of them are messages
for good. The summary says up to which seq the log is counted, and the update that counts a run is conditional
on that: each entry is counted once, whatever is repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.messages import Entry, Message
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, old_item, write_if
from chat.storage.people.counting import count_messages

MAX_SHOWN = 200  # characters of the newest message that a list of rooms shows
_ATTEMPTS = 5  # another invocation may count at the same time


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest message of a room: what a list of rooms shows of it. A deleted one has no text."""

    seq: int
    user: str
    name: str
    at: str
    text: str
    deleted: bool
    revision: int

    @classmethod
    def of(cls, seq: int, message: Message) -> Newest:
        text = message.text[:MAX_SHOWN]
        return cls(seq, message.user, message.name, message.at, text, message.deleted, message.revision)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Newest:
        return cls(
            int(item["seq"]), item["user"], item["name"], item["at"], item["message"], item["deleted"],
            int(item["revision"]),
        )  # fmt: skip

    def to_item(self) -> dict[str, Any]:
        return {
            "seq": self.seq, "user": self.user, "name": self.name, "at": self.at, "message": self.text,
            "deleted": self.deleted, "revision": self.revision,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Summary:
    """How many of a room's entries up to `seq` are messages, counted since the room is followed."""

    seq: int
    count: int
    newest: Newest | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Summary:
        newest = Newest.from_item(item["newest"]) if "newest" in item else None
        return cls(int(item["seq"]), int(item["count"]), newest)


class Summaries(Table):
    """The summaries in the messages table."""

    def read(self, rooms: Collection[str], *, consistent: bool = False) -> dict[str, Summary]:
        """Return the summaries of those of these rooms that have one.

        If not `consistent`, the newest run may not be in them yet; it was not counted a moment ago either.
        """
        wanted = [keys.summary(room) for room in rooms]
        items = batch_get(self._dynamodb, self._table, wanted, consistent=consistent)
        return {keys.room_of(item["pk"]): Summary.from_item(item) for item in items}

    def count(self, room: str, followed: int, entries: Sequence[Entry]) -> int | None:
        """Count a repaired run, once, and return the count at its last entry.

        None if the run is older than `followed`, the seq from which on the room is counted. Raises
        TimeoutError if others count the room all the time.
        """
        last, after = entries[-1].seq, max(followed, entries[0].seq - 1)
        if last <= followed:
            return None
        newest = _newest_of(entries)
        summary, exists = None, entries[0].seq - 1 > followed
        for _ in range(_ATTEMPTS):
            messages = self._messages(room, entries, after)
            try:
                answer = self._advance(room, after if exists else None, last, messages, newest)
            except ClientError as error:
                old = old_item(error)
                exists, after = old is not None, followed if old is None else int(old["seq"])
                summary = None if old is None else Summary.from_item(old)
                if summary is None or summary.seq < last:
                    continue
            else:
                summary = Summary.from_item(answer["Attributes"])
            self._refresh_newest(room, summary, entries)
            since = count_messages(self._dynamodb, self._table, room, last, summary.seq)
            return summary.count - since.messages
        raise TimeoutError("a room is counted by others all the time")

    def _messages(self, room: str, entries: Sequence[Entry], after: int) -> int:
        """Return the number of messages after a seq and up to the run's end.

        A run that was given up leaves a gap before the next one. What it had is counted by its rows.
        """
        new = [entry for entry in entries if entry.seq > after]
        if len(new) == entries[-1].seq - after:
            return sum(map(is_message, new))
        return count_messages(self._dynamodb, self._table, room, after, entries[-1].seq).messages

    def _advance(
        self, room: str, after: int | None, last: int, messages: int, newest: Newest | None
    ) -> dict[str, Any]:
        """Raises ConditionalCheckFailed if the log is counted up to another seq than `after`.

        `after` is None for a room without a summary.
        """
        values: dict[str, Any] = {":messages": messages, ":last": last}
        update = "SET #seq = :last"
        if newest is not None:
            update += ", #newest = :newest"
            values[":newest"] = newest.to_item()
        if after is not None:
            values[":after"] = after
        answer: dict[str, Any] = self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.summary(room),
            UpdateExpression=f"{update} ADD #count :messages",
            ConditionExpression="attribute_not_exists(#seq)" if after is None else "#seq = :after",
            ExpressionAttributeNames={"#seq": "seq", "#count": "count"}
            | ({} if newest is None else {"#newest": "newest"}),
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return answer

    def _refresh_newest(self, room: str, summary: Summary, entries: Sequence[Entry]) -> None:
        """Edit or empty the summary's message, if the run has changed it: nothing deleted stays readable."""
        forms = {(entry.change.of if entry.change else entry.seq): entry.message for entry in entries}
        old, message = summary.newest, forms.get(summary.newest.seq) if summary.newest else None
        if old is None or message is None:
            return
        new = Newest.of(old.seq, message)
        if new.revision <= old.revision or (new.text, new.deleted) == (old.text, old.deleted):
            return
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.summary(room),
            UpdateExpression="SET #newest = :newest",
            ConditionExpression="#newest.#seq = :seq AND #newest.#revision < :revision",
            ExpressionAttributeNames={"#newest": "newest", "#seq": "seq", "#revision": "revision"},
            ExpressionAttributeValues={
                ":newest": new.to_item(),
                ":seq": new.seq,
                ":revision": new.revision,
            },
        )


def is_message(entry: Entry) -> bool:
    """True of a message; a deleted one counts, too: its place is shown."""
    return entry.message is not None and entry.change is None


def _newest_of(entries: Sequence[Entry]) -> Newest | None:
    for entry in reversed(entries):
        if entry.message is not None and entry.change is None:
            return Newest.of(entry.seq, entry.message)
    return None
