"""The parts of the engine that must not end before it does."""

from __future__ import annotations

import asyncio

import pytest

from local.errors import LocalError
from local.supervisor import Supervisor, cancel


async def end() -> None:
    pass


async def fail(error: Exception) -> None:
    raise error


async def test_a_part_that_ends_by_itself_is_a_failure_with_its_name() -> None:
    supervisor = Supervisor()
    supervisor.start("Mapping", end())
    with pytest.raises(LocalError, match=r"^Mapping has stopped working"):
        await supervisor.broken()


async def test_the_line_of_a_local_error_is_the_failure() -> None:
    supervisor = Supervisor()
    supervisor.start("Mapping", fail(LocalError("ministack has ended")))
    with pytest.raises(LocalError, match=r"^ministack has ended$"):
        await supervisor.broken()


async def test_the_first_failure_is_kept() -> None:
    supervisor = Supervisor()
    first = supervisor.start("First", fail(LocalError("first")))
    await asyncio.wait([first])
    await asyncio.wait([supervisor.start("Second", fail(LocalError("second")))])
    with pytest.raises(LocalError, match="first"):
        await supervisor.broken()


async def test_a_cancelled_part_is_not_a_failure() -> None:
    supervisor = Supervisor()
    await cancel(supervisor.start("Mapping", asyncio.Event().wait()))  # type: ignore[arg-type]
    supervisor.start("Other", fail(LocalError("other")))
    with pytest.raises(LocalError, match="other"):
        await supervisor.broken()
