"""Calls that are due later."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any, Protocol


class Timers(Protocol):
    """The part of an event loop that Delays needs."""

    def call_later(self, delay: float, callback: Callable[[int], None], tick: int, /) -> Any: ...


class Delays:
    """Call functions when they are due, to a millisecond; those of one millisecond in the order given.

    One timer of the event loop per call would cost more than the rest of a post.
    """

    def __init__(self, timers: Timers, clock: Callable[[], float] = time.monotonic) -> None:
        self._timers = timers
        self._clock = clock
        self._calls: dict[int, list[Callable[[], None]]] = {}  # by tick
        self._ticks: list[int] = []  # a heap

    def call_at(self, due: float, call: Callable[[], None]) -> None:
        """`due` is a time of the clock. The event loop's own time is as old as its last iteration."""
        tick = int(due * 1000) + 1
        calls = self._calls.get(tick)
        if calls is None:
            calls = self._calls[tick] = []
            heapq.heappush(self._ticks, tick)
            self._timers.call_later(max(0.0, tick / 1000 - self._clock()), self._fire, tick)
        calls.append(call)

    def _fire(self, tick: int) -> None:
        # The earlier ticks first: uvloop rounds delays to milliseconds, so a later timer may fire before an
        # earlier one, and two parts of one answer would be swapped.
        while self._ticks and self._ticks[0] <= tick:
            for call in self._calls.pop(heapq.heappop(self._ticks)):
                call()
