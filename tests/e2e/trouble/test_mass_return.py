"""Many clients lose the engine and return at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from local.aws_defaults import Limits
from local.engine import Engine
from tests.e2e.support.library import Library, needs_node
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]

INSTANCES = 4  # of each function: a burst that starts dozens of them measures how fast processes start


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


async def test_five_hundred_clients_return_at_once_after_a_restart_and_have_lost_nothing(
    library: Library, room: str, tmp_path: Path
) -> None:
    port = free_port()
    # For 500 clients what AWS's 500 per second are for 1,250: many are rejected at first.
    quota = Limits(connect_rate=200, connect_burst=200)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            LoggedEngine(port=port, data=tmp_path / "data", concurrency=INSTANCES)
        )
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
            LoggedEngine(port=port, data=tmp_path / "data", limits=quota, concurrency=INSTANCES)
        )
        last = max([receipt["seq"] for receipt in await asyncio.gather(*sending)])
        await asyncio.gather(*(member.until(seq=last) for member in rooms))
        all_events = await asyncio.gather(*(member.events() for member in rooms))
        first = all_events[0]
        assert sorted(first.texts) == sorted(["before", *texts])
        assert first.seqs == sorted(set(first.seqs))
        assert all(events.messages == first.messages and events.gaps == [] for events in all_events)
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
