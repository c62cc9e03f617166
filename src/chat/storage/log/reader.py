"""Read a room's log: its rows, and its head."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from chat.identity.identity import Person
from chat.protocol.messages import Entry, Head, Message
from chat.protocol.pages import Row
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get
from chat.storage.items import epoch_of, from_item, from_row

ENTRIES = 500  # rows per query for a broadcast, which takes all there are
_REACTIONS = 200  # per page of those who have reacted
_ROWS = 64  # rows per query for a page of the history, which may be full after some


class LogReader(Table):
    """The logs in the messages table, read strongly consistent."""

    def entries(self, room: str, after: int, to: int | None = None) -> list[Entry]:
        """Return the log after a seq, up to another or to the first gap, some hundreds of entries at a time.

        A gap is not repaired yet: a crash left a row out, which the fan-out will write, or the row has a
        pending change. Any other row is final, whichever function wrote it.
        """
        page = self._query(room, after + 1, keys.MAX_SEQ if to is None else to, Limit=ENTRIES)
        final = takewhile(lambda item: "pending" not in item, page["Items"])
        items = [item for seq, item in enumerate(final, after + 1) if int(item["sk"]) == seq]
        return [row.entry for row in self._with_messages(room, items)]

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
            page = self._page(room, first, last, Limit=_ROWS, ScanIndexForward=forward)
            yield from self._with_messages(room, [item for item in page["Items"] if self._is_kept(item)])
            if "LastEvaluatedKey" not in page:
                break
            reached = int(page["LastEvaluatedKey"]["sk"])
            first, last = (reached + 1, last) if forward else (first, reached - 1)

    def _page(self, room: str, first: int, last: int, **options: Any) -> dict[str, Any]:
        """Return the answer to a query for a page of the history."""
        return self._query(room, first, last, **options)

    def messages(self, room: str, seqs: Collection[int]) -> dict[int, Message]:
        """Return those of these seqs that are messages, as they are now."""
        found = batch_get(self._dynamodb, self._table, [keys.row(room, seq) for seq in seqs])
        return {int(item["sk"]): from_item(item) for item in found if self._is_message(item)}

    def reactions(
        self, room: str, seq: int, after: tuple[str, str] | None
    ) -> tuple[list[tuple[str, Person]], bool]:
        """Return a page of who has reacted to a message, and whether there are more.

        The page begins after a reaction and its user.
        """
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk > :after",
            ExpressionAttributeValues={
                ":pk": keys.reaction_pk(room, seq),
                ":after": keys.reaction_sk(*after) if after else " ",
            },
            ConsistentRead=True,
            Limit=_REACTIONS,
        )
        people = [
            (item["reaction"], Person(item["user"], item["name"])) for item in page["Items"] if item["on"]
        ]
        return people, "LastEvaluatedKey" in page

    def _is_kept(self, item: dict[str, Any]) -> bool:
        """DynamoDB deletes an item only hours or days after its time."""
        return int(item["expires_at"]) > self._now()

    def _is_message(self, item: dict[str, Any]) -> bool:
        return "skipped" not in item and "kind" not in item and self._is_kept(item)

    def _with_messages(self, room: str, items: Sequence[dict[str, Any]]) -> list[Row]:
        """Return rows, the changes with their messages as they are now.

        A change's row is written after its message was changed, but a query may have read the message before.
        """
        rows = [from_row(item) for item in items]
        read = {row.entry.seq: row.entry.message for row in rows if row.entry.message}
        newest: dict[int, int] = {}
        for row in rows:
            if change := row.entry.change:
                newest[change.of] = max(row.entry.seq, newest.get(change.of, 0))
        missing = [of for of, seq in newest.items() if of not in read or read[of].revision < seq]
        if missing:
            read |= self.messages(room, missing)
        for position, row in enumerate(rows):
            if change := row.entry.change:
                message = read.get(change.of)
                entry = Entry(row.entry.seq, message, change) if message else Entry(row.entry.seq, None)
                rows[position] = replace(row, entry=entry)
        return rows

    def _query(self, room: str, first: int, last: int, **options: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._dynamodb.query(
            TableName=self._table,
            **keys.rows_between(room, first, last),
            ConsistentRead=True,
            **options,
        )
        return page
