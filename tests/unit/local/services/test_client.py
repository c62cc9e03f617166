"""The client of DynamoDB, its streams and SQS, on a real ministack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from local.services.client import ServiceError, ServicesClient, ServiceStream
from tests.support.local.services import a_stack, a_table, emptied_services

ROWS = a_table(ttl="gone_at", stream=True)
STACK = a_stack(tables=(ROWS,))


@pytest.fixture
async def services(ministack_url: str) -> AsyncIterator[ServicesClient]:
    async with emptied_services(ministack_url, STACK) as services:
        yield services


async def put(services: ServicesClient, key: str) -> None:
    await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})


async def keys(stream: ServiceStream, iterator: str) -> list[str]:
    records, _ = await stream.records(iterator, 100)
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


async def test_an_error_has_awss_code(services: ServicesClient) -> None:
    with pytest.raises(ServiceError) as caught:
        await services.dynamodb("Scan", {"TableName": "Nowhere"})
    assert caught.value.code == "ResourceNotFoundException"
    request: dict[str, Any] = {
        "TableName": "Rows",
        "Item": {"pk": {"S": "a"}},
        "ConditionExpression": "attribute_exists(pk)",
    }
    with pytest.raises(ServiceError) as caught:
        await services.dynamodb("PutItem", request)
    assert caught.value.code == "ConditionalCheckFailedException"


async def test_a_stream_is_read_in_order_from_the_position_of_its_iterator(services: ServicesClient) -> None:
    stream = await services.stream(ROWS)
    assert "table/Rows/stream/" in stream.arn
    (shard,) = await stream.shards()
    latest = await stream.iterator(shard, position="LATEST")
    for key in ("a", "b", "c"):
        await put(services, key)
    start = await stream.iterator(shard, position="TRIM_HORIZON")
    assert await keys(stream, start) == ["a", "b", "c"]
    assert await keys(stream, latest) == ["a", "b", "c"]

    records, following = await stream.records(start, 2)
    assert len(records) == 2
    assert following is not None
    assert await keys(stream, following) == ["c"]
    second = records[1]["dynamodb"]["SequenceNumber"]
    after = await stream.iterator(shard, position="AFTER_SEQUENCE_NUMBER", after=second)
    assert await keys(stream, after) == ["c"]
    at = await stream.iterator(shard, position="AT_SEQUENCE_NUMBER", after=second)
    assert await keys(stream, at) == ["b", "c"]


async def test_services_that_do_not_answer_are_an_error_like_any_other() -> None:
    async with ServicesClient("http://127.0.0.1:1") as services:
        with pytest.raises(ServiceError) as caught:
            await services.dynamodb("ListTables", {})
    assert caught.value.code == "ServiceUnavailable"
