"""How far broadcasts have come that do not follow the stream: those of slices, and of coalesced reactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat.storage import keys
from chat.storage.dynamodb import Table
from chat.storage.members import Slice

_KEPT = 24 * 60 * 60  # seconds after its last write when DynamoDB may delete a cursor of reactions


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


@dataclass(frozen=True, slots=True)
class ReactionCursor:
    """A room's members have all coalesced reactions up to `seq`. `round` counts their broadcasts."""

    round: int = 0
    seq: int = 0


class ReactionCursors(Table):
    """The cursors of coalesced reactions in the messages table. Only a room's reaction task writes them."""

    def read(self, room: str) -> ReactionCursor:
        item = self._get(keys.reaction_cursor(room)) or {}
        return ReactionCursor(int(item.get("round", 0)), int(item.get("seq", 0)))

    def write(self, room: str, cursor: ReactionCursor) -> None:
        item = {"round": cursor.round, "seq": cursor.seq, "expires_at": int(self._now()) + _KEPT}
        self._dynamodb.put_item(TableName=self._table, Item=keys.reaction_cursor(room) | item)
