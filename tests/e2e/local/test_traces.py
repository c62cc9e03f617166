"""A message has one trace, from the message function to its broadcast."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from local.engine import Engine
from local.traces.store import assemble, walk
from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.traces import is_about, trace_of
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_message_gives_one_trace_with_segments_of_both_functions(engine: Engine, room: str) -> None:
    async with AsyncExitStack() as stack:
        clients: list[FrameClient] = [
            await stack.enter_async_context(frame_client(engine.socket_url, room=room)) for _ in range(5)
        ]
        await clients[0].send(room, "traced")
        for client in clients:
            await client.until_received("traced")
        roots = await trace_of(engine, room, "Roomcast broadcast")
    (root,) = roots
    assert root.name == "MessageFunction"
    (function,) = [child for child in root.children if child.segment]
    (broadcast,) = [span for _, span in walk([function]) if span.name == "Roomcast broadcast"]
    assert broadcast in function.children
    assert broadcast.document["annotations"] == {
        "room": room,
        "coalesced": 1,
        "recipients": 5,
        "delivered": 5,
        "gone": 0,
        "shed": 0,
    }
    assert [child.name for child in broadcast.children] == [
        "wait in stream",
        "repair",
        "read members",
        "post",
    ]
    assert "dynamodb" in {span.name.lower() for _, span in walk([function])}


async def test_the_messages_of_a_run_each_have_their_trace(engine: Engine, room: str) -> None:
    async with frame_client(engine.socket_url, room=room) as ada:
        replies = await asyncio.gather(*(ada.send(room, f"message {number}") for number in range(5)))
        await ada.until_received(*(f"message {number}" for number in range(5)))
        assert len(replies) == 5

        def traces() -> int:
            return sum(
                any(is_about(span, room) for _, span in walk(assemble(documents)))
                for _, documents in engine.traces.newest()
            )

        await until(lambda: traces() >= 5)
        assert traces() == 5
