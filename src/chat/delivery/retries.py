"""Repeat calls of boto3 that fail, and make several at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_WAITS = (0.5, 1.0)  # seconds at most before each further try of a call that boto3 has given up


async def with_retries[**P, R](call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Make a call of boto3, and repeat it after a moment if it fails.

    A failed run makes the stream repeat everything after it, other rooms' messages too.
    """
    for wait in _WAITS:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except (BotoCoreError, ClientError, TimeoutError):
            await asyncio.sleep(random.uniform(0, wait))
    return await asyncio.to_thread(call, *args, **kwargs)


async def to_the_end(*awaitables: Awaitable[Any]) -> list[Any]:
    """Await all of these at once and return their results. Raises the first error when all have ended."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
