"""Repair a run before it is broadcast: write the refs and rows that a crash left out, fold its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.protocol.messages import Entry, Message
from chat.storage import keys
from chat.storage.dynamodb import batch_get
from chat.storage.items import epoch_of
from chat.storage.log.fold import LogFold
from chat.storage.log.writer import Ref


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repaired run of the log `epoch`. `slices`: of its room, None if that is not large.

    `followed`: the seq after which the room's messages are counted, None if nobody has subscribed to it.
    """

    entries: list[Entry]
    slices: int | None
    epoch: str | None = None
    followed: int | None = None


class LogRepair(LogFold):
    """The logs in the messages table, for the fan-out."""

    def repair(self, room: str, run: Sequence[Entry]) -> Repaired:
        """Return a run as the log has it for good, after writing what a crash left out and folding changes.

        A second repair changes nothing: the first owner of a ref stays, no row is written twice, no change is
        folded twice.
        """
        refs, rows, head = self._read_run(room, run)
        owners: list[Entry] = []
        for entry in run:
            content = entry.message or entry.change
            assert content is not None, "a head always holds a message or a change"
            ref = refs.get(content.id) or self._claim(room, entry.seq, content)
            refs[content.id] = ref
            if ref.seq == entry.seq:
                owners.append(entry)
            elif entry.seq not in rows:
                self._write_skipped_row(room, entry.seq, content)
        messages = self._repair_messages(room, owners, rows)
        folded = self.fold(room, owners)
        messages |= {seq: folded[seq] for seq in messages.keys() & folded.keys()}
        repaired = {entry.seq: Entry(entry.seq, messages.get(entry.seq)) for entry in run}
        for entry in (entry for entry in owners if entry.change):
            repaired[entry.seq] = self._repair_change(room, entry, folded, rows)
        slices, followed = (int(head[name]) if name in head else None for name in ("slices", "followed"))
        return Repaired(list(repaired.values()), slices, epoch_of(head, self._table), followed)

    def _repair_messages(
        self, room: str, owners: Sequence[Entry], rows: dict[int, int]
    ) -> dict[int, Message]:
        """Write the messages' rows that are missing and return all of them, as they are now.

        A run that comes again must not bring back a text that was deleted since.
        """
        messages = {entry.seq: entry.message for entry in owners if entry.message}
        for seq in messages.keys() - rows.keys():
            self._write_row(room, seq, messages[seq])
        changed = [seq for seq in messages if rows.get(seq)]
        return messages | self.messages(room, changed) if changed else messages

    def _repair_change(
        self, room: str, entry: Entry, folded: Mapping[int, Message], rows: dict[int, int]
    ) -> Entry:
        """Write a change's row if it is missing and return the change with its message as it is now.

        The row comes after the fold: a page of the history that has the change has its message changed, too.
        """
        assert entry.change is not None
        message = folded.get(entry.change.of)
        if entry.seq not in rows:
            write = self._write_row if message else self._write_skipped_row
            write(room, entry.seq, entry.change)
        return Entry(entry.seq, message, entry.change) if message else Entry(entry.seq, None)

    def _read_run(
        self, room: str, run: Sequence[Entry]
    ) -> tuple[dict[str, Ref], dict[int, int], dict[str, Any]]:
        """Return the refs of a run by id, the revisions of its rows by seq, and the room's head.

        Read strongly consistent, above all for the slices: stream records from before the room became large
        do not have them. A run that was posted from here could overtake what the slices post.
        """
        ids = {content.id for entry in run if (content := entry.message or entry.change)}
        wanted = [keys.head(room), *(keys.ref(room, ref) for ref in ids)]
        wanted += [keys.row(room, seq) for seq in {entry.seq for entry in run}]
        refs: dict[str, Ref] = {}
        rows: dict[int, int] = {}
        head: dict[str, Any] = {}
        attributes = ["sk", "id", "seq", "digest", "at", "slices", "followed", "epoch", "revision"]
        for item in batch_get(self._dynamodb, self._table, wanted, attributes):
            if item["sk"] == keys.HEAD:
                head = item
            elif item["sk"] == keys.REF:
                refs[item["id"]] = Ref.from_item(item)
            else:
                rows[int(item["sk"])] = int(item.get("revision", 0))
        return refs, rows, head

    def slices(self, room: str) -> int | None:
        """Return the number of a large room's slices, None for any other room."""
        slices = (self._get(keys.head(room)) or {}).get("slices")
        return None if slices is None else int(slices)

    def mark_large(self, room: str, slices: int) -> int:
        """Mark a room as large for good and return the number of its slices, which never changes.

        The number is on the head, so the stream gets a record of this write, marked as not a message.
        """
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.head(room),
            UpdateExpression="SET slices = if_not_exists(slices, :slices), not_a_message = :not_a_message",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":slices": slices, ":not_a_message": True},
            ReturnValues="ALL_NEW",  # "UPDATED_NEW" may omit an attribute that the update leaves as it was
        )
        return int(answer["Attributes"]["slices"])
