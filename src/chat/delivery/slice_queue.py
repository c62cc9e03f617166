"""The queue of what is broadcast later than the stream brings it: slices of large rooms, coalesced reactions.

Large rooms: each slice of a room's hash space is broadcast by itself.

A large room would hold up the rooms that share its shard of the stream. So the fan-out only repairs its runs,
and enqueues a task for each slice on a FIFO queue whose message groups are the slices. A slice task posts the
log from the slice's cursor on to the slice's members, and moves the cursor. Slices run in parallel, each in
order, and coalesce as many messages as they lag behind. A later task then finds nothing to do, and a crashed
one resumes at the cursor.
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

from chat.boto_config import BOTO_CONFIG
from chat.storage.members import Slice
from chat.storage.signals import Notice

_CONFIG = BOTO_CONFIG.merge(Config(read_timeout=3, retries={"mode": "standard", "total_max_attempts": 4}))
_SEND = 10  # messages in one SendMessageBatch, SQS's bound


class EnqueueFailed(Exception):
    """SQS did not accept a task."""


@dataclass(frozen=True, slots=True)
class SliceTask:
    """Deliver to a slice: it has everything up to the seq `after`, and the log goes at least up to `to`.

    `part` counts the tasks of a run that is posted in several invocations. A task with a `notice` only posts
    the notice's frame. `epoch` is the log's.
    """

    slice: Slice
    after: int
    to: int
    part: int = 0
    notice: Notice | None = None
    epoch: str | None = None

    @property
    def group(self) -> str:
        return _token(self.slice.room, self.slice.number)

    @property
    def deduplication(self) -> str:
        """The stream repeats a run after a failure: its tasks must not be run twice."""
        notice = self.notice.id if self.notice else ""
        return _token(self.slice.room, self.slice.number, self.to, self.part, notice)

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
                "epoch": self.epoch,
            },
            ensure_ascii=False,
        )

    @classmethod
    def parse(cls, body: str) -> SliceTask:
        return cls.from_fields(json.loads(body))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> SliceTask:
        slice_ = Slice(fields["room"], fields["slice"], fields["slices"])
        notice = fields["notice"] and Notice(**fields["notice"])
        return cls(slice_, fields["after"], fields["to"], fields["part"], notice, fields["epoch"])


@dataclass(frozen=True, slots=True)
class ReactionTask:
    """Broadcast the reactions of a room that wait: those above the seq `after`.

    `round` is how many such broadcasts there were before. All reactions that wait for one broadcast enqueue
    the same task. `epoch` is the log's.
    """

    room: str
    after: int
    round: int
    epoch: str | None = None

    @property
    def group(self) -> str:
        return _token(self.room, "reactions")

    @property
    def deduplication(self) -> str:
        return _token(self.room, "reactions", self.round)

    def body(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


type Task = SliceTask | ReactionTask


def parse_task(body: str) -> Task:
    fields = json.loads(body)
    return ReactionTask(**fields) if "round" in fields else SliceTask.from_fields(fields)


class SliceQueue:
    """The FIFO queue of tasks."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    @cached_property
    def _sqs(self) -> Any:
        """Made when first needed: without large rooms never."""
        return boto3.client("sqs", config=_CONFIG)

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Enqueue all tasks. Raises EnqueueFailed if SQS rejects one; it is safe to enqueue them again."""
        for batch in batched(tasks, _SEND, strict=False):
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": task.body(),
                        "MessageGroupId": task.group,
                        "MessageDeduplicationId": task.deduplication,
                    }
                    for number, task in enumerate(batch)
                ],
            )
            if answer.get("Failed"):
                raise EnqueueFailed(answer["Failed"][0]["Code"])

    def delay(self, receipt: str, seconds: int) -> None:
        """Hide a received task for this many seconds from now; then it is received again."""
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )


def _token(*parts: str | int) -> str:
    """Return a group or deduplication id: a room's name may hold characters that SQS does not allow."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
