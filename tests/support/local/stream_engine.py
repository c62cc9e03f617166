"""A table's stream, a function and a clock in memory, for the tests of the stream mapping."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from local.invocation import Result
from local.mappings.polling import backoff
from local.mappings.stream_poller import StreamPoller
from local.stack import StreamMapping

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/messages/stream/2026-11-24T06:20:01.123"
START = 1_700_000_000.0

MAPPING = StreamMapping(
    name="Messages",
    table="messages",
    function="FanoutFunction",
    starting_position="TRIM_HORIZON",
    batch_size=100,
    window=0,
    parallelization=1,
    bisect=False,
    retries=-1,
    max_age=-1,
    partial_failures=False,
    on_failure="Failures",
    filters=(),
)


class VirtualTime:
    """A clock that stands still while any task can run, and then jumps to the end of the next sleep."""

    def __init__(self) -> None:
        self.now = START
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wakeup = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, len(self._sleepers), wakeup))
        await wakeup

    async def run_ready(self) -> None:
        for _ in range(60):  # iterations of the loop: more than any chain of callbacks here needs
            await asyncio.sleep(0)

    async def until(self, met: Callable[[], bool], *, within: float = 120) -> None:
        """Let time pass until the condition is met; fails after that many virtual seconds."""
        await self.run_ready()
        end = self.now + within
        while not met():
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
            assert self._sleepers, "all tasks wait, and none for the clock"
            when, _, wakeup = min(self._sleepers, key=lambda sleeper: sleeper[:2])
            assert when <= end, "this did not happen in time"
            self.now = max(self.now, when)
            wakeup.set_result(None)
            await self.run_ready()

    async def passes(self, seconds: float) -> None:
        timer = asyncio.ensure_future(self.sleep(seconds))
        await self.until(timer.done, within=seconds + 1)


def keys(item: str, sort: str = "HEAD") -> dict[str, Any]:
    return {"pk": {"S": item}, "sk": {"S": sort}}


class Shard:
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.closed = False


class Stream:
    """A table's stream in memory. Iterators name a shard and an index; they can be made to expire."""

    def __init__(self, time: VirtualTime) -> None:
        self.shards_by_name = {"shard-1": Shard()}
        self.read_at: list[float] = []
        self.limits: set[int] = set()
        self.positions: list[tuple[str, str | None]] = []
        self.errors: list[Exception] = []  # what the next calls raise
        self.takes = 0.0  # seconds for a read
        self._time = time
        self._written = 0
        self._epoch = 0

    def write(self, item: str = "a", *, shard: str = "shard-1", text: str = "", sort: str = "HEAD") -> str:
        self._written += 1
        sequence = f"{self._written:021d}"
        record = {
            "eventID": f"id-{self._written}",
            "eventName": "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": self._time.now,
                "Keys": keys(item, sort),
                "NewImage": {**keys(item, sort), "text": {"S": text}},
                "SequenceNumber": sequence,
                "SizeBytes": 26,
                "StreamViewType": "NEW_IMAGE",
            },
        }
        self.shards_by_name[shard].records.append(record)
        return sequence

    def write_many(self, count: int, **options: Any) -> list[str]:
        return [self.write(**options) for _ in range(count)]

    def expire_iterators(self) -> None:
        self._epoch += 1

    def _raise_next_error(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def shards(self) -> list[str]:
        self._raise_next_error()
        return list(self.shards_by_name)

    async def iterator(self, shard: str, *, position: str, after: str | None = None) -> str:
        self._raise_next_error()
        self.positions.append((position, after))
        records = self.shards_by_name[shard].records
        index = {"TRIM_HORIZON": 0, "LATEST": len(records)}.get(position)
        if index is None:
            assert position == "AFTER_SEQUENCE_NUMBER"
            index = 1 + [record["dynamodb"]["SequenceNumber"] for record in records].index(after)
        return f"{shard} {index} {self._epoch}"

    async def records(self, iterator: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        self.read_at.append(self._time.now)
        self.limits.add(limit)
        if self.takes:
            await self._time.sleep(self.takes)
        self._raise_next_error()
        name, index, epoch = iterator.split()
        if int(epoch) != self._epoch:
            raise RuntimeError("An error occurred (ExpiredIteratorException) when calling GetRecords")
        shard = self.shards_by_name[name]
        page = shard.records[int(index) : int(index) + limit]
        end = int(index) + len(page)
        if shard.closed and end == len(shard.records):
            return page, None
        return page, f"{name} {end} {self._epoch}"


class Function:
    """Records the batches it was called with; returns the given answers, otherwise null."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.running = 0
        self.max_running = 0
        self.answers: list[Result | Exception] = []
        self.fails_with: set[str] = set()  # raises for a batch that holds one of these
        self.reports: set[str] = set()  # reports the first of these that a batch holds
        self.takes = 0.0  # seconds
        self.time: VirtualTime | None = None

    async def __call__(self, name: str, event: dict[str, Any]) -> Result:
        assert name == "FanoutFunction"
        batch = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.batches.append(batch)
        self.events.append(event)
        if self.time is not None:
            self.times.append(self.time.now)
        self.running += 1
        self.max_running = max(self.running, self.max_running)
        try:
            if self.takes and self.time is not None:
                await self.time.sleep(self.takes)
        finally:
            self.running -= 1
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if self.fails_with.intersection(batch):
            return ERROR
        if failed := [sequence for sequence in batch if sequence in self.reports]:
            return reporting(*failed[:1])
        return DONE

    @property
    def handled(self) -> list[str]:
        return [sequence for batch in self.batches for sequence in batch]


DONE = Result(b"null")
ERROR = Result(b'{"errorType": "ValueError", "errorMessage": "no"}', "Unhandled")


def answering(value: Any) -> Result:
    return Result(json.dumps(value).encode())


def reporting(*identifiers: Any) -> Result:
    return answering({"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]})


class Engine:
    """A poller with its stream, its function and the records given up."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.stream = Stream(self.time)
        self.function = Function()
        self.function.time = self.time
        self.given_up: list[dict[str, Any]] = []
        self.queue_is_down = False
        self.retry_after = backoff

    async def on_failure(self, document: str) -> None:
        if self.queue_is_down:
            raise ConnectionError("no queue")
        self.given_up.append(json.loads(document))

    def poller(self, *, aws_polling: bool = False, **changes: Any) -> StreamPoller:
        return StreamPoller(
            replace(MAPPING, **changes),
            self.stream,
            self.function,
            on_failure=self.on_failure,
            aws_polling=aws_polling,
            stream_arn=ARN,
            clock=self.time.clock,
            sleep=self.time.sleep,
            retry_after=self.retry_after,
        )

    @asynccontextmanager
    async def running(
        self, poller: StreamPoller | None = None, **changes: Any
    ) -> AsyncIterator[StreamPoller]:
        poller = poller or self.poller(**changes)
        task = asyncio.ensure_future(poller.run())
        await self.time.run_ready()
        try:
            yield poller
            assert not task.done(), "the poller ended by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def handles(self, *sequences: str) -> None:
        """Let time pass until the function was called with exactly these, in that order."""
        await self.time.until(lambda: len(self.function.handled) >= len(sequences))
        assert self.function.handled == list(sequences)

    async def gives_up(self, count: int = 1) -> None:
        await self.time.until(lambda: len(self.given_up) >= count)
