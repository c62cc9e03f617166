"""Event source mappings of SQS queues: read a queue and call the function with its batches.

The queue itself does order, deduplication, visibility and dead letters. A FIFO queue holds back a message
group while any of its messages is in flight. So a group has one batch at a time, different groups run at
once, and the messages after a failed one wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from local.aws_defaults import QUEUE_CONCURRENCY, QUEUE_READ_LIMIT
from local.invocation import Invoke
from local.mappings.batches import is_full
from local.mappings.filters import Filters
from local.mappings.polling import IDLE_INTERVAL, Outage, backoff, pause
from local.mappings.queue_batches import Message, event, handled, split
from local.stack import QueueMapping

log = logging.getLogger(__name__)


class QueueSource(Protocol):
    """A queue, as SQS has it. Any call may raise."""

    arn: str

    async def receive(self, limit: int, visibility: int | None) -> list[dict[str, Any]]:
        """Return up to `limit` (1 to 10) visible messages, with all their attributes.

        They are then hidden for `visibility` seconds. None: for as long as the queue says.
        """
        ...

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete the messages of these receipt handles, 10 at most."""
        ...


class QueuePoller:
    """Delivers a queue to a function by the rules of Lambda's event source mappings.

    `concurrency` is the number of calls that can run here at once; a mapping may allow fewer. `clock`
    returns seconds. `retry_after` returns the seconds to wait after that many failures of the queue in a row.

    AWS uses long polling, which returns as soon as there is a message. ministack checks only every 100 ms
    during a long poll. It also goes on after its client has disconnected, and then hides a message from all
    others. So this class uses short polls: at once after `poll_now`, otherwise four times per second.
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
        # A message's visibility timeout begins when it is received: receive it only when a call can run.
        self._slots = asyncio.Semaphore(min(mapping.concurrency or QUEUE_CONCURRENCY, concurrency))
        self._clock = clock
        self._sleep = sleep
        self._retry_after = retry_after
        self._poll_requested = asyncio.Event()
        self._outage = Outage(f"{mapping.name}: reading the queue {mapping.queue}")

    def poll_now(self) -> None:
        """Read at once: a message was probably sent, or has become visible."""
        self._poll_requested.set()

    async def run(self) -> None:
        """Poll until cancelled; messages in flight then come again after their visibility timeout."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._slots.acquire()
                group.create_task(self._deliver(await self._gather()))

    async def _gather(self) -> list[Message]:
        """Return the next batch: one read's messages or, with a window, all until it ends.

        A window begins with the first message. It "applies only to standard queues":
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        """
        size, window = self._mapping.batch_size, self._mapping.window
        batch: list[Message] = []
        ends = float("inf")
        while True:
            self._poll_requested.clear()
            received = await self._receive(min(size - len(batch), QUEUE_READ_LIMIT))
            batch += await self._wanted(received)
            now = self._clock()
            if batch:
                ends = min(ends, now + window)
                if now >= ends or is_full(batch, size):
                    return batch
            if not received:
                await pause(self._sleep, min(IDLE_INTERVAL, ends - now), self._poll_requested)

    async def _receive(self, limit: int) -> list[Message]:
        try:
            received = await self._source.receive(limit, self._mapping.visibility)
        except Exception as error:
            await self._sleep(self._retry_after(self._outage.failed(error)))
            return []
        self._outage.recovered()
        messages = [self._parse(raw) for raw in received]
        return [message for message in messages if message is not None]

    def _parse(self, raw: Any) -> Message | None:
        """Parse a message. None if it is not one: a bug of the emulator must not end the poller."""
        try:
            return Message.parse(raw, queue_arn=self._source.arn)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            log.warning("%s: skipped an invalid message (%r): %.1000r", self._mapping.name, error, raw)
            return None

    async def _wanted(self, received: list[Message]) -> list[Message]:
        """Return the messages that pass the filters, and delete the others.

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
                    break  # the next batch may have the same group: it must come after the failed message
        finally:
            self._slots.release()
            self.poll_now()  # the group of this batch may have its next one

    async def _call(self, batch: tuple[Message, ...]) -> tuple[Message, ...]:
        """Call the function and return the messages that it has handled."""
        try:
            result = await self._invoke(self._mapping.function, event(batch))
        except Exception:
            log.exception("%s: could not call %s", self._mapping.name, self._mapping.function)
            return ()
        return handled(batch, result, partial_failures=self._mapping.partial_failures)

    async def _delete(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), QUEUE_READ_LIMIT):
            receipts = [message.receipt for message in messages[start : start + QUEUE_READ_LIMIT]]
            try:
                await self._source.delete(receipts)
            except Exception as error:
                log.warning(
                    "%s: could not delete %d messages, they come again: %s",
                    self._mapping.name,
                    len(receipts),
                    error,
                )
