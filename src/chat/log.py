"""A room's log: its head, its refs and its rows.

The head is the log. One update of it gives a message its seq and commits it, and the table's stream carries
it to the fan-out in the order of the seqs. What is written after it, the ref and the row, may be cut short by
a crash: the fan-out settles every run before it broadcasts it, so whatever was broadcast is in the history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.errors import InvalidRef
from chat.messages import Entry, Message
from chat.rooms import from_key_part, key_part

REF_TTL = timedelta(hours=24)  # how long a message can be resent under its ref
_BATCH = 100  # keys in one BatchGetItem, DynamoDB's bound
_BUSY_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds between tries at keys that a busy DynamoDB left out


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


class Log:
    """The messages table."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        history_days: int,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._history = timedelta(days=history_days)
        self._now = now
        self._sleep = sleep

    def append(self, room: str, message: Message) -> Receipt:
        """Commits a message and says where it stands.

        A message whose ref was used before, with the same text, stands where it first stood. Raises
        InvalidRef when the ref was used for another text.
        """
        seq = self._advance(room, message)
        ref = self._claim(room, seq, message)
        self._write(room, Entry(seq, message if ref.seq == seq else None))
        if ref.digest != message.digest:
            raise InvalidRef("This ref was used for another message: each message needs its own.")
        return Receipt(ref.seq, ref.at)

    def settle(self, room: str, run: Sequence[Entry]) -> list[Entry]:
        """A run of messages as the log has them for good, after writing what a crash left out.

        Settling again changes nothing: the ref that was first decides, and what is there is not written
        again.
        """
        refs, rows = self._read(room, run)
        settled = []
        for entry in run:
            message = entry.message
            assert message is not None, "a head always holds a message"
            ref = refs.get(message.id) or self._claim(room, entry.seq, message)
            refs[message.id] = ref
            settled.append(Entry(entry.seq, message if ref.seq == entry.seq else None))
            if entry.seq not in rows:
                self._write(room, settled[-1])
        return settled

    def _advance(self, room: str, message: Message) -> int:
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=_head_key(room),
            UpdateExpression="SET #last = :message ADD seq :one",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={":message": to_item(message), ":one": 1},
            ReturnValues="UPDATED_NEW",
        )
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
        if other is None:
            return mine
        return _Ref(int(other["seq"]["N"]), other["digest"]["S"], other["at"]["S"])

    def _write(self, room: str, entry: Entry) -> None:
        # Only if absent: the row may have been written by the other function, and may have changed since.
        content = {"void": True} if entry.message is None else to_item(entry.message)
        self._put_if_absent(_row_key(room, entry.seq) | content | {"expires_at": self._expiry(self._history)})

    def _put_if_absent(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Writes an item unless there is one; then returns that one, in DynamoDB's own types."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            old: dict[str, Any] = error.response["Item"]
            return old
        return None

    def _read(self, room: str, run: Sequence[Entry]) -> tuple[dict[str, _Ref], set[int]]:
        """The refs and the rows of a run that are there already, read strongly consistent."""
        ids = {entry.message.id for entry in run if entry.message}
        keys = [_ref_key(room, ref) for ref in ids] + [_row_key(room, entry.seq) for entry in run]
        refs: dict[str, _Ref] = {}
        rows: set[int] = set()
        for item in self._get(keys):
            if item["sk"] == "REF":
                refs[item["id"]] = _Ref(int(item["seq"]), item["digest"], item["at"])
            else:
                rows.add(int(item["sk"]))
        return refs, rows

    def _get(self, keys: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
        """Those of the items that exist, without their texts. Raises TimeoutError if DynamoDB stays busy."""
        waiting, patience = list(keys), list(_BUSY_WAITS)
        while waiting:
            batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
            request = {
                "Keys": batch,
                "ConsistentRead": True,
                "ProjectionExpression": "sk, id, seq, digest, #at",
                "ExpressionAttributeNames": {"#at": "at"},
            }
            answer = self._dynamodb.batch_get_item(RequestItems={self._table: request})
            yield from answer["Responses"].get(self._table, [])
            left_out = answer["UnprocessedKeys"].get(self._table, {}).get("Keys", [])
            if left_out:
                if not patience:
                    raise TimeoutError("DynamoDB left keys out again and again")
                self._sleep(patience.pop(0))
            waiting += left_out

    def _expiry(self, after: timedelta) -> int:
        return int(self._now() + after.total_seconds())


def from_head(item: Mapping[str, Any]) -> tuple[str, Entry]:
    """The room and its newest entry, from a head. Raises KeyError and TypeError when the item is no head."""
    return from_key_part(item["pk"].removeprefix(_ROOM)), Entry(int(item["seq"]), from_item(item["last"]))


def to_item(message: Message) -> dict[str, Any]:
    """A message as a table holds it."""
    item = {
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "at": message.at,
    }
    return item if message.data is None else item | {"data": message.data}


def from_item(item: Mapping[str, Any]) -> Message:
    """A message from what a table holds. Raises KeyError and TypeError when it is none."""
    message = Message(item["id"], item["user"], item["name"], item["message"], item.get("data"), item["at"])
    texts = (message.id, message.user, message.name, message.text, message.data or "", message.at)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a message is made of texts")
    return message


_ROOM = "ROOM#"


def _head_key(room: str) -> dict[str, str]:
    return {"pk": _ROOM + key_part(room), "sk": "HEAD"}


def _ref_key(room: str, ref: str) -> dict[str, str]:
    return {"pk": f"REF#{key_part(room)}#{key_part(ref)}", "sk": "REF"}


def _row_key(room: str, seq: int) -> dict[str, str]:
    return {"pk": f"LOG#{key_part(room)}", "sk": f"{seq:012d}"}
