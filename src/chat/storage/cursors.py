"""The cursors of the slices: how far each slice of a large room has been broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat.storage import keys
from chat.storage.dynamodb import Table
from chat.storage.members import Slice


@dataclass(frozen=True, slots=True)
class Cursor:
    """All members of the slice have the log up to `seq`, those up to the sk `reached` have it up to `to`."""

    seq: int
    to: int | None = None
    reached: str | None = None


class Cursors(Table):
    """The cursors in the messages table."""

    def read(self, slice_: Slice) -> Cursor | None:
        """None if the slice has not been broadcast yet."""
        item = self._get(keys.cursor(slice_.room, slice_.number, slice_.count))
        if item is None:
            return None
        return Cursor(int(item["seq"]), int(item["to"]) if "to" in item else None, item.get("reached"))

    def write(self, slice_: Slice, cursor: Cursor) -> None:
        item: dict[str, Any] = {
            **keys.cursor(slice_.room, slice_.number, slice_.count),
            "seq": cursor.seq,
        }
        if cursor.to is not None:
            item |= {"to": cursor.to, "reached": cursor.reached}
        self._dynamodb.put_item(TableName=self._table, Item=item)
