"""An event loop whose time is virtual: with nothing left to do now, it is at once the time of the next timer.

So an hour of waiting passes in no time, and a run takes the same time whatever else the machine does. For
code that waits for timers and for itself; sockets are never ready here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


class Stuck(Exception):
    """Everything waits, and nothing will ever come: a deadlock."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0. Work for threads is done at once, in this one."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Leap(self._pass))

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
        """There is none."""

    def _pass(self, seconds: float | None) -> None:
        if seconds is None:
            raise Stuck
        self._now += seconds


class _Leap(selectors.SelectSelector):
    """Instead of waiting for a socket, lets the time pass that the loop would have waited."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._wait(timeout)
        return []
