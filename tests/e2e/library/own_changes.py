"""What a user of the library writes, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.e2e.support.library import LibraryRoom, Rejected
from tests.support.waiting import until


async def all_pending(room: LibraryRoom) -> list[str]:
    """Return the ids of the user's messages and changes that wait."""
    events = await room.events()
    return [*events.pending, *(change["id"] for change in events.pending_changes)]


async def waiting(room: LibraryRoom, *writing: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Write messages and changes while offline, each when the one before it waits."""
    tasks = []
    for count, each in enumerate(writing, len(await all_pending(room)) + 1):
        tasks.append(asyncio.create_task(each))

        async def is_pending(count: int = count) -> bool:
            return len(await all_pending(room)) == count

        await until(is_pending)
    return tasks


async def rejected_with(code: str, change: Any) -> None:
    with pytest.raises(Rejected) as rejected:
        await change
    assert rejected.value.code == code
