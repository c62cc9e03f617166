"""What a message costs, counted from DynamoDB's own answers and by its rules."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.suites import capacity_units as benchmark
from tests.e2e.support.clients import frame_client, user_of
from tests.e2e.support.engine_with_proxies import changed_template, engine_with_proxies
from tests.e2e.support.read_write_units import Meter, Units
from tests.support.waiting import TIMEOUT

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


async def test_a_mention_takes_a_write_unit_per_user_and_a_notice_reads_its_connections(
    room: str, tmp_path: Path
) -> None:
    late = changed_template(
        tmp_path, {"BatchSize: 1000": "BatchSize: 1000\n      MaximumBatchingWindowInSeconds: 1"}
    )
    async with (
        engine_with_proxies(late, concurrency=1) as proxied,
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room="", client="bob") as phone,
        frame_client(proxied.url, room="", client="bob") as laptop,
    ):
        await phone.request(action="subscribe", room=room)
        devices = (phone, laptop)
        await asyncio.gather(
            *(each.until(lambda each=each: each.of_type("notice") != []) for each in devices)
        )
        meter = Meter(proxied.dynamodb)

        async def units_of(text: str, mentions: list[str]) -> Units:
            seq = (await ada.send(room, text, mentions=mentions))["seq"]
            await ada.until_received(text)
            for device in devices if user_of("bob") in mentions else ():
                await device.until(lambda device=device: device.of_type("notice")[-1]["seq"] == seq)
            # The marks may come after the broadcast. Nothing has to happen until then.
            await asyncio.sleep(1)
            return await meter.take(proxied.engine.services.dynamodb)

        await units_of("warm now", [user_of("bob")])
        without = await units_of("nobody", [])
        strangers = await units_of("strangers", [f"{number:020x}" for number in range(3)])
        bob = await units_of("Bob?", [user_of("bob")])
    assert (strangers.writes, strangers.reads) == (without.writes + 3, without.reads)
    # His item among the users, his two connections and the room's summary are read for the notice.
    assert (bob.writes, bob.reads) == (without.writes + 1, without.reads + 4)


@pytest.mark.parametrize("followed", [False, True], ids=["a room", "a followed room"])
async def test_a_change_takes_at_most_seven_write_units(room: str, tmp_path: Path, followed: bool) -> None:
    late = changed_template(
        tmp_path, {"BatchSize: 1000": "BatchSize: 1000\n      MaximumBatchingWindowInSeconds: 1"}
    )
    changes: dict[str, dict[str, Any]] = {
        "edit": {"action": "edit", "seq": 2, "message": "Hi all"},
        "edit an older message": {"action": "edit", "seq": 1, "message": "Hi all"},
        "react": {"action": "react", "seq": 2, "reaction": "👍"},
        "take the reaction back": {"action": "react", "seq": 2, "reaction": "👍", "on": False},
        "delete": {"action": "delete", "seq": 2},
        "reply": {"action": "send", "reply_to": 1, "message": "So do I"},
        "the next message": {"action": "send", "message": "There you are"},
    }
    counted = await asyncio.to_thread(benchmark.of_changes, followed=followed)
    expected = {kind: counted[kind].writes for kind in changes}
    assert all(writes <= 7 for writes in expected.values())
    async with (
        engine_with_proxies(late, concurrency=1) as proxied,
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room="", client="bob") as bob,
    ):
        if followed:
            await bob.request(action="subscribe", room=room)
        meter = Meter(proxied.dynamodb)
        written = 0.0

        async def until_written(writes: float) -> None:
            """Wait for so many units: the fan-out writes beside and after its posts."""
            nonlocal written
            async with asyncio.timeout(TIMEOUT):
                while written < writes:
                    await asyncio.sleep(0.05)
                    written += (await meter.take(proxied.engine.services.dynamodb)).writes
            written -= writes

        for text in ("warm", "now"):
            await ada.send(room, text)
            await ada.until_received(text)
            await until_written(expected["the next message"])
        for kind, frame in changes.items():
            await ada.request(**frame, room=room)
            await until_written(expected[kind])
            assert written == 0, kind
        await asyncio.sleep(1)  # nothing has to happen any more
        assert (await meter.take(proxied.engine.services.dynamodb)).writes == 0
