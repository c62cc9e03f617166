"""Starts a poller for each event source mapping of a stack."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from local.invocation import Invoke
from local.mappings.queue_poller import QueuePoller
from local.mappings.stream_poller import StreamPoller
from local.services.client import ServicesClient
from local.stack import Stack, StreamMapping

# Runs a named part of the engine until the engine's end.
type Supervise = Callable[[str, Coroutine[Any, Any, None]], None]


class Pollers:
    """The pollers of streams and queues. They call functions through `invoke`."""

    def __init__(self, invoke: Invoke, *, aws_polling: bool, concurrency: int) -> None:
        self._invoke = invoke
        self._aws_polling = aws_polling
        self._concurrency = concurrency
        self._streams: list[StreamPoller] = []
        self._queues: list[QueuePoller] = []

    async def start(self, stack: Stack, services: ServicesClient, supervise: Supervise) -> None:
        for mapping in stack.stream_mappings:
            stream = await services.stream(stack.tables[mapping.table])
            stream_poller = StreamPoller(
                mapping,
                stream,
                self._invoke,
                on_failure=partial(_send_to_failure_queue, stack, services, mapping),
                aws_polling=self._aws_polling,
                stream_arn=stream.arn,
            )
            self._streams.append(stream_poller)
            supervise(mapping.name, stream_poller.run())
        for queue_mapping in stack.queue_mappings:
            queue = services.queue(stack.queues[queue_mapping.queue])
            queue_poller = QueuePoller(queue_mapping, queue, self._invoke, concurrency=self._concurrency)
            self._queues.append(queue_poller)
            supervise(queue_mapping.name, queue_poller.run())

    def poll_streams(self) -> None:
        """Read the streams at once: one of them has new records."""
        for poller in self._streams:
            poller.poll_now()

    def poll_queues(self) -> None:
        """Read the queues at once: a function may have sent a message."""
        for poller in self._queues:
            poller.poll_now()


async def _send_to_failure_queue(
    stack: Stack, services: ServicesClient, mapping: StreamMapping, document: str
) -> None:
    assert mapping.on_failure is not None
    url = services.queue_url(stack.queues[mapping.on_failure])
    await services.sqs("SendMessage", {"QueueUrl": url, "MessageBody": document})
