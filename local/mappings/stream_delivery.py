"""Delivers one batch of a stream to its function: call, retry, split, or give up."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from local.invocation import Invoke, Result
from local.mappings.polling import Outage
from local.mappings.stream_batches import Batch, first_failed, remaining, split_by_age
from local.mappings.stream_records import Record, event, pointer
from local.stack import StreamMapping

log = logging.getLogger(__name__)


class Delivery:
    """Delivers batches by the failure rules of a mapping."""

    def __init__(
        self,
        mapping: StreamMapping,
        invoke: Invoke,
        on_failure: Callable[[str], Awaitable[None]],
        *,
        stream_arn: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        retry_after: Callable[[int], float],
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._on_failure = on_failure
        self._arn = stream_arn
        self._clock = clock
        self._sleep = sleep
        self._retry_after = retry_after

    async def deliver(self, batch: Batch, shard: str, done: Callable[[Sequence[Record]], None]) -> None:
        """Return when every record is handled or given up; `done` is called with records as they are."""
        mapping = self._mapping
        pending = deque([batch])
        while pending:
            old, current = split_by_age(pending.popleft(), mapping.max_age, self._clock())
            if old is not None:
                await self._give_up(old, shard, "RecordAgeExceeded")
                done(old.records)
            if current is None:
                continue
            result = await self._call(current)
            first = first_failed(current, result, partial_failures=mapping.partial_failures)
            done(current.records[:first])
            if first is None:
                continue
            again = remaining(current, first, result, bisect=mapping.bisect, retries=mapping.retries)
            if again:
                pending.extendleft(reversed(again))
                await self._sleep(self._retry_after(current.failures + 1))
            else:
                tried = Batch(current.records, current.failures + 1, result)
                await self._give_up(tried, shard, "RetryAttemptsExhausted")
                done(tried.records)

    async def _call(self, batch: Batch) -> Result:
        # If Lambda cannot run the function at all, it retries without counting ("Before invocation"):
        # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
        outage = Outage(f"{self._mapping.name}: calling {self._mapping.function}")
        while True:
            try:
                result = await self._invoke(self._mapping.function, event(batch.records))
            except Exception as error:
                await self._sleep(self._retry_after(outage.failed(error)))
            else:
                outage.recovered()
                return result

    async def _give_up(self, batch: Batch, shard: str, condition: str) -> None:
        name, destination = self._mapping.name, self._mapping.on_failure
        document = pointer(
            batch.records,
            condition=condition,
            calls=batch.failures,
            result=batch.result,
            function=self._mapping.function,
            shard=shard,
            stream_arn=self._arn,
            now=self._clock(),
        )
        log.warning("%s: gave up records: count=%d %s", name, len(batch.records), document)
        if destination is None:
            return
        try:
            await self._on_failure(document)
        except Exception:
            # The stream goes on, as on AWS, which only counts the metric DestinationDeliveryFailures.
            log.exception("%s: could not write to the on-failure queue %s", name, destination)
