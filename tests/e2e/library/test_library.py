"""The client library, web/roomcast.js, against the real functions on the local engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from local.aws_defaults import Limits
from local.engine import Engine
from tests.e2e.support.clients import frame_client, plain_client
from tests.e2e.support.library import ConnectionLog, Library, needs_node
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


async def test_plain_clients_and_the_librarys_receive_each_others_messages(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    general = await ada.join(room)
    async with plain_client(engine.socket_url, room=room) as bare:
        await bare.send_text("from the bare one")
        await general.until(seq=1)
        receipt = await general.send("from Ada")
        await bare.receives("from the bare one", "from Ada")
        await general.until(seq=2)
    events = await general.events()
    assert (events.seqs, events.texts) == ([1, 2], ["from the bare one", "from Ada"])
    assert receipt["seq"] == 2
    await ada.close()


async def test_nothing_is_lost_or_repeated_over_several_handovers(library: Library, room: str) -> None:
    # API Gateway's two hours in eight seconds.
    async with LoggedEngine(limits=Limits(duration=8)) as engine:
        clients = [
            await library.open(name, engine.socket_url, fresh=True, lifetime=4_000)
            for name in ("Ada", "Grace", "Edsger")
        ]
        rooms = [await client.join(room) for client in clients]
        texts: list[str] = []
        end = time.monotonic() + 20
        while time.monotonic() < end:
            texts.append(f"message {len(texts)}")
            last = (await rooms[len(texts) % 3].send(texts[-1]))["seq"]
            await asyncio.sleep(0.05)
        for member in rooms:
            await member.until(seq=last)
            events = await member.events()
            assert events.texts == texts
            assert events.seqs == sorted(set(events.seqs))
            assert events.gaps == []
        for client in clients:
            log = await client.connection_log()
            assert handovers(log) >= 3
            assert "reconnecting" not in log.states
            await client.close()


def handovers(log: ConnectionLog) -> int:
    """Count the sockets that were closed, each after the next one had joined."""
    stories = [dict(reversed(story)) for story in log.sockets]  # when each thing happened first
    closed = [(old, new) for old, new in pairwise(stories) if "closing" in old]
    assert all(new["joined"] < old["closing"] for old, new in closed)
    return len(closed)


async def test_a_new_log_that_has_overtaken_a_client_is_read_from_its_beginning(
    library: Library, room: str
) -> None:
    port = free_port()
    async with LoggedEngine(port=port) as engine:  # in memory
        ada = await library.open("Ada", engine.socket_url, fresh=True)
        general = await ada.join(room)
        for text in ("old 1", "old 2", "old 3"):
            await general.send(text)
        await general.until(seq=3)
        await ada.dispatch("offline")
    async with LoggedEngine(port=port) as engine:
        new = [f"new {number}" for number in range(1, 6)]
        async with frame_client(engine.socket_url, room=room) as bob:
            for text in new:
                await bob.send(room, text)
            await ada.dispatch("online")
            await general.until(count=8)
        events = await general.events()
        assert events.texts == ["old 1", "old 2", "old 3", *new]
        assert events.seqs == [1, 2, 3, 1, 2, 3, 4, 5]
        assert (events.resets, events.gaps) == (1, [])
        await ada.close()


async def test_a_throttled_client_of_many_rooms_joins_all_of_them_with_few_frames(
    library: Library, room: str
) -> None:
    async with LoggedEngine(parameters={"ThrottleRate": "10", "ThrottleBurst": "10"}) as engine:
        ada = await library.open("Ada", engine.socket_url, fresh=True)
        names = [f"{room}-{number}" for number in range(30)]
        await asyncio.gather(*(ada.join(name) for name in names))
        log = await ada.connection_log()
        assert len(log.sockets) == 1
        assert log.frames <= 3 * len(names)
        await ada.close()
