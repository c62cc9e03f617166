"""ministack on the engine's own HTTP server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from local.services.client import ServiceError, ServicesClient
from local.services.ministack import Ministack
from local.services.provision import provision
from local.stack import Queue
from tests.support.local.services import a_stack, a_table, emptied_services, running_services

ROWS = a_table()
QUEUE = Queue(name="Waiting", attributes={})
STACK = a_stack(tables=(ROWS,), queues=(QUEUE,))


async def test_a_batch_may_be_larger_than_what_a_function_can_get(ministack_url: str) -> None:
    rows = [{"pk": {"S": str(number)}, "text": {"S": "x" * 390_000}} for number in range(25)]
    async with emptied_services(ministack_url, STACK) as services:
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        answer = await services.dynamodb("BatchWriteItem", {"RequestItems": {"Rows": puts}})
    assert answer["UnprocessedItems"] == {}


async def test_who_waits_for_a_message_keeps_nobody_waiting(ministack_url: str) -> None:
    async with emptied_services(ministack_url, STACK) as services:
        url = services.queue_url(QUEUE)
        wait = {"QueueUrl": url, "WaitTimeSeconds": 20}
        waiting = asyncio.create_task(services.sqs("ReceiveMessage", wait))
        await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": "meanwhile"}}})
        assert not waiting.done()
        await services.sqs("SendMessage", {"QueueUrl": url, "MessageBody": "it came"})
        (message,) = (await waiting)["Messages"]
    assert message["Body"] == "it came"


async def test_it_saves_and_ends_also_while_a_client_waits(tmp_path: Path) -> None:
    async with Ministack(data=tmp_path) as ministack, ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        wait = {"QueueUrl": services.queue_url(QUEUE), "WaitTimeSeconds": 20}
        waiting = asyncio.create_task(services.sqs("ReceiveMessage", wait))
        await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": "kept"}}})
        await ministack.stop()
        with pytest.raises(ServiceError):
            await waiting
    async with running_services(STACK, data=tmp_path) as services:
        assert (await services.dynamodb("Scan", {"TableName": "Rows"}))["Count"] == 1
