"""Event source mappings of DynamoDB streams: read a stream and call the function with its batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from local.aws_defaults import STREAM_POLL_INTERVAL, STREAM_READ_LIMIT
from local.invocation import Invoke
from local.mappings.batches import is_full
from local.mappings.filters import Filters
from local.mappings.polling import IDLE_INTERVAL, Outage, backoff, pause
from local.mappings.stream_batches import Batch, Checkpoint, cut, lane_of
from local.mappings.stream_delivery import Delivery
from local.mappings.stream_records import Record
from local.stack import StreamMapping

log = logging.getLogger(__name__)

READ_AHEAD = 10_000  # records of a shard in memory; beyond it, a stuck lane stops the reading of its shard


class StreamSource(Protocol):
    """A table's stream. Any call may raise, and is then retried.

    An error whose class name or text contains "ExpiredIterator" or "TrimmedDataAccess", as in the Streams
    API, means that the iterator is no longer valid.
    """

    async def shards(self) -> list[str]:
        """Return the ids of the shards that can be read, closed ones too."""
        ...

    async def iterator(self, shard: str, *, position: str, after: str | None = None) -> str:
        """Return an iterator at TRIM_HORIZON or LATEST, or AT_/AFTER_SEQUENCE_NUMBER the number `after`."""
        ...

    async def records(self, iterator: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Return up to `limit` records and the next iterator: None at the end of a closed shard."""
        ...


class StreamPoller:
    """Delivers a stream to a function by the rules of Lambda's event source mappings.

    `on_failure` gets AWS's JSON document about records that are given up, if the mapping has a destination.
    `stream_arn` is the source that events and documents name. `clock` returns Unix time. `retry_after`
    returns the seconds to wait after that many failures in a row.
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
        self.checkpoints: dict[str, str] = {}  # per shard, the last sequence number up to which all is done
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

    def poll_now(self) -> None:
        """Read at once: something was written. No-op with `aws_polling`."""
        if not self._aws_polling:
            for shard in self._shards.values():
                shard.poll_requested.set()

    async def run(self) -> None:
        """Poll until cancelled. The next run goes on after the checkpoints: records in flight come twice."""
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
                    await self._sleep(self._retry_after(outage.failed(error)))
                    continue
                outage.recovered()
                new = [name for name in names if name not in self._shards and name not in self._closed]
                for name in new:
                    shard = self._shards[name] = _Shard(name, self._mapping)
                    group.create_task(self._run_shard(shard, position, changed))
                # Read later shards from their start: records written before we saw them would be lost.
                position = "TRIM_HORIZON"
                # DynamoDB splits a shard by closing it. List its children only when all of it is done, to
                # keep an item's changes in order. Nothing else adds shards.
                await (changed.wait() if new else self._sleep(IDLE_INTERVAL))

    async def _run_shard(self, shard: _Shard, position: str, changed: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._run_lane(shard, lane)) for lane in shard.lanes]
            await self._read(shard, position)
            await shard.wait_until_behind(0)
            for worker in workers:
                worker.cancel()
        self._closed.add(shard.name)
        del self._shards[shard.name]
        changed.set()

    async def _read(self, shard: _Shard, position: str) -> None:
        """Put the shard's records into its lanes, until it is closed and all of it is read."""
        outage = Outage(f"{self._mapping.name}: reading the stream of {self._mapping.table}")
        iterator: str | None = None
        after = self.checkpoints.get(shard.name)
        while True:
            shard.poll_requested.clear()
            began = self._clock()
            try:
                if iterator is None:
                    start = "AFTER_SEQUENCE_NUMBER" if after else position
                    iterator = await self._source.iterator(shard.name, position=start, after=after)
                records, following = await self._source.records(iterator, STREAM_READ_LIMIT)
            except Exception as error:
                failures = outage.failed(error)
                description = f"{type(error).__name__}: {error}"
                # After the first record a new iterator begins at the right place. Before that it may not:
                # LATEST would skip records written meanwhile.
                if after or "ExpiredIterator" in description:
                    iterator = None
                if "TrimmedDataAccess" in description:
                    log.warning(
                        "%s: records after %s were trimmed before they were read", self._mapping.name, after
                    )
                    iterator, position, after = None, "TRIM_HORIZON", None
                await self._sleep(self._retry_after(failures))
                continue
            outage.recovered()
            took = self._clock() - began
            if records:
                after = self._add(shard, records) or after
            if following is None:
                return
            iterator = following
            await shard.wait_until_behind(READ_AHEAD)
            if len(records) == STREAM_READ_LIMIT:
                shard.poll_requested.set()  # there are most likely more
            await self._pause(took, shard.poll_requested)

    async def _pause(self, took: float, poll_requested: asyncio.Event) -> None:
        """Wait for the next read, after one that took that long."""
        if self._aws_polling:
            await self._sleep(STREAM_POLL_INTERVAL)
            return
        # A slow source gets a pause as long as its work. What is written meanwhile is read together.
        at_least = min(took, IDLE_INTERVAL)
        await self._sleep(at_least)
        await pause(self._sleep, IDLE_INTERVAL - at_least, poll_requested)

    def _add(self, shard: _Shard, records: list[dict[str, Any]]) -> str | None:
        """Put records into their lanes, and return the last sequence number. None without a valid record."""
        last = None
        for raw in records:
            if (record := self._parse(raw)) is not None:
                shard.add(record, wanted=self._filters.passes(record.event))
                last = record.sequence
        self._save_checkpoint(shard)
        return last

    def _parse(self, raw: Any) -> Record | None:
        """Parse a record. None if it is not one: a bug of the emulator must not end the poller."""
        try:
            return Record.parse(raw, stream_arn=self._arn, now=self._clock())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: skipped an invalid record (%r): %.1000r", self._mapping.name, error, raw)
            return None

    async def _run_lane(self, shard: _Shard, lane: _Lane) -> None:
        while True:
            batch = await self._gather(lane)
            await self._delivery.deliver(batch, shard.name, partial(self._done, shard))

    async def _gather(self, lane: _Lane) -> Batch:
        """Wait for the lane's next batch.

        "The next window begins as soon as the previous function invocation completes", or with the first
        record after an idle time.
        """
        size, window = self._mapping.batch_size, self._mapping.window
        while not lane.records:
            lane.arrived.clear()
            await lane.arrived.wait()
        ends = self._clock() + window
        while (remaining := ends - self._clock()) > 0 and not is_full(lane.records, size):
            lane.arrived.clear()
            await pause(self._sleep, remaining, lane.arrived)
        return cut(lane.records, size)

    def _done(self, shard: _Shard, records: Sequence[Record]) -> None:
        shard.finish(records)
        self._save_checkpoint(shard)

    def _save_checkpoint(self, shard: _Shard) -> None:
        if shard.checkpoint.sequence is not None:
            self.checkpoints[shard.name] = shard.checkpoint.sequence


class _Lane:
    """Records that wait for the function, in order; one batch of a lane is in flight at a time."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque()
        self.arrived = asyncio.Event()


class _Shard:
    """A shard that is being read: its lanes and its checkpoint."""

    def __init__(self, name: str, mapping: StreamMapping) -> None:
        self.name = name
        self.lanes = [_Lane() for _ in range(mapping.parallelization)]
        self.poll_requested = asyncio.Event()
        self.checkpoint = Checkpoint()
        self._progress = asyncio.Event()

    def add(self, record: Record, *, wanted: bool) -> None:
        """Queue a record in its lane; an unwanted one is done at once."""
        self.checkpoint.opened(record.sequence)
        if wanted:
            lane = self.lanes[lane_of(record, len(self.lanes))]
            lane.records.append(record)
            lane.arrived.set()
        else:
            self.checkpoint.done([record.sequence])

    def finish(self, records: Sequence[Record]) -> None:
        self.checkpoint.done(record.sequence for record in records)
        self._progress.set()

    async def wait_until_behind(self, max_records: int) -> None:
        """Wait until at most that many records were read after the checkpoint."""
        while self.checkpoint.behind > max_records:
            self._progress.clear()
            await self._progress.wait()
