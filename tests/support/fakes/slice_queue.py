"""The queue of slice tasks."""

from __future__ import annotations

from collections.abc import Sequence

from chat.delivery.slice_queue import SliceTask


class FakeDoorbells:
    """Remembers the doorbells that were rung."""

    def __init__(self) -> None:
        self.rung: list[SliceTask] = []

    def enqueue(self, doorbells: Sequence[SliceTask]) -> None:
        self.rung += doorbells
