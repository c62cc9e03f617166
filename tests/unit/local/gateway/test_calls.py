"""The gateway's calls of functions."""

from __future__ import annotations

import asyncio
from typing import Any

from local.gateway.calls import Calls
from local.invocation import Result


async def test_a_call_returns_the_functions_result() -> None:
    async def invoke(name: str, event: dict[str, Any]) -> Result:
        return Result(name.encode())

    assert await Calls(invoke, 1).call("Say", {}, 1) == Result(b"Say")


async def test_a_call_that_takes_too_long_has_no_result_and_runs_on() -> None:
    release, ended = asyncio.Event(), asyncio.Event()

    async def invoke(name: str, event: dict[str, Any]) -> Result:
        await release.wait()
        ended.set()
        return Result(b"null")

    calls = Calls(invoke, 10)
    assert await calls.call("Say", {}, 0) is None
    release.set()
    await ended.wait()


async def test_an_exception_of_the_engine_is_an_error_result() -> None:
    async def invoke(name: str, event: dict[str, Any]) -> Result:
        raise ZeroDivisionError

    assert await Calls(invoke, 1).call("Say", {}, 1) == Result(b"null", "Unhandled")


async def test_drain_cancels_calls_that_do_not_end() -> None:
    cancelled = asyncio.Event()

    async def invoke(name: str, event: dict[str, Any]) -> Result:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    calls = Calls(invoke, 10)
    await calls.call("Say", {}, 0)
    await calls.drain(0.01)
    assert cancelled.is_set()
