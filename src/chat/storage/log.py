"""A room's log: its head, its refs and its rows.

The head is the log. One update of it gives a message its seq and commits it, and the table's stream carries
it to the fan-out in the order of the seqs. What is written after it, the ref and the row, may be cut short by
a crash: the fan-out settles every run before it broadcasts it, so whatever was broadcast is in the history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.errors import Forbidden, InvalidRef, RateLimited
from chat.protocol.messages import Entry, Message
from chat.protocol.pages import Row
from chat.protocol.rooms import head_key, key_part, room_of_key
from chat.storage.dynamodb import batch_get, old_item
from chat.storage.lru import LRU
from chat.storage.rate_limits import Attempt, ConditionFailed, Rate, RateLimiter
from chat.storage.rules import NO_RULES, RoomRules, Rules

_ENTRIES = 500  # rows read at a time for a broadcast, which takes all there is
_ROWS = 64  # and for a page of the history, which may be full after some
MAX_SEQ = 10**12 - 1  # the last that a row's key has digits for
REF_TTL = timedelta(hours=24)  # how long a message can be resent under its ref


@dataclass(frozen=True, slots=True)
class Repaired:
    """A settled run, and the number of slices that its room is broadcast in, None for all at once."""

    entries: list[Entry]
    slices: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message stands in its room's log."""

    seq: int
    at: str


@dataclass(frozen=True, slots=True)
class _Ref:
    seq: int
    digest: str
    at: str


class _RulesChanged(Exception):
    """A room's rules have changed since they were read."""


class Log:
    """The messages table."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        history_days: int,
        now: Callable[[], float] = time.time,
        rate: Rate = Rate(50, 50),  # noqa: B008 - frozen
    ) -> None:
        """A room takes messages at `rate`."""
        self._dynamodb = dynamodb
        self._table = table
        self._history = timedelta(days=history_days)
        self._now = now
        self._limiter = RateLimiter(rate, now)
        self._rules = RoomRules(dynamodb, table, now)
        self._known: LRU[Rules] = LRU()  # rooms' rules, as this instance last read them

    def append(self, room: str, message: Message, *, moderator: bool = False) -> Receipt:
        """Commits a message and says where it stands.

        A message whose ref was used before, with the same text, stands where it first stood. Raises
        InvalidRef when the ref was used by somebody else or for another text, RateLimited when the room
        takes no more for the moment, and Forbidden or RateLimited when its rules say so, which a moderator
        is above.
        """
        try:
            seq = self._commit(room, message, moderator)
        except (Forbidden, RateLimited):
            # It may have been stored before: whoever sends it again must not be told that it failed.
            if receipt := self._stored(room, message):
                return receipt
            raise
        ref = self._claim(room, seq, message)
        self._write(room, seq, message, skipped=ref.seq != seq)
        if ref.digest != message.digest:
            raise InvalidRef("This ref was used for another message: each message needs its own.")
        return Receipt(ref.seq, ref.at)

    def repair(self, room: str, run: Sequence[Entry]) -> Repaired:
        """A run of messages as the log has them for good, after writing what a crash left out.

        Settling again changes nothing: the ref that was first decides, and what is there is not written
        again.
        """
        refs, rows, slices = self._read(room, run)
        settled = []
        for entry in run:
            message = entry.message
            assert message is not None, "a head always holds a message"
            ref = refs.get(message.id) or self._claim(room, entry.seq, message)
            refs[message.id] = ref
            skipped = ref.seq != entry.seq
            if entry.seq not in rows:
                self._write(room, entry.seq, message, skipped=skipped)
            elif rows[entry.seq]:  # deleted since: a run that comes again must not bring it back
                message = replace(message, text="", data=None, deleted=True)
            settled.append(Entry(entry.seq, None if skipped else message))
        return Repaired(settled, slices)

    def mark_large(self, room: str, slices: int) -> int:
        """Marks a room as large for good and returns the number of its slices, which never changes.

        The number is on the head, so this writes to the stream too: a marked record, with no message in it.
        """
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=head_key(room),
            UpdateExpression="SET slices = if_not_exists(slices, :slices), not_a_message = :not_a_message",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":slices": slices, ":not_a_message": True},
            ReturnValues="ALL_NEW",  # of what it leaves as it was, "UPDATED_NEW" need not tell
        )
        return int(answer["Attributes"]["slices"])

    def slices(self, room: str) -> int | None:
        """The number of a large room's slices; None of any other."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=head_key(room), ConsistentRead=True)
        slices = answer.get("Item", {}).get("slices")
        return None if slices is None else int(slices)

    def entries(self, room: str, after: int, to: int | None = None) -> list[Entry]:
        """The log after a seq, up to another or as far as it goes without a hole; some hundreds at a time.

        What is beyond a hole is not settled yet: a crash has left a row out, which the fan-out will write. A
        row itself is final, whoever wrote it.
        """
        page = self._query(room, after + 1, MAX_SEQ if to is None else to, Limit=_ENTRIES)
        entries = []
        for seq, item in enumerate(page["Items"], after + 1):
            if int(item["sk"]) != seq:
                break
            entries.append(_row(item).entry)
        return entries

    def seqs(self, rooms: Collection[str]) -> dict[str, int]:
        """The newest seq of each room, read strongly consistent; 0 where nobody has spoken. 100 at most."""
        heads = batch_get(self._dynamodb, self._table, [head_key(room) for room in rooms], ["pk", "seq"])
        return dict.fromkeys(rooms, 0) | {room_of_key(head["pk"]): int(head.get("seq", 0)) for head in heads}

    def delete(self, room: str, seq: int) -> Entry | None:
        """Takes a message's text and data away; its place stays. None where there is no message."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=_row_key(room, seq),
                UpdateExpression="SET message = :nothing, deleted = :deleted REMOVE #data",
                ConditionExpression="attribute_exists(message)",
                ExpressionAttributeNames={"#data": "data"},
                ExpressionAttributeValues={":nothing": "", ":deleted": True},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            old_item(error)
            return None
        message = from_item(answer["Attributes"])
        self._redact_head(room, seq, message)
        return Entry(seq, message)

    def _redact_head(self, room: str, seq: int, message: Message) -> None:
        """The head holds the newest message whole."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=head_key(room),
                UpdateExpression="SET #last = :message, not_a_message = :not_a_message",
                ConditionExpression="seq = :seq",
                ExpressionAttributeNames={"#last": "last"},
                ExpressionAttributeValues={
                    ":message": to_item(message),
                    ":not_a_message": True,
                    ":seq": seq,
                },
            )
        except ClientError as error:
            old_item(error)  # another message has taken its place

    def rows_after(self, room: str, seq: int) -> Iterator[Row]:
        """What is in the history beyond a seq, ascending; read as it is taken."""
        return self._rows(room, seq + 1, MAX_SEQ, forward=True)

    def rows_before(self, room: str, seq: int) -> Iterator[Row]:
        """What is in the history below a seq, descending; read as it is taken."""
        return self._rows(room, 0, seq - 1, forward=False)

    def _rows(self, room: str, first: int, last: int, *, forward: bool) -> Iterator[Row]:
        while first <= last:
            page = self._query(room, first, last, Limit=_ROWS, ScanIndexForward=forward)
            for item in page["Items"]:
                if item["expires_at"] > self._now():  # DynamoDB deletes it only hours or days later
                    yield _row(item)
            if "LastEvaluatedKey" not in page:
                break
            reached = int(page["LastEvaluatedKey"]["sk"])
            first, last = (reached + 1, last) if forward else (first, reached - 1)

    def _query(self, room: str, first: int, last: int, **how: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :log AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":log": _row_key(room, 0)["pk"],
                ":first": _row_key(room, first)["sk"],
                ":last": _row_key(room, last)["sk"],
            },
            ConsistentRead=True,
            **how,
        )
        return page

    def _commit(self, room: str, message: Message, moderator: bool) -> int:
        """The write that decides: with the room's rules as they are at that moment, and within its rate."""
        waited = current = False
        while True:
            rules = self._known.get(room, NO_RULES)
            if not moderator and rules.restricts(message.user, self._now()):
                if not current:  # what is remembered may have been lifted since
                    self._known.set(room, self._rules.read(room))
                    current = True
                    continue
                rules.require_may_post(message.user, self._now())
                if rules.slow_mode and not waited:
                    self._rules.start_cooldown(room, message.user, rules.slow_mode)
                    waited = True
            try:
                return self._limiter.spend(room, partial(self._commit_once, room, message, rules.version))
            except _RulesChanged:
                self._known.set(room, self._rules.read(room))
                current = True
            except RateLimited:
                if waited:
                    self._rules.refund_cooldown(room, message.user)
                raise

    def _commit_once(self, room: str, message: Message, version: int, attempt: Attempt) -> int:
        """Raises _RulesChanged when the rules have another version, and ConditionFailed for the limiter."""
        ruled = "rules_version = :rules_version" if version else "attribute_not_exists(rules_version)"
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=head_key(room),
                UpdateExpression=(
                    f"SET #last = :message, due = {attempt.due} ADD seq :one REMOVE not_a_message"
                ),
                ConditionExpression=f"{ruled} AND {attempt.condition}",
                ExpressionAttributeNames={"#last": "last"},
                ExpressionAttributeValues={
                    ":message": to_item(message),
                    ":one": 1,
                    **attempt.values,
                    **({":rules_version": version} if version else {}),
                },
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            head = old_item(error) or {}
            if int(head.get("rules_version", 0)) != version:
                raise _RulesChanged from None
            raise ConditionFailed(int(head["due"]) if "due" in head else None) from None
        return int(answer["Attributes"]["seq"])

    def _claim(self, room: str, seq: int, message: Message) -> _Ref:
        """The ref's owner: this seq, unless another was first."""
        mine = _Ref(seq, message.digest, message.at)
        item = {
            "id": message.id,
            "seq": seq,
            "digest": mine.digest,
            "at": mine.at,
            "expires_at": self._expiry(REF_TTL),
        }
        other = self._put_if_absent(_ref_key(room, message.id) | item)
        return mine if other is None else _ref(other)

    def _stored(self, room: str, message: Message) -> Receipt | None:
        """Where this very message stands already, if it does."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_ref_key(room, message.id), ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None or item["digest"] != message.digest:
            return None
        ref = _ref(item)
        return Receipt(ref.seq, ref.at)

    def _write(self, room: str, seq: int, message: Message, *, skipped: bool) -> None:
        # Only if absent: the row may have been written by the other function, and may have changed since.
        content = {"skipped": True, "at": message.at} if skipped else to_item(message)
        self._put_if_absent(_row_key(room, seq) | content | {"expires_at": self._expiry(self._history)})

    def _put_if_absent(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Writes an item unless there is one; then returns that one."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return old_item(error)
        return None

    def _read(self, room: str, run: Sequence[Entry]) -> tuple[dict[str, _Ref], dict[int, bool], int | None]:
        """The refs of a run that are there already, its rows and whether each is deleted, and the room's
        slices if it is large.

        Read strongly consistent, the mark of a large room above all: the records of the stream that were
        written before it do not show it, and a run that was posted from here could overtake those that its
        slices post.
        """
        ids = {entry.message.id for entry in run if entry.message}
        keys = [head_key(room), *(_ref_key(room, ref) for ref in ids)]
        keys += [_row_key(room, seq) for seq in {entry.seq for entry in run}]
        refs: dict[str, _Ref] = {}
        rows: dict[int, bool] = {}
        slices: int | None = None
        attributes = ["sk", "id", "seq", "digest", "at", "slices", "deleted"]
        for item in batch_get(self._dynamodb, self._table, keys, attributes):
            if item["sk"] == "HEAD":
                slices = int(item["slices"]) if "slices" in item else None
            elif item["sk"] == "REF":
                refs[item["id"]] = _ref(item)
            else:
                rows[int(item["sk"])] = "deleted" in item
        return refs, rows, slices

    def _expiry(self, after: timedelta) -> int:
        return int(self._now() + after.total_seconds())


def from_head(item: Mapping[str, Any]) -> tuple[str, Entry] | None:
    """The room and its newest entry, from a head; None when something else of the head has changed.

    Raises KeyError and TypeError when the item is no head.
    """
    if "not_a_message" in item:
        return None
    return room_of_key(item["pk"]), Entry(int(item["seq"]), from_item(item["last"]))


def to_item(message: Message) -> dict[str, Any]:
    """A message as a table holds it."""
    item = {
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "data": message.data,
        "at": message.at,
        "trace": message.trace,
        "deleted": message.deleted or None,
    }
    return {name: value for name, value in item.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Message:
    """A message from what a table holds. Raises KeyError and TypeError when it is none."""
    texts = [item[name] for name in ("id", "user", "name", "message")]
    texts += [item.get("data"), item["at"], item.get("trace")]
    if not all(isinstance(text, str | None) for text in texts):
        raise TypeError("a message is made of texts")
    id, user, name, text, data, at, trace = texts
    return Message(id, user, name, text, data, at, trace, "deleted" in item)


def _ref(item: Mapping[str, Any]) -> _Ref:
    return _Ref(int(item["seq"]), item["digest"], item["at"])


def _row(item: Mapping[str, Any]) -> Row:
    return Row(Entry(int(item["sk"]), None if "skipped" in item else from_item(item)), item["at"])


def _ref_key(room: str, ref: str) -> dict[str, str]:
    return {"pk": f"REF#{key_part(room)}#{key_part(ref)}", "sk": "REF"}


def _row_key(room: str, seq: int) -> dict[str, str]:
    return {"pk": f"LOG#{key_part(room)}", "sk": f"{seq:012d}"}
