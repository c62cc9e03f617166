"""Decisions of a stream mapping, without I/O: how batches are cut, and what follows a function's result."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from local.aws_defaults import INVOCATION_PAYLOAD
from local.invocation import Result
from local.mappings.batches import ENVELOPE, reported_failures
from local.mappings.stream_records import Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one call, and how often they have failed together."""

    records: tuple[Record, ...]
    failures: int = 0
    result: Result | None = None  # the last one of any of these records


def lane_of(record: Record, lanes: int) -> int:
    """Return the shard's lane of the record's item: always the same one, which keeps the item's order.

    With a ParallelizationFactor above 1 "Lambda still ensures in-order processing at the item (partition and
    sort key) level": https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    return zlib.crc32(record.item.encode()) % lanes


def cut(waiting: deque[Record], batch_size: int) -> Batch:
    """Take the next batch off the queue: up to `batch_size` records that fit into one call."""
    records: list[Record] = []
    size = ENVELOPE
    while waiting and len(records) < batch_size:
        size += waiting[0].size + 1
        if records and size > INVOCATION_PAYLOAD:
            break
        records.append(waiting.popleft())
    return Batch(tuple(records))


def first_failed(batch: Batch, result: Result, *, partial_failures: bool) -> int | None:
    """Return the index of the first record to deliver again. None if the whole batch is done.

    Without ReportBatchItemFailures the payload does not matter. With it, only the successes of "Success and
    failure conditions" are successes:
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if result.error is not None:
        return 0
    if not partial_failures:
        return None
    failed = reported_failures(result.payload)
    if failed is None:
        return 0
    return min((_index(identifier, batch) for identifier in failed), default=None)


def _index(identifier: str | None, batch: Batch) -> int:
    # An empty or misspelt identifier, or one that is not in the batch, fails the whole batch: something
    # failed and we cannot know what. Only repeating everything loses nothing.
    for index, record in enumerate(batch.records):
        if record.sequence == identifier:
            return index
    return 0


def remaining(batch: Batch, first: int, result: Result, *, bisect: bool, retries: int) -> list[Batch]:
    """Return the batches to deliver next, in order, after the batch failed from index `first` on.

    Empty if the batch is to be given up.

    - The records before `first` are done. The rest is a smaller batch ("bisected at the returned sequence
      number") with a quota of its own: retries count the same batch being sent again.
    - A batch that failed from its start is split in two if `bisect` allows it. "Splitting batches doesn't
      consume the retry quota" (services-dynamodb-errors.html), not even a quota of 0. A report of the first
      record splits too: the returned sequence number would leave the batch whole, yet on AWS only the bad
      record ended in the queue (https://my-aws-notes.pages.dev/DynamoDB-Stream---Lambda-error-handling).
    - Otherwise the whole batch comes again until it was tried 1 + `retries` times; -1 means no limit.
    """
    records = batch.records[first:]
    if first > 0:
        return [Batch(records, result=result)]
    if bisect and len(records) > 1:
        middle = len(records) // 2
        return [Batch(records[:middle], result=result), Batch(records[middle:], result=result)]
    if 0 <= retries <= batch.failures:
        return []
    return [replace(batch, failures=batch.failures + 1, result=result)]


def split_by_age(batch: Batch, max_age: float, now: float) -> tuple[Batch | None, Batch | None]:
    """Return the part that is too old to be sent, and the rest; a negative age means no limit.

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
    """The last record up to which a shard is done, while its lanes finish records in any order."""

    def __init__(self) -> None:
        self.sequence: str | None = None  # of that record
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
        """The number of records read since the checkpoint, done or not."""
        return len(self._open)
