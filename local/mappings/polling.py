"""How often the local engine asks again: a poller's pace, and the waits after failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from local.aws_defaults import STREAM_POLL_INTERVAL

log = logging.getLogger(__name__)

BUSY_INTERVAL = 0.002  # seconds: a write is seen within a few milliseconds
BUSY_FOR = 0.05  # seconds after a hint or a record
IDLE_INTERVAL = 0.25  # seconds: four reads a second cost well under 2% of a core

# AWS publishes no waits between the tries of a failed batch. These let someone who has just repaired a
# function see it run again soon, and a broken one not keep the machine busy.
FIRST_RETRY = 0.1  # seconds
LAST_RETRY = 30.0  # seconds


def backoff(failures: int) -> float:
    """Seconds to wait after that many failures in a row: doubling from 0.1 up to 30."""
    return min(FIRST_RETRY * 2.0 ** min(failures - 1, 30), LAST_RETRY)


async def pause(sleep: Callable[[float], Awaitable[None]], seconds: float, cut_short: asyncio.Event) -> None:
    """Sleep that long, or until the event is set."""
    if cut_short.is_set():
        return
    waits = [asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(cut_short.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


class Pace:
    """When to read a shard next: often while something happens, then ever slower down to four times a second.

    With `steady` always four times a second, as AWS does.
    """

    def __init__(self, *, steady: bool = False) -> None:
        self._steady = steady
        self._busy_until = float("-inf")
        self._interval = IDLE_INTERVAL

    def hurry(self, now: float) -> None:
        """Something was written, or probably was."""
        self._busy_until = now + BUSY_FOR

    def interval(self, now: float, took: float) -> float:
        """Seconds until the next read, after one that took that long.

        A slow source is left alone for as long as it worked: polling never takes more than half of it.
        """
        if self._steady:
            return STREAM_POLL_INTERVAL
        if now < self._busy_until:
            self._interval = BUSY_INTERVAL
        else:
            self._interval = min(self._interval * 2, IDLE_INTERVAL)
        return max(self._interval, min(took, IDLE_INTERVAL))


class Outage:
    """Failures in a row of one thing that should answer: logged when they begin and when they end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._failures = 0

    def goes_on(self, error: Exception) -> int:
        """Count a failure; returns how many there have been."""
        self._failures += 1
        if self._failures == 1:
            log.warning("%s failed, trying on: %s: %s", self._what, type(error).__name__, error)
        return self._failures

    def is_over(self) -> None:
        if self._failures:
            log.info("%s works again after %d failures", self._what, self._failures)
            self._failures = 0
