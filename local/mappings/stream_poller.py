"""Event source mappings: what reads a table's stream and calls the function with its batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from local.aws_defaults import STREAM_READ_LIMIT
from local.invocation import Invoke
from local.mappings.filters import Filters
from local.mappings.polling import IDLE_INTERVAL, Outage, Pace, backoff, pause
from local.mappings.stream_batches import Batch, Checkpoint, cut, is_full, lane
from local.mappings.stream_delivery import Delivery
from local.mappings.stream_records import Record
from local.stack import StreamMapping

log = logging.getLogger(__name__)

READ_AHEAD = 10_000  # records of a shard held at most: beyond it a lane that is stuck holds up its shard


class StreamSource(Protocol):
    """A table's stream. Any call may raise; it is then tried again.

    An error whose class name or text holds "ExpiredIterator" or "TrimmedDataAccess", as those of the Streams
    API do, says that the iterator is no longer of use.
    """

    async def shards(self) -> list[str]:
        """The ids of the shards that can be read, closed ones too."""
        ...

    async def iterator(self, shard: str, *, position: str, after: str | None = None) -> str:
        """An iterator at TRIM_HORIZON or LATEST, or AT_/AFTER_SEQUENCE_NUMBER the number `after`."""
        ...

    async def records(self, iterator: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """At most that many records, and the next iterator: None at the end of a closed shard."""
        ...


class StreamPoller:
    """Delivers a stream to a function by the rules of Lambda's event source mappings.

    What is given up goes to `on_failure` as AWS's JSON document, if the mapping has a destination for it.
    `stream_arn` is what events and documents name as their source. `clock` tells Unix time, `retry_after` the
    seconds to wait after that many failures in a row.
    """

    def __init__(
        self,
        mapping: StreamMapping,
        source: StreamSource,
        invoke: Invoke,
        *,
        on_failure: Callable[[str], Awaitable[None]],
        aws_polling: bool = False,
        stream_arn: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        retry_after: Callable[[int], float] = backoff,
    ) -> None:
        self.checkpoints: dict[str, str] = {}  # a shard's last sequence number up to which all is done
        self._mapping = mapping
        self._filters = Filters(mapping.filters)
        self._source = source
        self._aws_polling = aws_polling
        self._arn = stream_arn
        self._clock = clock
        self._sleep = sleep
        self._retry_after = retry_after
        self._delivery = Delivery(
            mapping,
            invoke,
            on_failure,
            stream_arn=self._arn,
            clock=clock,
            sleep=sleep,
            retry_after=retry_after,
        )
        self._shards: dict[str, _Shard] = {}
        self._closed: set[str] = set()

    def wake(self) -> None:
        """Something was probably written: read at once and often for a moment, unless polling as AWS does."""
        if self._aws_polling:
            return
        for shard in self._shards.values():
            shard.pace.hurry(self._clock())
            shard.woken.set()

    async def run(self) -> None:
        """Poll until cancelled; run again, go on after the checkpoints; what was in flight comes twice."""
        self._shards.clear()
        position = self._mapping.starting_position
        changed = asyncio.Event()
        outage = Outage(f"{self._mapping.name}: listing the shards of {self._mapping.table}")
        async with asyncio.TaskGroup() as group:
            while True:
                changed.clear()
                try:
                    names = await self._source.shards()
                except Exception as error:
                    await self._sleep(self._retry_after(outage.goes_on(error)))
                    continue
                outage.is_over()
                new = [name for name in names if name not in self._shards and name not in self._closed]
                for name in new:
                    shard = self._shards[name] = _Shard(name, self._mapping, steady=self._aws_polling)
                    group.create_task(self._run_shard(shard, position, changed))
                # Shards that turn up later are read from their start, or what was written before they were
                # seen would be lost.
                position = "TRIM_HORIZON"
                # DynamoDB splits a shard by closing it. Its children are asked for once all of it is done, so
                # that an item's changes stay in order; there is no other reason to ask again.
                await (changed.wait() if new else self._sleep(IDLE_INTERVAL))

    async def _run_shard(self, shard: _Shard, position: str, changed: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._run_lane(shard, waiting)) for waiting in shard.lanes]
            await self._read(shard, position)
            await shard.settled(behind=0)
            for worker in workers:
                worker.cancel()
        self._closed.add(shard.name)
        del self._shards[shard.name]
        changed.set()

    async def _read(self, shard: _Shard, position: str) -> None:
        """Put the shard's records into its lanes until it is closed and read."""
        outage = Outage(f"{self._mapping.name}: reading the stream of {self._mapping.table}")
        iterator: str | None = None
        after = self.checkpoints.get(shard.name)
        while True:
            shard.woken.clear()
            began = self._clock()
            try:
                if iterator is None:
                    start = "AFTER_SEQUENCE_NUMBER" if after else position
                    iterator = await self._source.iterator(shard.name, position=start, after=after)
                records, following = await self._source.records(iterator, STREAM_READ_LIMIT)
            except Exception as error:
                failures = outage.goes_on(error)
                trouble = f"{type(error).__name__}: {error}"
                # A new iterator is always right once a record was read. Before that it might begin elsewhere:
                # LATEST would skip what was written in the meantime.
                if after or "ExpiredIterator" in trouble:
                    iterator = None
                if "TrimmedDataAccess" in trouble:
                    log.warning("%s: records after %s were trimmed unread", self._mapping.name, after)
                    iterator, position, after = None, "TRIM_HORIZON", None
                await self._sleep(self._retry_after(failures))
                continue
            outage.is_over()
            took = self._clock() - began
            for raw in records:
                if (record := self._parse(raw)) is not None:
                    shard.take(record, wanted=self._filters.passes(record.event))
                    after = record.sequence
            if records:
                shard.pace.hurry(self._clock())
                self._note_checkpoint(shard)
            if following is None:
                return
            iterator = following
            await shard.settled(behind=READ_AHEAD)
            await pause(self._sleep, shard.pace.interval(self._clock(), took), shard.woken)

    def _parse(self, raw: Any) -> Record | None:
        """None for what is no record. AWS sends none such; an emulator's mistake must not end the stream."""
        try:
            return Record.parse(raw, stream_arn=self._arn, now=self._clock())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: skipped a record that is none (%r): %.1000r", self._mapping.name, error, raw)
            return None

    async def _run_lane(self, shard: _Shard, waiting: _Lane) -> None:
        while True:
            batch = await self._gather(waiting)
            await self._delivery.deliver(batch, shard.name, partial(self._done, shard))

    async def _gather(self, waiting: _Lane) -> Batch:
        """The lane's next batch, once there is one.

        "The next window begins as soon as the previous function invocation completes", or with the first
        record after an idle time.
        """
        size, window = self._mapping.batch_size, self._mapping.window
        while not waiting.records:
            waiting.arrived.clear()
            await waiting.arrived.wait()
        ends = self._clock() + window
        while (left := ends - self._clock()) > 0 and not is_full(waiting.records, size):
            waiting.arrived.clear()
            await pause(self._sleep, left, waiting.arrived)
        return cut(waiting.records, size)

    def _done(self, shard: _Shard, records: Sequence[Record]) -> None:
        shard.finish(records)
        self._note_checkpoint(shard)

    def _note_checkpoint(self, shard: _Shard) -> None:
        if shard.checkpoint.sequence is not None:
            self.checkpoints[shard.name] = shard.checkpoint.sequence


class _Lane:
    """Records that wait for their function, in order; one batch of a lane is in flight at a time."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self.arrived = asyncio.Event()


class _Shard:
    """A shard that is being read: its lanes, its pace, and how far it is done."""

    def __init__(self, name: str, mapping: StreamMapping, *, steady: bool) -> None:
        self.name = name
        self.lanes = [_Lane() for _ in range(mapping.parallelization)]
        self.pace = Pace(steady=steady)
        self.woken = asyncio.Event()
        self.checkpoint = Checkpoint()
        self._progress = asyncio.Event()

    def take(self, record: Record, *, wanted: bool) -> None:
        """Queue a record in its lane; an unwanted one is done at once."""
        self.checkpoint.opened(record.sequence)
        if wanted:
            waiting = self.lanes[lane(record, len(self.lanes))]
            waiting.records.append(record)
            waiting.arrived.set()
        else:
            self.checkpoint.done([record.sequence])

    def finish(self, records: Sequence[Record]) -> None:
        self.checkpoint.done(record.sequence for record in records)
        self._progress.set()

    async def settled(self, *, behind: int) -> None:
        """Wait until at most that many records are read and not yet behind the checkpoint."""
        while self.checkpoint.behind > behind:
            self._progress.clear()
            await self._progress.wait()
