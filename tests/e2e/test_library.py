"""The client library, web/roomcast.js, against the real functions on the local engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from local.aws_defaults import Limits
from local.engine import Engine
from local.net.ports import free_port
from tests.e2e.support.clients import plain
from tests.e2e.support.library import Library, Tab, needs_node

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]

TEMPLATE = Path(__file__).parent.parent.parent / "template.yaml"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


async def test_plain_clients_and_the_librarys_hear_each_other(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    general = await ada.join(room)
    async with plain(engine.socket_url, room=room) as bare:
        await bare.speak("from the bare one")
        await general.until(seq=1)
        receipt = await general.send("from Ada")
        await bare.hears("from the bare one", "from Ada")
        await general.until(seq=2)
    visit = await general.visit()
    assert (visit.seqs, visit.texts) == ([1, 2], ["from the bare one", "from Ada"])
    assert receipt["seq"] == 2
    await ada.close()


@pytest.mark.timeout(180)
async def test_over_several_hand_overs_nothing_is_missed_or_doubled(library: Library, room: str) -> None:
    # API Gateway's two hours in eight seconds.
    async with Engine(TEMPLATE, limits=Limits(duration=8)) as engine:
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
            visit = await member.visit()
            assert visit.texts == texts
            assert visit.seqs == sorted(set(visit.seqs))
            assert visit.gaps == []
        for client in clients:
            tab = await client.tab()
            assert hand_overs(tab) >= 3
            assert "reconnecting" not in tab.states
            await client.close()


def hand_overs(tab: Tab) -> int:
    """How many sockets were closed, each after the next one had joined."""
    stories = [dict(reversed(story)) for story in tab.sockets]  # when each thing happened first
    closed = [(old, new) for old, new in pairwise(stories) if "closing" in old]
    assert all(new["joined"] < old["closing"] for old, new in closed)
    return len(closed)


@pytest.mark.timeout(240)
async def test_five_hundred_clients_return_at_once_after_a_restart_and_have_missed_nothing(
    library: Library, room: str, tmp_path: Path
) -> None:
    port = free_port()
    # For 500 what AWS's 500 a second are for a crowd of 1,250: many are refused at first.
    quota = Limits(connect_rate=200, connect_burst=200)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Engine(TEMPLATE, port=port, data=tmp_path / "data"))
        url = f"ws://127.0.0.1:{port}/prod"
        clients = [await library.open(f"client {number}", url, fresh=True) for number in range(500)]
        rooms = await asyncio.gather(*(client.join(room, history=0) for client in clients))
        await rooms[0].send("before")
        await asyncio.gather(*(member.until(seq=1) for member in rooms))
        await stack.aclose()
        texts = [f"said meanwhile {number}" for number in range(20)]
        sending = [asyncio.create_task(member.send(text)) for member, text in zip(rooms, texts, strict=False)]
        restarted = time.time()
        engine = await stack.enter_async_context(
            Engine(TEMPLATE, port=port, data=tmp_path / "data", limits=quota)
        )
        last = max([receipt["seq"] for receipt in await asyncio.gather(*sending)])
        await asyncio.gather(*(member.until(seq=last) for member in rooms))
        visits = await asyncio.gather(*(member.visit() for member in rooms))
        assert sorted(visits[0].texts) == sorted(["before", *texts])
        assert visits[0].seqs == sorted(set(visits[0].seqs))
        assert all(visit.heard == visits[0].heard and visit.gaps == [] for visit in visits)
        moments = await connected_since(engine, restarted)
        assert len(moments) >= 500
        print(
            f"{len(moments)} back within {moments[-1] - moments[0]:.1f} s, {most_in_a_second(moments)} in one"
        )
        assert most_in_a_second(moments) <= quota.connect_rate + quota.connect_burst
        await asyncio.gather(*(client.close() for client in clients))


async def connected_since(engine: Engine, moment: float) -> list[float]:
    """When those that are connected did so, in seconds."""
    page = await engine.services.dynamodb(
        "Scan", {"TableName": engine.stack.tables["ConnectionsTable"].name, "ConsistentRead": True}
    )
    assert "LastEvaluatedKey" not in page
    connections = [item for item in page["Items"] if item["sk"]["S"] == "CONN"]
    times = [int(item["connected_at"]["N"]) / 1000 for item in connections]
    return sorted(connected for connected in times if connected >= moment)


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(first <= other < first + 1 for other in moments) for first in moments)
