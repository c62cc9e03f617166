"""Event source mappings of SQS queues: what reads a queue and calls the function with its batches.

Order, deduplication, visibility and dead letters are the queue's own business. A FIFO queue holds back a
message group while any of its messages is in flight, so that a group has one batch at a time, different
groups run at once, and what follows a failed message waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from local.aws_defaults import QUEUE_CONCURRENCY, QUEUE_READ_LIMIT
from local.invocation import Invoke
from local.mappings.filters import Filters
from local.mappings.polling import IDLE_INTERVAL, Outage, backoff, pause
from local.mappings.queue_batches import Message, event, handled, is_full, split
from local.stack import QueueMapping

log = logging.getLogger(__name__)


class QueueSource(Protocol):
    """A queue, as SQS has it. Any call may raise."""

    arn: str

    async def receive(self, limit: int, visibility: int | None) -> list[dict[str, Any]]:
        """At most that many (1 to 10) of the messages that can be had now, with all their attributes.

        `visibility` is for how many seconds they are then hidden, where it is not as long as the queue says.
        """
        ...

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete the messages, at most 10, of these receipt handles."""
        ...


class QueuePoller:
    """Delivers a queue to a function by the rules of Lambda's event source mappings.

    `concurrency` is how many calls of the function can run here at once; a mapping may allow fewer. `clock`
    tells seconds, `retry_after` those to wait after that many failures of the queue in a row.

    AWS polls a queue by long polling, which answers as soon as there is a message: unlike a stream's, its
    polling adds no delay that one would want to see here. ministack looks only every 100 ms while a long poll
    waits, keeps on looking after its caller has left, and then hides a message from everybody. So the queue
    is read by short polls: at once when `wake` says that there may be something, else four times a second.
    """

    def __init__(
        self,
        mapping: QueueMapping,
        source: QueueSource,
        invoke: Invoke,
        *,
        concurrency: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        retry_after: Callable[[int], float] = backoff,
    ) -> None:
        self._mapping = mapping
        self._filters = Filters(mapping.filters)
        self._source = source
        self._invoke = invoke
        # A message's visibility timeout runs from when it is received: none is received before it can be run.
        self._free = asyncio.Semaphore(min(mapping.concurrency or QUEUE_CONCURRENCY, concurrency))
        self._clock = clock
        self._sleep = sleep
        self._retry_after = retry_after
        self._woken = asyncio.Event()
        self._outage = Outage(f"{mapping.name}: reading the queue {mapping.queue}")

    def wake(self) -> None:
        """Something was probably sent, or has become visible: read at once."""
        self._woken.set()

    async def run(self) -> None:
        """Poll until cancelled; what was in flight then comes again after its visibility timeout."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._free.acquire()
                group.create_task(self._deliver(await self._gather()))

    async def _gather(self) -> list[Message]:
        """The next batch: what one read brings or, with a window, what comes until it ends.

        A window begins with the first message. It "applies only to standard queues":
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        """
        size, window = self._mapping.batch_size, self._mapping.window
        batch: list[Message] = []
        ends = float("inf")
        while True:
            self._woken.clear()
            received = await self._receive(min(size - len(batch), QUEUE_READ_LIMIT))
            batch += await self._wanted(received)
            now = self._clock()
            if batch:
                ends = min(ends, now + window)
                if now >= ends or is_full(batch, size):
                    return batch
            if not received:
                await pause(self._sleep, min(IDLE_INTERVAL, ends - now), self._woken)

    async def _receive(self, limit: int) -> list[Message]:
        try:
            received = await self._source.receive(limit, self._mapping.visibility)
        except Exception as error:
            await self._sleep(self._retry_after(self._outage.goes_on(error)))
            return []
        self._outage.is_over()
        messages = [self._parse(raw) for raw in received]
        return [message for message in messages if message is not None]

    def _parse(self, raw: Any) -> Message | None:
        """None for what is no message. AWS sends none such; an emulator's mistake must not end it all."""
        try:
            return Message.parse(raw, queue_arn=self._source.arn)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: skipped a message that is none (%r): %.1000r", self._mapping.name, error, raw)
            return None

    async def _wanted(self, received: list[Message]) -> list[Message]:
        """Those that pass the filters. The others are deleted, unseen by the function.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-criteria-not-met
        """
        wanted: list[Message] = []
        unwanted: list[Message] = []
        for message in received:
            (wanted if self._filters.passes(message.to_filter()) else unwanted).append(message)
        await self._delete(unwanted)
        return wanted

    async def _deliver(self, messages: list[Message]) -> None:
        try:
            for batch in split(messages):
                done = await self._call(batch)
                await self._delete(done)
                if self._mapping.fifo and len(done) < len(batch):
                    break  # what follows may be of the same group: it comes again behind what failed
        finally:
            self._free.release()
            self.wake()  # a group whose batch is done may have its next

    async def _call(self, batch: tuple[Message, ...]) -> tuple[Message, ...]:
        """The messages of the batch that the function is done with."""
        try:
            answer = await self._invoke(self._mapping.function, event(batch))
        except Exception:
            log.exception("%s: calling %s", self._mapping.name, self._mapping.function)
            return ()
        return handled(batch, answer, partial_failures=self._mapping.partial_failures)

    async def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), QUEUE_READ_LIMIT):
            receipts = [message.receipt for message in messages[start : start + QUEUE_READ_LIMIT]]
            try:
                await self._source.delete(receipts)
            except Exception as error:
                log.warning(
                    "%s: %d messages could not be deleted and come again: %s",
                    self._mapping.name,
                    len(receipts),
                    error,
                )
