"""Rooms that are broadcast in slices: here, with more than three members, in four slices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from local.traces.store import walk
from tests.e2e.support.clients import FrameClient, frame_client, plain_client
from tests.e2e.support.engine_with_proxies import (
    HIGH_LIMITS,
    EngineWithProxies,
    changed_template,
    engine_with_proxies,
)
from tests.e2e.support.recording_proxy import Call, Hold, operation
from tests.e2e.support.traces import trace_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


PARAMETERS = {"LargeRoom": "3", "Slices": "4", **HIGH_LIMITS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=PARAMETERS) as proxied:
        yield proxied


@pytest_asyncio.fixture(loop_scope="module")
async def impatient(tmp_path: Path) -> AsyncIterator[EngineWithProxies]:
    """An engine in which a slice resumes sooner after a crash: it waits for the queue's visibility timeout.

    Only for the test that needs it: on a busy machine, a slice with so little time sheds connections.
    """
    quick = {"Timeout: 30": "Timeout: 8", "VisibilityTimeout: 32": "VisibilityTimeout: 9"}
    async with engine_with_proxies(changed_template(tmp_path, quick), parameters=PARAMETERS) as proxied:
        yield proxied


async def join(stack: AsyncExitStack, proxied: EngineWithProxies, room: str, count: int) -> list[FrameClient]:
    return [await stack.enter_async_context(frame_client(proxied.url, room=room)) for _ in range(count)]


def seqs(client: FrameClient) -> list[int]:
    return [message["seq"] for message in client.messages]


async def test_all_members_of_all_slices_receive_everything_in_order(
    proxied: EngineWithProxies, room: str
) -> None:
    async with AsyncExitStack() as stack:
        clients = await join(stack, proxied, room, 12)
        bare = await stack.enter_async_context(plain_client(proxied.url, room=room))
        await asyncio.gather(*(clients[number % 12].send(room, f"message {number}") for number in range(60)))
        for client in clients:
            await client.until(lambda client=client: len(client.messages) >= 60)  # type: ignore[misc]
            assert seqs(client) == list(range(1, 61))
        # A slice whose invocation times out on a busy machine is posted again, in order.
        await bare.until(lambda: len({*bare.received}) >= 60)
        assert [*dict.fromkeys(bare.received)] == [*dict.fromkeys(clients[0].texts)]


async def test_all_members_of_all_slices_receive_changes(proxied: EngineWithProxies, room: str) -> None:
    async with AsyncExitStack() as stack:
        clients = await join(stack, proxied, room, 12)
        bare = await stack.enter_async_context(plain_client(proxied.url, room=room))
        ada = clients[0]
        await ada.send(room, "teh end")
        await ada.send(room, "a secret")
        # Slices post messages as they are: what is changed at once is not posted as it was.
        await bare.until(lambda: "a secret" in bare.received)
        for client in clients:
            await client.until_received("teh end", "a secret")
        changed = {"room": room, "seq": 1}
        await asyncio.gather(
            ada.request(action="edit", message="the end", **changed),
            ada.request(action="delete", room=room, seq=2),
            *(client.request(action="react", reaction="👍", **changed) for client in clients),
        )
        await ada.send(room, "afterwards")
        messages, changes = await ada.history(room, 17)
        assert messages[1]["message"] == "the end" and messages[2]["deleted"]
        assert messages[1]["reactions"][0]["count"] == 12
        assert [change["seq"] for change in changes] == list(range(3, 17))
        for client in clients:
            await client.until_received("afterwards")
            assert sorted(set(client.known_seqs)) == list(range(1, 18))  # a slice may repeat what it posted
            assert client.shown == messages
        await bare.until(lambda: "afterwards" in bare.received)
        assert list(dict.fromkeys(bare.received)) == ["teh end", "a secret", "afterwards"]


async def test_a_room_that_becomes_large_during_messages_loses_and_reorders_nothing(
    proxied: EngineWithProxies, room: str
) -> None:
    async with AsyncExitStack() as stack:
        first, second = await join(stack, proxied, room, 2)

        async def speak(client: FrameClient) -> None:
            for number in range(40):
                await client.send(room, f"{id(client)} {number}")

        speaking = asyncio.gather(speak(first), speak(second))
        await join(stack, proxied, room, 8)
        await speaking
        for client in (first, second):
            await client.until(lambda client=client: len(client.messages) >= 80)  # type: ignore[misc]
            assert seqs(client) == list(range(1, 81))


async def test_a_large_room_that_empties_still_gets_its_messages(
    proxied: EngineWithProxies, room: str
) -> None:
    async with AsyncExitStack() as stack:
        await join(stack, proxied, room, 6)
        (stays,) = await join(stack, proxied, room, 1)
        await stays.send(room, "many")
        await stays.until_received("many")
        alone = await stack.enter_async_context(frame_client(proxied.url, room=room))
        await alone.send(room, "few")
        await alone.until_received("few")
    async with frame_client(proxied.url, room=room) as last:
        await last.send(room, "one")
        await last.until_received("one")
        assert seqs(last)[-1] == 3  # it may have come while the slices were still posting the one before


async def test_a_small_room_does_not_wait_for_a_large_one(proxied: EngineWithProxies, room: str) -> None:
    hold = Hold()
    async with AsyncExitStack() as stack:
        (big, *_) = await join(stack, proxied, room, 6)
        await big.send(room, "makes it large")
        await big.until_received("makes it large")
        small = await stack.enter_async_context(frame_client(proxied.url, room=room + "-small"))
        held = proxied.gateway.before(operation("POST", "held up"), hold, times=10**9)  # retries too
        await big.send(room, "held up")
        await small.send(room + "-small", "at once")
        await small.until_received("at once")
        assert "held up" not in big.texts
        hold.release()
        await big.until_received("held up")
        assert held.hits


async def test_a_slice_whose_function_dies_resumes_and_loses_nothing(
    impatient: EngineWithProxies, room: str
) -> None:
    async def kill(call: Call) -> web.Response:
        await impatient.kill("SliceFunction")
        return web.Response(status=500)  # to a dead caller

    async with AsyncExitStack() as stack:
        clients = await join(stack, impatient, room, 8)
        await clients[0].send(room, "makes it large")
        for client in clients:
            await client.until_received("makes it large")
        died = impatient.gateway.after(operation("POST", room), kill)
        await clients[0].send(room, "through a crash")
        await died.happened.wait()
        await clients[0].send(room, "afterwards")
        for client in clients:
            await client.until_received("through a crash", "afterwards")
            by_seq = {message["seq"]: message["message"] for message in client.messages}
            assert by_seq == {1: "makes it large", 2: "through a crash", 3: "afterwards"}
            firsts = sorted(by_seq, key=seqs(client).index)
            assert firsts == [1, 2, 3]


async def test_a_message_to_a_large_room_has_its_slices_in_its_trace(
    proxied: EngineWithProxies, room: str
) -> None:
    async with AsyncExitStack() as stack:
        clients = await join(stack, proxied, room, 10)
        await clients[0].send(room, "makes it large")
        for client in clients:
            await client.until_received("makes it large")
        await clients[0].send(room, "traced")
        for client in clients:
            await client.until_received("traced")
        (root,) = await trace_of(proxied.engine, room, "Roomcast slice", 4)
    slices = [span for _, span in walk([root]) if span.name == "Roomcast slice"]
    assert {span.document["annotations"]["slice"] for span in slices} == {0, 1, 2, 3}
    assert sum(span.document["annotations"]["recipients"] for span in slices) == 10
