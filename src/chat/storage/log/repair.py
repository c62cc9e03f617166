"""Repair a run before it is broadcast: write the refs and rows that a crash left out, fold its changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from aws_lambda_powertools import Logger

from chat.protocol.messages import Change, Entry, Message
from chat.storage import keys
from chat.storage.dynamodb import at_once, batch_get
from chat.storage.items import epoch_of
from chat.storage.log.fold import change_of
from chat.storage.log.takeover import LogTakeover, says_all_is_done
from chat.storage.log.writer import Ref, changes_another

logger = Logger(child=True)

# Of a run's head, refs and rows.
_ATTRIBUTES = (
    *("sk", "id", "seq", "digest", "at", "expires_at", "revision", "skipped", "pending", "root"),
    *("posting", "posted"),
    "changed_before",
    *("epoch", "slices", "followed", "coalescing_until"),  # the head's
)


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repaired run of the log `epoch`. `slices`: of its room, None if that is not large.

    `followed`: the seq after which the room's messages are counted, None if nobody has subscribed to it.
    `coalescing_until`: in seconds since 1970, when the room's reactions no longer wait for each other.
    `messaged_before`: of the run's first entry; the entries may begin with others, which were left undone.
    `posted`: the seqs of messages that every member has already.
    """

    entries: list[Entry]
    slices: int | None
    epoch: str | None = None
    followed: int | None = None
    coalescing_until: int = 0
    messaged_before: int = 0
    posted: frozenset[int] = frozenset()


type Rows = dict[int, dict[str, Any]]  # by seq, with some of their attributes

# How often, and after how many seconds each time, the fan-out looks whether a message function has finished
# its posts: half a second in all, and a function has 0.4 (`chat.delivery.fast_lane`).
_POSTING_CHECKS, _POSTING_PAUSE = 25, 0.02


class LogRepair(LogTakeover):
    """The logs in the messages table, for the fan-out."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        history_days: int,
        now: Callable[[], float] = time.time,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(dynamodb, table, history_days, now)
        self._sleep = sleep

    def repair(self, room: str, run: Sequence[Entry]) -> Repaired:
        """Return a run as the log has it for good, after writing what a crash left out and folding changes.

        What a run before it has left undone comes first. A second repair changes nothing: the first owner of
        a ref stays, no row is written twice, no change is folded twice.
        """
        refs, rows, head = self._read_run(room, run)
        left = self._repair_what_is_left(room, run, rows)
        owners = {entry.seq: entry for entry in run if self._store_entry(room, entry, refs, rows)}
        self._wait_for_posts(room, run, rows)  # now: a row may have come since they were read
        posted = frozenset(entry.seq for entry in run if rows.get(entry.seq, {}).get("posted"))
        folded = self._fold_in_order(room, run, owners, rows)
        messages = self._messages_now(room, owners.values(), folded, rows)
        repaired = {entry.seq: Entry(entry.seq, messages.get(entry.seq)) for entry in run}
        for entry in owners.values():
            if entry.change and (message := folded.get(entry.change.of)):
                repaired[entry.seq] = Entry(entry.seq, message, entry.change)
        if changed := [entry.seq for entry in run if change_of(entry)]:
            self._note_done(room, max(changed))
        slices, followed = (int(head[name]) if name in head else None for name in ("slices", "followed"))
        until = int(head.get("coalescing_until", 0))
        entries = [*self._entries_of(room, left), *repaired.values()]
        epoch, messaged_before = epoch_of(head, self._table), run[0].messaged_before if run else 0
        return Repaired(entries, slices, epoch, followed, until, messaged_before, posted)

    def _repair_what_is_left(self, room: str, run: Sequence[Entry], rows: Rows) -> list[int]:
        """Take over what is not done before a run, and return its seqs."""
        newest = self._to_check(room, run)
        if not newest:
            return []
        left: list[int] = []
        row = rows.get(newest)
        if row is None or not says_all_is_done(row):
            try:
                left = self.take_over(room, newest, gaps_are_final=True)
            except Exception:
                # A change that can never be folded must hold up those behind it, but no messages.
                if any(map(change_of, run)):
                    raise
                logger.exception("takeover failed", room=room, newest=newest)
                return []
        self._note_done(room, newest)
        return left

    def _to_check(self, room: str, run: Sequence[Entry]) -> int:
        """Return the newest change or reply before a run, 0 if there is none or it is known to be done."""
        newest = run[0].changed_before if run else 0
        return newest if newest > self._done.get(room, 0) else 0

    def _store_entry(self, room: str, entry: Entry, refs: dict[str, Ref], rows: Rows) -> bool:
        """Write an entry's ref and its row, if they are missing. False if its number is skipped.

        A skipped number that looked like a change gets its row with the folds, in order.
        """
        content = _content_of(entry)
        ref = refs.get(content.id) or self._claim(room, entry.seq, content)
        if ref.seq != entry.seq and ref.digest == content.digest and self._is_skipped(room, ref.seq, rows):
            ref = self._inherit(room, entry.seq, content, ref)
        refs[content.id] = ref
        row = rows.get(entry.seq)
        if row is not None:
            return ref.seq == entry.seq and "skipped" not in row
        if ref.seq == entry.seq:
            rows[entry.seq] = self._store_row(room, entry.seq, content, entry.changed_before) or {}
            return "skipped" not in rows[entry.seq]
        if not changes_another(content):
            self._skip(room, entry.seq, content.at)
        return False

    def _is_skipped(self, room: str, seq: int, rows: Rows) -> bool:
        row = rows[seq] if seq in rows else self._get(keys.row(room, seq))
        return row is not None and "skipped" in row

    def _fold_in_order(
        self, room: str, run: Sequence[Entry], owners: Mapping[int, Entry], rows: Rows
    ) -> dict[int, Message]:
        """Fold changes and write their final rows, and return the changed messages as they are now.

        A takeover stops at a change that is done, or a reply that is counted, if all before it are done,
        wherever a fan-out dies. So changes and the replies to each root take turns.
        """
        folded: dict[int, Message] = {}
        changes = filter(change_of, run)
        for _, turn in groupby(changes, lambda entry: _root_of(entry) if entry.seq in owners else None):
            entries = list(turn)
            folded |= self.fold(room, [entry for entry in entries if entry.seq in owners])
            self._finish_turn(room, entries, owners, rows, folded)
        return folded

    def _finish_turn(
        self,
        room: str,
        turn: Sequence[Entry],
        owners: Mapping[int, Entry],
        rows: Rows,
        folded: Mapping[int, Message],
    ) -> None:
        """Write the final rows of changes that are folded, and those of skipped numbers among them.

        Many at once, so only the last row says that all before it are done: it is written after them. Those
        between it and the first keep the number of the change before them.
        """

        before = {entry.seq: other.seq for other, entry in pairwise(turn[:-1])}

        def finish(entry: Entry) -> None:
            if entry.seq in owners:
                self._finish(room, entry, folded, before.get(entry.seq))
            else:
                self._skip(room, entry.seq, _content_of(entry).at, before.get(entry.seq))

        undone = [entry for entry in turn if not (row := rows.get(entry.seq)) or "pending" in row]
        at_once(finish, undone[:-1])
        at_once(finish, undone[-1:])

    def _messages_now(
        self, room: str, owners: Iterable[Entry], folded: Mapping[int, Message], rows: Rows
    ) -> dict[int, Message]:
        """Return the messages of a run as they are now.

        A run that comes again must not bring back a text that was deleted since.
        """
        messages = {entry.seq: entry.message for entry in owners if entry.message}
        changed = [seq for seq in messages if rows[seq].get("revision")]
        if changed:
            messages |= self.messages(room, changed)
        return messages | {seq: folded[seq] for seq in messages.keys() & folded.keys()}

    def _entries_of(self, room: str, seqs: Sequence[int]) -> list[Entry]:
        """Return entries of the log as they are now."""
        items = batch_get(self._dynamodb, self._table, [keys.row(room, seq) for seq in seqs])
        found = sorted((item for item in items if "pending" not in item), key=lambda item: str(item["sk"]))
        return [row.entry for row in self._with_messages(room, found)]

    def _wait_for_posts(self, room: str, run: Sequence[Entry], rows: Rows) -> None:
        """Wait until nothing of a run is posted by its message function any more, or that must have died."""
        for _ in range(_POSTING_CHECKS):
            posting = [entry.seq for entry in run if "posting" in rows.get(entry.seq, {})]
            if not posting:
                return
            self._sleep(_POSTING_PAUSE)
            keys_of_rows = [keys.row(room, seq) for seq in posting]
            for item in batch_get(self._dynamodb, self._table, keys_of_rows, _ATTRIBUTES):
                rows[int(item["sk"])] = item

    def _read_run(self, room: str, run: Sequence[Entry]) -> tuple[dict[str, Ref], Rows, dict[str, Any]]:
        """Return the refs of a run by id, its rows by seq, and the room's head.

        The newest change or reply before it is among the rows, if this instance does not know it to be done.

        Read strongly consistent, above all for the slices: stream records from before the room became large
        do not have them. A run that was posted from here could overtake what the slices post.
        """
        ids = {content.id for entry in run if (content := entry.message or entry.change)}
        seqs = {entry.seq for entry in run}
        if before := self._to_check(room, run):
            seqs.add(before)
        wanted = [keys.head(room), *(keys.ref(room, ref) for ref in ids)]
        wanted += [keys.row(room, seq) for seq in seqs]
        refs: dict[str, Ref] = {}
        rows: Rows = {}
        head: dict[str, Any] = {}
        for item in batch_get(self._dynamodb, self._table, wanted, _ATTRIBUTES):
            if item["sk"] == keys.HEAD:
                head = item
            elif item["sk"] == keys.REF:
                refs[item["id"]] = Ref.from_item(item)
            else:
                rows[int(item["sk"])] = item
        return refs, rows, head

    def slices(self, room: str) -> int | None:
        """Return the number of a large room's slices, None for any other room."""
        slices = (self._get(keys.head(room)) or {}).get("slices")
        return None if slices is None else int(slices)

    def mark_large(self, room: str, slices: int) -> int:
        """Mark a room as large for good and return the number of its slices, which never changes."""
        return int(self._mark(room, "slices = if_not_exists(slices, :value)", slices)["slices"])

    def mark_coalescing(self, room: str, until: int) -> None:
        """Let a room's reactions wait for each other until a time, in seconds since 1970."""
        self._mark(room, "coalescing_until = :value", until)

    def _mark(self, room: str, assignment: str, value: int) -> dict[str, Any]:
        """Set an attribute of a room's head, which is read in each repair, and return the head.

        The stream gets a record of this write, marked as not a message.
        """
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.head(room),
            UpdateExpression=f"SET {assignment}, not_a_message = :not_a_message",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":value": value, ":not_a_message": True},
            ReturnValues="ALL_NEW",  # "UPDATED_NEW" may omit an attribute that the update leaves as it was
        )
        head: dict[str, Any] = answer["Attributes"]
        return head


def _content_of(entry: Entry) -> Message | Change:
    content = entry.message or entry.change
    assert content is not None, "a head always holds a message or a change"
    return content


def _root_of(entry: Entry) -> int | None:
    return entry.message.root if entry.message else None
