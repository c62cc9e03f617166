"""An event loop in virtual time: when nothing is left to run, it moves its clock to the next timer.

An hour of waiting takes no time, and a run has the same times however busy the machine is. It is for code
that waits only for timers and for itself: sockets are never ready here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


class Stuck(Exception):
    """A deadlock: every task waits, and no timer is set."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at 0. Work for threads runs at once, in this thread."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_ClockSelector(self._advance))

    def time(self) -> float:
        return self._now

    def run_in_executor[T](  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Do nothing: there is no executor."""

    def _advance(self, seconds: float | None) -> None:
        if seconds is None:
            raise Stuck
        self._now += seconds


class _ClockSelector(selectors.SelectSelector):
    """Advances the clock by the time that the loop would have waited for a socket."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._wait(timeout)
        return []
