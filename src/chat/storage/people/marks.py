"""What the fan-out writes on people's subscriptions: whoever writes in a room has read it up to there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chat.protocol.messages import Entry
from chat.storage import keys
from chat.storage.dynamodb import Table, write_if
from chat.storage.people.summaries import is_message


@dataclass(frozen=True, slots=True)
class Mark:
    """A person has read a room up to the seq `read`; so many messages are before it, and it is one."""

    user: str
    read: int
    read_count: int


def marks_of(entries: Sequence[Entry], count: int, followed: int) -> list[Mark]:
    """Return the newest mark of each author in a run, `count` being the count at its last entry."""
    marks: dict[str, Mark] = {}
    for entry in reversed(entries):
        if entry.seq <= followed or entry.message is None or not is_message(entry):
            continue
        marks.setdefault(entry.message.user, Mark(entry.message.user, entry.seq, count))
        count -= 1
    return list(marks.values())


class Marks(Table):
    """The subscriptions in the messages table, for the fan-out."""

    def write(self, room: str, mark: Mark) -> bool:
        """Raise a person's mark, if the person has subscribed and the mark is higher than before."""
        values: dict[str, Any] = {":read": mark.read, ":count": mark.read_count}
        return write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.subscription(mark.user, room),
            UpdateExpression="SET #read = :read, read_count = :count",
            ConditionExpression="attribute_exists(pk) AND #read < :read",
            ExpressionAttributeNames={"#read": "read"},
            ExpressionAttributeValues=values,
        )
