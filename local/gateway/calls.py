"""The gateway's calls of functions, with the time-out of an integration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from local.invocation import Invoke, Result

log = logging.getLogger(__name__)


class Calls:
    """Calls functions through `invoke`, each for `max_timeout` seconds at most."""

    def __init__(self, invoke: Invoke, max_timeout: float) -> None:
        self._invoke = invoke
        self._max_timeout = max_timeout
        self._tasks: set[asyncio.Task[Any]] = set()  # the event loop itself holds no reference to a task

    async def call(self, function: str, event: dict[str, Any], timeout: float) -> Result | None:
        """Return the function's result. None after the time-out, although the function runs on, as on AWS."""
        call = self.spawn(self._call(function, event))
        await asyncio.wait({call}, timeout=min(timeout, self._max_timeout))
        return call.result() if call.done() else None

    def spawn[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work of the gateway as a task that `drain` waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, timeout: float) -> None:
        """Wait for all tasks, those that they start too; cancel the rest after `timeout` seconds."""
        deadline = asyncio.get_running_loop().time() + timeout
        while self._tasks and (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=remaining)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _call(self, function: str, event: dict[str, Any]) -> Result:
        try:
            return await self._invoke(function, event)
        except Exception:  # a bug of the engine: without a result the client would wait for the time-out
            log.exception("could not call %s", function)
            return Result(b"null", "Unhandled")
