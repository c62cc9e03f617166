"""When the local engine polls next, and the delays after failures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

IDLE_INTERVAL = 0.25  # seconds between reads that nothing has asked for

# AWS publishes no delays between the tries of a failed batch. With these, a function that was just fixed runs
# again soon, and a broken one does not keep the machine busy.
FIRST_RETRY = 0.1  # seconds
LAST_RETRY = 30.0  # seconds


def backoff(failures: int) -> float:
    """Return the seconds to wait after that many failures in a row: doubling from 0.1 up to 30."""
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


class Outage:
    """Failures in a row of one operation: logged when they begin and when they end."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._failures = 0

    def failed(self, error: Exception) -> int:
        """Count a failure and return the number of failures in a row."""
        self._failures += 1
        if self._failures == 1:
            log.warning("%s failed, retrying: %s: %s", self._operation, type(error).__name__, error)
        return self._failures

    def recovered(self) -> None:
        if self._failures:
            log.info("%s works again after %d failures", self._operation, self._failures)
            self._failures = 0
