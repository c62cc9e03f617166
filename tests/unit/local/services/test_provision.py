"""The stack's tables and queues, created in ministack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.services.client import ServicesClient
from local.services.provision import provision
from local.stack import Queue
from tests.support.local.services import a_stack, a_table, emptied_services, running_services

ROWS = a_table(ttl="gone_at", stream=True)
FAILURES = Queue(name="Failures", attributes={"VisibilityTimeout": "7", "SqsManagedSseEnabled": "true"})
STACK = a_stack(tables=(ROWS,), queues=(FAILURES,))


@pytest.fixture
async def services(ministack_url: str) -> AsyncIterator[ServicesClient]:
    async with emptied_services(ministack_url, STACK) as services:
        yield services


async def put(services: ServicesClient, key: str) -> None:
    await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})


async def count(services: ServicesClient) -> int:
    scanned = await services.dynamodb("Scan", {"TableName": "Rows"})
    return int(scanned["Count"])


async def test_tables_are_created_with_stream_and_time_to_live(services: ServicesClient) -> None:
    described = (await services.dynamodb("DescribeTable", {"TableName": "Rows"}))["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    ttl = await services.dynamodb("DescribeTimeToLive", {"TableName": "Rows"})
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "gone_at"


async def test_queues_are_created_with_their_attributes(services: ServicesClient) -> None:
    url = services.queue_url(FAILURES)
    found = await services.sqs("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]})
    assert found["Attributes"]["VisibilityTimeout"] == "7"
    await services.sqs("SendMessage", {"QueueUrl": url, "MessageBody": "given up"})
    (message,) = (await services.sqs("ReceiveMessage", {"QueueUrl": url}))["Messages"]
    assert message["Body"] == "given up"


async def test_a_table_that_exists_keeps_its_rows(services: ServicesClient) -> None:
    await put(services, "kept")
    await provision(services, STACK)
    assert await count(services) == 1


async def test_a_data_folder_keeps_rows_over_a_restart(tmp_path: Path) -> None:
    async with running_services(STACK, data=tmp_path / "data") as services:
        await put(services, "kept")
    async with running_services(STACK, data=tmp_path / "data") as services:
        assert await count(services) == 1
