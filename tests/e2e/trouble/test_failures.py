"""Dead sockets, early broadcasts, failing fan-outs and slow functions disturb nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from tests.e2e.support.clients import frame_client, plain_client
from tests.e2e.support.engine_with_proxies import (
    HIGH_LIMITS,
    EngineWithProxies,
    changed_template,
    engine_with_proxies,
)
from tests.e2e.support.recording_proxy import Call, operation, unavailable, writes
from tests.support.waiting import TIMEOUT, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGE = {
    "M": {"id": {"S": "r"}, "user": {"S": "u"}, "name": {"S": "n"}, "message": {"S": "m"}, "at": {"S": "t"}}
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


async def test_a_killed_tab_is_pruned_by_the_next_broadcast_and_the_others_receive_it(
    proxied: EngineWithProxies, room: str
) -> None:
    async def lost(call: Call) -> web.Response:
        return web.json_response({"__type": "AccessDeniedException", "message": "lost"}, status=400)

    async def is_forgotten(connection_id: str) -> bool:
        return not [row for row in await proxied.connections() if connection_id in row]

    async with (
        plain_client(proxied.url, room=room) as ada,
        plain_client(proxied.url, room=[room, room + "-2"]) as killed,
    ):
        (row,) = [row for row in await proxied.connections() if row.startswith(f"ROOM#{room}-2 ")]
        connection_id = row.split()[1][4:]
        # $disconnect is best effort: this one fails, and the rows stay.
        failed = proxied.dynamodb.before(operation("DeleteItem", f"CONN#{connection_id}"), lost)
        # So old that its 410 cannot mean that it is not open yet.
        for key in [row for row in await proxied.connections() if connection_id in row]:
            pk, sk = key.split()
            await proxied.engine.services.dynamodb(
                "UpdateItem",
                {
                    "TableName": proxied.engine.stack.tables["ConnectionsTable"].name,
                    "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
                    "UpdateExpression": "SET connected_at = :old",
                    "ExpressionAttributeValues": {":old": {"N": "1000"}},
                },
            )
        await killed.abort()
        await failed.happened.wait()
        assert len([row for row in await proxied.connections() if connection_id in row]) == 3
        await ada.send_text("is anybody there?")
        await ada.receives("is anybody there?")
        await until(lambda: is_forgotten(connection_id))


async def test_a_broadcast_before_connect_has_returned_does_not_prune(
    proxied: EngineWithProxies, room: str
) -> None:
    stored, posted = asyncio.Event(), asyncio.Event()
    posts = 0

    async def hold(call: Call) -> None:
        stored.set()
        await posted.wait()

    async def count(call: Call) -> None:
        nonlocal posts
        posts += 1
        if posts == 3:  # Ada's, and two tries at the socket that is not open yet
            posted.set()

    async def connect_early() -> None:
        async with frame_client(proxied.url, room=room) as grace:
            await ada.send(room, "in time")
            await grace.until_received("in time")

    async with frame_client(proxied.url, room=room) as ada:
        proxied.dynamodb.after(operation("TransactWriteItems", f"ROOM#{room}"), hold)
        early = asyncio.create_task(connect_early())
        await stored.wait()
        proxied.gateway.after(operation("POST", room), count, times=3)
        await ada.send(room, "too early")
        await early
        assert posts == 3


async def test_a_fan_out_that_raises_is_retried_and_later_messages_arrive(
    proxied: EngineWithProxies, room: str
) -> None:
    async with (
        frame_client(proxied.url, room=room) as ada,
        frame_client(proxied.url, room=room + "-2") as grace,
    ):
        failed = proxied.dynamodb.before(operation("Query", f"ROOM#{room}"), unavailable, times=2)
        await ada.send(room, "one")
        await ada.send(room, "two")
        await grace.send(room + "-2", "elsewhere")
        await failed.happened.wait()
        await asyncio.gather(ada.until_received("one", "two"), grace.until_received("elsewhere"))
        assert [message["seq"] for message in ada.messages] == [1, 2]


async def test_a_fan_out_that_times_out_is_killed_and_retried(tmp_path: Path, room: str) -> None:
    async def hang(call: Call) -> None:
        await asyncio.sleep(TIMEOUT)  # longer than it can wait

    async with (
        engine_with_proxies(
            changed_template(tmp_path, {"Timeout: 120": "Timeout: 6"}), parameters=HIGH_LIMITS
        ) as proxied,
        frame_client(proxied.url, room=room) as ada,
    ):
        hung = proxied.dynamodb.before(operation("BatchGetItem", room), hang)
        await ada.send(room, "one")
        await ada.send(room, "two")
        await ada.until_received("one", "two")
        assert hung.hits == 1
        assert [message["seq"] for message in ada.messages] == [1, 2]


async def test_a_poison_row_ends_in_the_failures_queue_and_later_messages_arrive(
    proxied: EngineWithProxies, room: str
) -> None:
    before = len(await proxied.failures())

    async def has_failed() -> bool:
        return len(await proxied.failures()) != before

    async with frame_client(proxied.url, room=room) as ada:
        await ada.send(room, "before")
        await ada.until_received("before")  # its broadcast reads the head
        await proxied.put_head(room, {"seq": {"N": "2"}, "last": {"S": "not a message"}})
        await ada.send(room, "after")
        await ada.until_received("before", "after")
        await until(has_failed)
        pointer = json.loads((await proxied.failures())[-1])
        assert pointer["DDBStreamBatchInfo"]["batchSize"] == 1
        assert pointer["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert "not a message" not in json.dumps(pointer)
        assert (await ada.send(room, "the end"))["status"] == "ok"
        await ada.until_received("the end")


async def test_functions_run_at_once_for_one_connection_and_for_many(
    proxied: EngineWithProxies, room: str
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(frame_client(proxied.url, room=room + "-warm")) for _ in range(4)
        ]
        # One instance more each time: to start three at once takes longer than a held call waits.
        for number in (2, 3, 4):
            hold_until_all_arrive(proxied, room, number)
            await asyncio.gather(*(client.send(room + "-warm", "Hi") for client in clients[:number]))
    async with frame_client(proxied.url, room=room) as ada, frame_client(proxied.url, room=room) as grace:
        hold_until_all_arrive(proxied, room, 4)
        replies = await asyncio.gather(
            ada.send(room, "one"), ada.send(room, "two"), grace.send(room, "three"), grace.send(room, "four")
        )
        assert sorted(reply["seq"] for reply in replies) == [1, 2, 3, 4]
        await asyncio.gather(
            *(client.until_received("one", "two", "three", "four") for client in (ada, grace))
        )


def hold_until_all_arrive(proxied: EngineWithProxies, room: str, number: int) -> None:
    """Hold so many calls until all of them are there: run one after another, the first would never end."""
    arrived, released = 0, asyncio.Event()

    async def hold(call: Call) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == number:
            released.set()
        await released.wait()

    proxied.dynamodb.before(lambda call: writes("CONN#")(call) and room in call.text, hold, times=number)
