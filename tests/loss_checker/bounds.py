"""How long anything may take: a run ends, whatever does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds for each part of a run, beside the time of its faults."""

    joining: float = 180.0  # until every participant has joined its rooms
    acting: float = 60.0  # for actions that have begun when the faults end
    healing: float = 180.0  # for all steps of the recovery together
    ending: float = 30.0  # to read the tables, or to close the clients


class Deadline:
    """A moment that several steps share."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())


async def all_within(seconds: float, work: Mapping[str, Coroutine[Any, Any, None]]) -> list[str]:
    """Wait for all; return what is late, which is cancelled. Raises what the work raises."""
    tasks = {asyncio.create_task(coroutine): what for what, coroutine in work.items()}
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        late = [what for task, what in tasks.items() if not task.done()]
        for what in late:
            print(f"late after {seconds:.0f} s: {what}", flush=True)
        return late
    finally:
        await cancel(tasks)


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended, a second at most."""
    if running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=1)


@asynccontextmanager
async def ended_within[T](
    seconds: float, what: str, context: AbstractAsyncContextManager[T]
) -> AsyncIterator[T]:
    """Enter a context; leave it within a time, after which its end is given up."""
    value = await context.__aenter__()
    try:
        yield value
    finally:
        try:
            async with asyncio.timeout(seconds):
                await context.__aexit__(None, None, None)
        except TimeoutError:
            print(f"late after {seconds:.0f} s: the end of {what}", flush=True)
