"""Files that are open, and those that an event loop watches: what is closed leaves none."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.waiting import until


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def watched_files() -> int:
    """Return how many files the event loop watches."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    return len(selector.get_map())


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Wait at the end until no more files are open and watched than at the start."""
    await asyncio.get_running_loop().run_in_executor(None, int)  # a thread, before files are counted
    files, watched = open_files(), watched_files()
    yield
    await until(lambda: (open_files(), watched_files()) == (files, watched))
