"""Repair a run before it is broadcast: write the refs and rows that a crash left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chat.protocol.messages import Entry
from chat.storage import keys
from chat.storage.dynamodb import batch_get
from chat.storage.items import epoch_of
from chat.storage.log.writer import LogWriter, Ref


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repaired run of the log `epoch`. `slices`: of its room, None if that is not large."""

    entries: list[Entry]
    slices: int | None
    epoch: str | None = None


class LogRepair(LogWriter):
    """The logs in the messages table, for the fan-out."""

    def repair(self, room: str, run: Sequence[Entry]) -> Repaired:
        """Return a run as the log has it for good, after writing what a crash left out.

        A second repair changes nothing: the first owner of a ref stays, and no row is written twice.
        """
        refs, rows, head = self._read_run(room, run)
        repaired = []
        for entry in run:
            message = entry.message
            assert message is not None, "a head always holds a message"
            ref = refs.get(message.id) or self._claim(room, entry.seq, message)
            refs[message.id] = ref
            skipped = ref.seq != entry.seq
            if entry.seq not in rows:
                self._write_row(room, entry.seq, message, skipped=skipped)
            elif rows[entry.seq]:  # deleted since: a run that comes again must not bring its text back
                message = replace(message, text="", data=None, deleted=True)
            repaired.append(Entry(entry.seq, None if skipped else message))
        slices = int(head["slices"]) if "slices" in head else None
        return Repaired(repaired, slices, epoch_of(head, self._table))

    def _read_run(
        self, room: str, run: Sequence[Entry]
    ) -> tuple[dict[str, Ref], dict[int, bool], dict[str, Any]]:
        """Return the refs of a run by id, its rows by seq with "is deleted", and the room's head.

        Read strongly consistent, above all for the slices: stream records from before the room became large
        do not have them. A run that was posted from here could overtake what the slices post.
        """
        ids = {entry.message.id for entry in run if entry.message}
        wanted = [keys.head(room), *(keys.ref(room, ref) for ref in ids)]
        wanted += [keys.row(room, seq) for seq in {entry.seq for entry in run}]
        refs: dict[str, Ref] = {}
        rows: dict[int, bool] = {}
        head: dict[str, Any] = {}
        attributes = ["sk", "id", "seq", "digest", "at", "slices", "epoch", "deleted"]
        for item in batch_get(self._dynamodb, self._table, wanted, attributes):
            if item["sk"] == keys.HEAD:
                head = item
            elif item["sk"] == keys.REF:
                refs[item["id"]] = Ref.from_item(item)
            else:
                rows[int(item["sk"])] = "deleted" in item
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
