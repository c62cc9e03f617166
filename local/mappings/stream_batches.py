"""What a stream mapping decides, without I/O: how batches are cut, and what follows a function's answer."""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from local.aws_defaults import INVOCATION_PAYLOAD
from local.invocation import Result
from local.mappings.stream_records import Record

_ENVELOPE = len('{"Records":[]}')


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that go to the function together, and how often they have failed together."""

    records: tuple[Record, ...]
    failures: int = 0
    answer: Result | None = None  # the last that any of these records got


def lane(record: Record, lanes: int) -> int:
    """Which of the shard's lanes the record's item belongs to: always the same one, so its order is kept.

    With a ParallelizationFactor above 1 "Lambda still ensures in-order processing at the item (partition and
    sort key) level": https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    return zlib.crc32(record.item.encode()) % lanes


def is_full(waiting: Iterable[Record], batch_size: int) -> bool:
    """Whether what waits makes a batch that can hold no more, in number or in bytes."""
    count, size = 0, _ENVELOPE
    for record in waiting:
        count, size = count + 1, size + record.size + 1
        if count >= batch_size or size >= INVOCATION_PAYLOAD:
            return True
    return False


def cut(waiting: deque[Record], batch_size: int) -> Batch:
    """Take the next batch off the queue: at most `batch_size` records and what one call can carry."""
    records: list[Record] = []
    size = _ENVELOPE
    while waiting and len(records) < batch_size:
        size += waiting[0].size + 1
        if records and size > INVOCATION_PAYLOAD:
            break
        records.append(waiting.popleft())
    return Batch(tuple(records))


def first_failed(batch: Batch, answer: Result, *, partial_failures: bool) -> int | None:
    """The index of the first record that has to come again, None when the whole batch is done.

    Without ReportBatchItemFailures the answer is not looked at. With it, only what "Success and failure
    conditions" lists as a success is one:
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if answer.error is not None:
        return 0
    if not partial_failures or not answer.payload:
        return None
    try:
        response = json.loads(answer.payload)
    except (ValueError, RecursionError):
        return 0
    if not response:
        return None
    if not isinstance(response, dict) or "batchItemFailures" not in response:
        return 0
    failures = response["batchItemFailures"]
    if not failures:
        return None
    if not isinstance(failures, list):
        return 0
    return min(_position(failure, batch) for failure in failures)


def _position(failure: Any, batch: Batch) -> int:
    # A null, empty or misspelt identifier fails the whole batch, and so does one that the batch does not
    # hold: it says that something failed but not what, and only repeating everything loses nothing.
    identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    for position, record in enumerate(batch.records):
        if record.sequence == identifier:
            return position
    return 0


def remaining(batch: Batch, first: int, answer: Result, *, bisect: bool, retries: int) -> list[Batch]:
    """The batches to deliver next, in order, after the batch failed from index `first` on. Empty: give it up.

    - What precedes `first` is done. The rest is a smaller batch ("bisected at the returned sequence number")
      with a quota of its own: retries are counted for the same batch being sent again.
    - A batch that failed from its start is split in two if it may be. "Splitting batches doesn't consume the
      retry quota" (services-dynamodb-errors.html), not even a quota of 0. A report of the first record
      splits, too: the returned sequence number would leave the batch whole, yet on AWS the bad record alone
      was seen to end in the queue (https://my-aws-notes.pages.dev/DynamoDB-Stream---Lambda-error-handling).
    - Otherwise it comes again whole until it was tried 1 + `retries` times; -1 means without end.
    """
    records = batch.records[first:]
    if first > 0:
        return [Batch(records, answer=answer)]
    if bisect and len(records) > 1:
        middle = len(records) // 2
        return [Batch(records[:middle], answer=answer), Batch(records[middle:], answer=answer)]
    if 0 <= retries <= batch.failures:
        return []
    return [replace(batch, failures=batch.failures + 1, answer=answer)]


def split_by_age(batch: Batch, max_age: float, now: float) -> tuple[Batch | None, Batch | None]:
    """What has grown too old to be sent, and what is left; a negative age is no bound.

    Records arrive in order, so the old ones come first.
    """
    if max_age < 0:
        return None, batch
    old = 0
    while old < len(batch.records) and now - batch.records[old].arrived > max_age:
        old += 1
    if old == 0:
        return None, batch
    rest = replace(batch, records=batch.records[old:]) if old < len(batch.records) else None
    return replace(batch, records=batch.records[:old]), rest


class Checkpoint:
    """How far a shard is done without a gap, while its lanes finish records in any order."""

    def __init__(self) -> None:
        self.sequence: str | None = None  # the last record up to which all are done
        self._open: deque[str] = deque()
        self._done: set[str] = set()

    def opened(self, sequence: str) -> None:
        self._open.append(sequence)

    def done(self, sequences: Iterable[str]) -> None:
        self._done.update(sequences)
        while self._open and self._open[0] in self._done:
            self.sequence = self._open.popleft()
            self._done.remove(self.sequence)

    @property
    def behind(self) -> int:
        """How many records were read since the checkpoint, done or not."""
        return len(self._open)
