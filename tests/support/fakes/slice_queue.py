"""The queue of slice tasks."""

from __future__ import annotations

from collections.abc import Sequence

from chat.delivery.slice_queue import SliceTask


class FakeSliceQueue:
    """Records the tasks that were enqueued."""

    def __init__(self) -> None:
        self.enqueued: list[SliceTask] = []

    def enqueue(self, tasks: Sequence[SliceTask]) -> None:
        self.enqueued += tasks
