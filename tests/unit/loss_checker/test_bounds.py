"""A run of the loss checker ends, whatever does not answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.e2e.support.library import Library
from tests.e2e.support.tcp_fault_proxy import TcpFaultProxy, tcp_fault_proxy
from tests.loss_checker.bounds import Bounds, all_within, ended_within
from tests.loss_checker.run import Settings, run

QUICK = Bounds(joining=1, acting=0.1, healing=0.1, ending=0.1)


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Accept connections, and never answer."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/prod"
    server.close()
    server.abort_clients()


class SilentLibrary(Library):
    """Opens clients and lets them join; everything else is never answered."""

    async def request(self, command: str, **fields: Any) -> Any:
        if command not in {"open", "join"}:
            await asyncio.get_running_loop().create_future()


async def test_a_run_ends_although_nothing_is_answered_and_says_what_was_late() -> None:
    settings = Settings(clients=3, rooms=2, seconds=3, bounds=QUICK)
    async with asyncio.timeout(20), silent_server() as url:
        report = await run(SilentLibrary(), url, settings, random.Random(1))
    assert report.counts["sent"] > 0
    assert {"late", "unanswered"} <= {finding.kind for finding in report.findings}


async def test_a_run_that_is_interrupted_ends_at_once_and_tells_its_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(clients=10, rooms=2, seconds=600)
    async with silent_server() as url:
        before = asyncio.all_tasks()
        running = asyncio.create_task(run(SilentLibrary(), url, settings, random.Random(1)))
        await asyncio.sleep(2)
        began = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert time.monotonic() - began < 5
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
    assert "interrupted, nothing is judged" in capsys.readouterr().out


async def test_what_is_late_is_named_and_cancelled() -> None:
    async def quick() -> None:
        pass

    cancelled = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    assert await all_within(0.05, {"the quick": quick(), "the slow": slow()}) == ["the slow"]
    assert cancelled.is_set()


async def test_a_context_that_does_not_end_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    @asynccontextmanager
    async def endless() -> AsyncIterator[str]:
        try:
            yield "entered"
        finally:
            await asyncio.sleep(60)

    async with asyncio.timeout(5), ended_within(0.05, "a test", endless()) as value:
        assert value == "entered"
    assert "the end of a test" in capsys.readouterr().out


async def test_a_proxy_ends_although_a_connection_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a slow machine: the far side answers only when everything has been cut off."""
    held, connecting = asyncio.Event(), asyncio.Event()
    connect = asyncio.open_connection

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def slow(*to: Any) -> Any:
        connecting.set()
        await held.wait()
        return await connect(*to)

    far = await asyncio.start_server(stay, "127.0.0.1", 0)
    async with asyncio.timeout(5):
        async with tcp_fault_proxy(far.sockets[0].getsockname()[1]) as proxy:
            assert isinstance(proxy, TcpFaultProxy)
            monkeypatch.setattr(asyncio, "open_connection", slow)
            _, writer = await connect("127.0.0.1", proxy.port)
            await connecting.wait()
            asyncio.get_running_loop().call_later(0.2, held.set)
    writer.close()
    far.close()
