"""How long tests wait for what must come: one bound for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

# Seconds; a bound on hanging, not an expectation. A wait ends when its condition holds, so a green run never
# pays for it, and a machine that is ten times as slow as usual does not fail a test.
TIMEOUT = 240.0


async def until(met: Callable[[], Awaitable[object] | object], *, interval: float = 0.01) -> None:
    """Wait until `met` returns something true, or until its coroutine does. Raises TimeoutError."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            result = met()
            if await result if isawaitable(result) else result:
                return
            await asyncio.sleep(interval)
