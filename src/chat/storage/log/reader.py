"""Read a room's log: its rows, and its head."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from chat.protocol.messages import Entry, Head
from chat.protocol.pages import Row
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get
from chat.storage.items import epoch_of, from_row

_ENTRIES = 500  # rows per query for a broadcast, which takes all there are
_ROWS = 64  # rows per query for a page of the history, which may be full after some


class LogReader(Table):
    """The logs in the messages table, read strongly consistent."""

    def entries(self, room: str, after: int, to: int | None = None) -> list[Entry]:
        """Return the log after a seq, up to another or to the first gap, some hundreds of entries at a time.

        A gap is not repaired yet: a crash left a row out, which the fan-out will write. A row itself is
        final, whichever function wrote it.
        """
        page = self._query(room, after + 1, keys.MAX_SEQ if to is None else to, Limit=_ENTRIES)
        entries = []
        for seq, item in enumerate(page["Items"], after + 1):
            if int(item["sk"]) != seq:
                break
            entries.append(from_row(item).entry)
        return entries

    def head(self, room: str) -> Head:
        return self.heads([room])[room]

    def heads(self, rooms: Collection[str]) -> dict[str, Head]:
        """Return the newest seq and the epoch of each room's log."""
        wanted = [keys.head(room) for room in rooms]
        items = batch_get(self._dynamodb, self._table, wanted, ["pk", "seq", "epoch"])
        return dict.fromkeys(rooms, Head()) | {
            keys.room_of(item["pk"]): Head(int(item.get("seq", 0)), epoch_of(item, self._table))
            for item in items
        }

    def rows_after(self, room: str, seq: int) -> Iterator[Row]:
        """Yield the history after a seq, ascending; query as rows are taken."""
        return self._rows(room, seq + 1, keys.MAX_SEQ, forward=True)

    def rows_before(self, room: str, seq: int) -> Iterator[Row]:
        """Yield the history before a seq, descending; query as rows are taken."""
        return self._rows(room, 0, seq - 1, forward=False)

    def _rows(self, room: str, first: int, last: int, *, forward: bool) -> Iterator[Row]:
        while first <= last:
            page = self._query(room, first, last, Limit=_ROWS, ScanIndexForward=forward)
            for item in page["Items"]:
                if item["expires_at"] > self._now():  # DynamoDB deletes it only hours or days later
                    yield from_row(item)
            if "LastEvaluatedKey" not in page:
                break
            reached = int(page["LastEvaluatedKey"]["sk"])
            first, last = (reached + 1, last) if forward else (first, reached - 1)

    def _query(self, room: str, first: int, last: int, **options: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :log AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":log": keys.log_pk(room),
                ":first": keys.row_sk(first),
                ":last": keys.row_sk(last),
            },
            ConsistentRead=True,
            **options,
        )
        return page
