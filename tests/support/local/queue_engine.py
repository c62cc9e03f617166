"""A queue, a function and a clock in memory, for the tests of the queue mapping."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from local.invocation import Result
from local.mappings.queue_poller import QueuePoller
from local.stack import QueueMapping
from tests.support.local.stream_engine import DONE, ERROR, VirtualTime, reporting

ARN = "arn:aws:sqs:eu-west-1:123456789012:work.fifo"

MAPPING = QueueMapping(
    name="Work",
    queue="WorkQueue",
    function="FanoutFunction",
    fifo=True,
    batch_size=10,
    window=0,
    concurrency=None,
    visibility=None,
    partial_failures=False,
    filters=(),
)


@dataclass
class Sent:
    """A message in the queue; the id is its body."""

    body: str
    group: str | None
    visible_at: float
    receipt: str = ""
    receives: int = 0


class Queue:
    """A queue in memory. A message of a group that has one in flight cannot be received."""

    arn = ARN
    visibility = 30

    def __init__(self, time: VirtualTime) -> None:
        self.messages: list[Sent] = []
        self.read_at: list[float] = []
        self.hidden_for: set[int | None] = set()
        self.max_in_flight = 0
        self.errors: list[Exception] = []  # what the next reads raise
        self.delete_errors: list[Exception] = []
        self.malformed: list[Any] = []  # what the next read returns before its messages
        self._time = time

    def send(self, *bodies: str, group: str | None = None) -> None:
        self.messages += [Sent(body, group, self._time.now) for body in bodies]

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.messages]

    def _in_flight(self) -> list[Sent]:
        return [sent for sent in self.messages if sent.receives and sent.visible_at > self._time.now]

    async def receive(self, limit: int, visibility: int | None) -> list[dict[str, Any]]:
        assert 1 <= limit <= 10
        self.read_at.append(self._time.now)
        self.hidden_for.add(visibility)
        if self.errors:
            raise self.errors.pop(0)
        held = {sent.group for sent in self._in_flight()} - {None}
        visible = [s for s in self.messages if s.visible_at <= self._time.now and s.group not in held]
        for message in visible[:limit]:
            message.receives += 1
            message.receipt = f"{message.body} {message.receives}"
            message.visible_at = self._time.now + (self.visibility if visibility is None else visibility)
        self.max_in_flight = max(self.max_in_flight, len(self._in_flight()))
        malformed, self.malformed = self.malformed, []
        return [*malformed, *(as_received(message) for message in visible[:limit])]

    async def delete(self, receipts: Sequence[str]) -> None:
        assert len(receipts) <= 10
        if self.delete_errors:
            raise self.delete_errors.pop(0)
        self.messages = [message for message in self.messages if message.receipt not in receipts]


def as_received(message: Sent) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(message.receives)}
    if message.group is not None:
        attributes["MessageGroupId"] = message.group
    return {
        "MessageId": message.body,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": hashlib.md5(message.body.encode()).hexdigest(),
        "Body": message.body,
        "Attributes": attributes,
    }


class Function:
    """Records the batches it was called with; returns the given answers, otherwise null."""

    def __init__(self, time: VirtualTime) -> None:
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.running: list[list[str]] = []
        self.max_running = 0
        self.answers: list[Result | Exception] = []
        self.fails_once: set[str] = set()  # raises for the first batch that holds one of these
        self.reports_once: set[str] = set()  # reports these the first time
        self.takes = 0.0  # seconds
        self._time = time

    async def __call__(self, name: str, event: dict[str, Any]) -> Result:
        assert name == "FanoutFunction"
        batch = [record["messageId"] for record in event["Records"]]
        self.batches.append(batch)
        self.events.append(event)
        self.times.append(self._time.now)
        self.running.append(batch)
        self.max_running = max(self.max_running, len(self.running))
        if self.takes:
            await self._time.sleep(self.takes)
        self.running.remove(batch)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if self.fails_once.intersection(batch):
            self.fails_once.difference_update(batch)
            return ERROR
        if failed := [body for body in batch if body in self.reports_once]:
            self.reports_once.difference_update(failed)
            return reporting(*failed)
        return DONE

    @property
    def handled(self) -> list[str]:
        return [body for batch in self.batches for body in batch]


class Engine:
    """A poller with its queue and its function."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.queue = Queue(self.time)
        self.function = Function(self.time)

    @asynccontextmanager
    async def running(self, *, host_concurrency: int = 16, **changes: Any) -> AsyncIterator[QueuePoller]:
        """A poller of a mapping with these changes, on a host that runs `host_concurrency` calls at once."""
        poller = QueuePoller(
            replace(MAPPING, **changes),
            self.queue,
            self.function,
            concurrency=host_concurrency,
            clock=self.time.clock,
            sleep=self.time.sleep,
        )
        task = asyncio.ensure_future(poller.run())
        await self.time.run_ready()
        try:
            yield poller
            assert not task.done(), "the poller ended by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def handles(self, *batches: list[str]) -> None:
        """Let time pass until the function was called with exactly these batches, in that order."""
        await self.time.until(lambda: len(self.function.batches) >= len(batches))
        assert self.function.batches == list(batches)


def json_body(**fields: Any) -> str:
    return json.dumps(fields)
