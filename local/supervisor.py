"""Runs the parts of the engine that must not end before it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from local.errors import LocalError

log = logging.getLogger(__name__)


class Supervisor:
    """Runs parts as tasks. The first part that ends by itself is the failure that `broken` raises."""

    def __init__(self) -> None:
        self._broken = asyncio.Event()
        self._failure: LocalError | None = None

    def start(self, name: str, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(part)
        task.add_done_callback(partial(self._ended, name))
        return task

    async def broken(self) -> None:
        """Wait until a part has ended by itself. Raises LocalError that names the part."""
        await self._broken.wait()
        assert self._failure is not None
        raise self._failure

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if not isinstance(error, LocalError):  # the line of a LocalError says everything
            log.error("%s has ended by itself", name, exc_info=error)
            error = LocalError(f"{name} has stopped working, so the engine stops: {_cause(error)!r}")
        self._failure = self._failure or error
        self._broken.set()


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _cause(error: BaseException | None) -> BaseException | None:
    """Return the first exception inside a task group's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
