"""Answers that are due later."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any, Protocol


class Timers(Protocol):
    """An event loop, as far as it is needed here."""

    def call_later(self, delay: float, callback: Callable[[int], None], tick: int, /) -> Any: ...


class Delays:
    """Calls functions back when they are due, to a millisecond; those of a millisecond in the order given.

    A timer of the event loop for each would cost more than all the rest of a post.
    """

    def __init__(self, timers: Timers, clock: Callable[[], float] = time.monotonic) -> None:
        self._timers = timers
        self._clock = clock
        self._calls: dict[int, list[Callable[[], None]]] = {}  # by tick
        self._ticks: list[int] = []  # a heap

    def call_at(self, due: float, call: Callable[[], None]) -> None:
        """`due` is of the clock, not of the event loop's, which is only as fresh as its last turn."""
        tick = int(due * 1000) + 1
        calls = self._calls.get(tick)
        if calls is None:
            calls = self._calls[tick] = []
            heapq.heappush(self._ticks, tick)
            self._timers.call_later(max(0.0, tick / 1000 - self._clock()), self._fire, tick)
        calls.append(call)

    def _fire(self, tick: int) -> None:
        # The earlier ticks first: uvloop rounds a delay to milliseconds, so a later timer may fire before an
        # earlier one, and two parts of one answer would change places.
        while self._ticks and self._ticks[0] <= tick:
            for call in self._calls.pop(heapq.heappop(self._ticks)):
                call()
