"""The queue of slice tasks."""

from __future__ import annotations

from collections.abc import Sequence

from chat.delivery.slice_queue import Task


class FakeSliceQueue:
    """Records the tasks that were enqueued, each once, as SQS does it."""

    def __init__(self) -> None:
        self.enqueued: list[Task] = []

    def enqueue(self, tasks: Sequence[Task]) -> None:
        known = {task.deduplication for task in self.enqueued}
        self.enqueued += [task for task in tasks if task.deduplication not in known]
