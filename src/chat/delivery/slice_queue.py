"""Large rooms: each slice of a room's ring is broadcast by itself.

A large room would hold up the rooms that share its lane of the stream. So its runs are only settled there,
and a doorbell is rung for each of its slices, on a FIFO queue whose groups are the slices. Whoever answers
the door posts everything in the log from the slice's cursor on to the slice's members, and moves the cursor:
slices run in parallel, each in order, coalescing as much as it lags behind. A later doorbell then finds
nothing to do, and a crash resumes at the cursor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import batched
from typing import Any

import boto3
from botocore.config import Config

from chat.protocol.rooms import key_part
from chat.storage.connections import HASH_SPACE
from chat.storage.signals import Notice

_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 4})
_SEND = 10  # messages in one SendMessageBatch, SQS's bound


class EnqueueFailed(Exception):
    """SQS did not take a task."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The `number`-th of `count` equal parts of a room's ring."""

    room: str
    number: int
    count: int

    @property
    def first(self) -> int:
        return HASH_SPACE * self.number // self.count

    @property
    def last(self) -> int:
        return HASH_SPACE * (self.number + 1) // self.count - 1


@dataclass(frozen=True, slots=True)
class SliceTask:
    """There is news for a slice: it has had all up to `after`, and there is more, at least up to `to`.

    `part` tells apart the doorbells of one run that is posted in several invocations. With a `notice` there
    is only its frame to post.
    """

    slice: Slice
    after: int
    to: int
    part: int = 0
    notice: Notice | None = None

    def body(self) -> str:
        return json.dumps(
            {
                "room": self.slice.room,
                "slice": self.slice.number,
                "slices": self.slice.count,
                "after": self.after,
                "to": self.to,
                "part": self.part,
                "notice": self.notice and asdict(self.notice),
            },
            ensure_ascii=False,
        )

    @classmethod
    def parse(cls, body: str) -> SliceTask:
        fields = json.loads(body)
        slice_ = Slice(fields["room"], fields["slice"], fields["slices"])
        notice = fields["notice"] and Notice(**fields["notice"])
        return cls(slice_, fields["after"], fields["to"], fields["part"], notice)


class SliceQueue:
    """The queue of doorbells."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    @cached_property
    def _sqs(self) -> Any:
        """Made when first needed: without large rooms it never is."""
        return boto3.client("sqs", config=_CONFIG)

    def enqueue(self, tasks: Sequence[SliceTask]) -> None:
        """Rings them all, or raises EnqueueFailed; ringing again does no harm."""
        for batch in batched(tasks, _SEND, strict=False):
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": task.body(),
                        "MessageGroupId": _token(task.slice.room, task.slice.number),
                        # The stream brings a run again after a failure: what was rung for it then counts.
                        "MessageDeduplicationId": _token(
                            task.slice.room,
                            task.slice.number,
                            task.to,
                            task.part,
                            task.notice.id if task.notice else "",
                        ),
                    }
                    for number, task in enumerate(batch)
                ],
            )
            if answer.get("Failed"):
                raise EnqueueFailed(answer["Failed"][0]["Code"])

    def delay(self, receipt: str, seconds: int) -> None:
        """Keeps a received doorbell from being received again for so long from now."""
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a slice has come: all have all up to `seq`, those up to the key `reached` up to `to`."""

    seq: int
    to: int | None = None
    reached: str | None = None


class Cursors:
    """The slices' cursors, in the messages table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read(self, slice_: Slice) -> Cursor | None:
        """None until the slice has been broadcast for the first time."""
        item = self._dynamodb.get_item(TableName=self._table, Key=_key(slice_), ConsistentRead=True).get(
            "Item"
        )
        if item is None:
            return None
        return Cursor(int(item["seq"]), int(item["to"]) if "to" in item else None, item.get("reached"))

    def write(self, slice_: Slice, cursor: Cursor) -> None:
        item: dict[str, Any] = {**_key(slice_), "seq": cursor.seq}
        if cursor.to is not None:
            item |= {"to": cursor.to, "reached": cursor.reached}
        self._dynamodb.put_item(TableName=self._table, Item=item)


def _key(slice_: Slice) -> dict[str, str]:
    return {"pk": f"CUR#{key_part(slice_.room)}", "sk": f"{slice_.number:04d}/{slice_.count:04d}"}


def _token(*parts: str | int) -> str:
    """A group or deduplication id: at most 128 letters, digits and punctuation, which a room's name need not
    be.
    """
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
