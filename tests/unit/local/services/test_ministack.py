"""ministack behind its client: what the engine relies on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.errors import LocalError
from local.services.ministack import LocalServices, ServiceError, ServiceStream
from local.services.scratch import Scratch
from local.stack import Api, Queue, Stack, Table

ROOT = Path(__file__).parents[4]

ROWS = Table(
    name="Rows",
    definition={
        "TableName": "Rows",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    },
    ttl="gone_at",
)
FAILURES = Queue(name="Failures", attributes={"VisibilityTimeout": "7", "SqsManagedSseEnabled": "true"})
STACK = Stack(
    functions={},
    api=Api("Api", "prod", "$request.body.action", {}, None, None, None),
    tables={"Rows": ROWS},
    queues={"Failures": FAILURES},
    stream_mappings=(),
    queue_mappings=(),
)


@pytest.fixture
async def services() -> AsyncIterator[LocalServices]:
    async with LocalServices() as services:
        await services.create(STACK)
        yield services


async def put(services: LocalServices, key: str) -> None:
    await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})


async def count(services: LocalServices) -> int:
    scanned = await services.dynamodb("Scan", {"TableName": "Rows"})
    return int(scanned["Count"])


async def keys(stream: ServiceStream, iterator: str) -> list[str]:
    records, _ = await stream.records(iterator, 100)
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


async def test_tables_are_made_with_stream_and_time_to_live(services: LocalServices) -> None:
    described = (await services.dynamodb("DescribeTable", {"TableName": "Rows"}))["Table"]
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    ttl = await services.dynamodb("DescribeTimeToLive", {"TableName": "Rows"})
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "gone_at"


async def test_queues_are_made_with_their_attributes(services: LocalServices) -> None:
    url = services.queue_url(FAILURES)
    found = await services.sqs("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["All"]})
    assert found["Attributes"]["VisibilityTimeout"] == "7"
    await services.sqs("SendMessage", {"QueueUrl": url, "MessageBody": "given up"})
    (message,) = (await services.sqs("ReceiveMessage", {"QueueUrl": url}))["Messages"]
    assert message["Body"] == "given up"


async def test_what_is_there_already_stays(services: LocalServices) -> None:
    await put(services, "kept")
    await services.create(STACK)
    assert await count(services) == 1


async def test_an_error_has_awss_code(services: LocalServices) -> None:
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


async def test_a_stream_is_read_in_order_from_where_one_says(services: LocalServices) -> None:
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


async def test_callers_with_other_credentials_see_the_same_tables(services: LocalServices) -> None:
    await put(services, "shared")

    def scan(access_key: str) -> int:
        client = boto3.client(
            "dynamodb",
            endpoint_url=services.url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="any",
        )
        return int(client.scan(TableName="Rows")["Count"])

    for access_key in ("defaultkey", "AKIAIOSFODNN7EXAMPLE"):
        assert await asyncio.to_thread(scan, access_key) == 1


async def test_a_data_folder_keeps_rows_over_a_restart(tmp_path: Path) -> None:
    async with LocalServices(data=tmp_path / "data") as services:
        await services.create(STACK)
        await put(services, "kept")
    async with LocalServices(data=tmp_path / "data") as services:
        await services.create(STACK)
        assert await count(services) == 1


async def test_a_data_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(LocalError, match="data: File exists"):
        await LocalServices(data=tmp_path / "data").start()


async def test_without_a_data_folder_nothing_is_kept(services: LocalServices) -> None:
    await put(services, "lost")
    await services.stop()
    await services.start()
    await services.create(STACK)
    assert await count(services) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="this machine has no other loopback address")
async def test_each_listens_where_no_page_would_look(services: LocalServices) -> None:
    async with LocalServices() as others:
        assert len({services.address, others.address, "127.0.0.1"}) == 3
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", services.port)


async def test_its_end_is_told(services: LocalServices) -> None:
    ended = asyncio.create_task(services.ended())
    assert services.pid is not None
    os.kill(services.pid, signal.SIGKILL)
    with pytest.raises(LocalError, match=r"^ministack has ended \(status -9\): "):
        await ended


HOLD = """
import sys; from local.services.scratch import Scratch; print(Scratch().path, flush=True); sys.stdin.read()
"""


async def test_the_folder_of_an_engine_that_was_killed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    owners, folders = [], []
    for _ in range(2):
        owner = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", HOLD),
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert owner.stdout is not None
        folders.append(Path((await owner.stdout.readline()).decode().strip()))
        owners.append(owner)
    (folders[0] / "log").write_text("last words")
    nobodys = tmp_path / "roomcast-notes"
    nobodys.mkdir()
    try:
        owners[0].kill()
        await owners[0].wait()
        own = Scratch()
        assert set(tmp_path.iterdir()) == {own.path, folders[1], nobodys}
        own.remove()
        assert not own.path.exists()
    finally:
        owners[1].kill()
        await owners[1].wait()
