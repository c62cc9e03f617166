"""What a message costs, counted from DynamoDB's own answers and by its rules."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench.suites import capacity_units as benchmark
from tests.e2e.support.clients import frame_client
from tests.e2e.support.engine_with_proxies import changed_template, engine_with_proxies
from tests.e2e.support.read_write_units import Meter

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEMBERS, MESSAGES = 5, 5
TEXT = "x" * 500  # with what is stored beside it, a kilobyte at most


async def test_a_message_of_a_kilobyte_takes_at_most_five_write_and_four_read_units(
    room: str, tmp_path: Path
) -> None:
    # The fan-out comes when all is written, however slow this machine: else it would write what is missing.
    late = changed_template(
        tmp_path, {"BatchSize: 1000": "BatchSize: 1000\n      MaximumBatchingWindowInSeconds: 1"}
    )
    # One instance per function: a second one would begin with reads of its own.
    async with engine_with_proxies(late, concurrency=1) as proxied, AsyncExitStack() as stack:
        members = [
            await stack.enter_async_context(frame_client(proxied.url, room=room)) for _ in range(MEMBERS)
        ]
        sender = members[0]
        await sender.send(room, "warm now")
        await asyncio.gather(*(member.until_received("warm now") for member in members))
        meter = Meter(proxied.dynamodb)
        for number in range(MESSAGES):  # each by itself: nothing is saved by broadcasting several together
            text = f"{number}{TEXT}"
            await sender.send(room, text)
            await asyncio.gather(*(member.until_received(text) for member in members))
        units = await meter.take(proxied.engine.services.dynamodb)
        for row in await proxied.rows(room):
            assert len(str(row)) < 1024
    writes, reads = units.writes / MESSAGES, units.reads / MESSAGES
    print(f"{writes} write and {reads} read units a message")
    assert 0 < writes <= 5
    assert 0 < reads <= 4
    # The benchmark counts the same calls in its own way, from the sizes that DynamoDB's documents define.
    counted = benchmark.of_message()
    assert writes == counted.sending.writes + counted.repair.writes
    assert reads == counted.sending.reads + counted.repair.reads + benchmark.of_members(MEMBERS)
