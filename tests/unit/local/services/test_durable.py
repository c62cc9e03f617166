"""The state in a data folder after ministack was killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from local.errors import LocalError
from local.services import durable
from local.services.client import ServicesClient
from local.services.ministack import Ministack
from local.services.provision import provision
from tests.support.local.services import a_stack, a_table, running_services

ROWS = a_table(stream=True)
STACK = a_stack(tables=(ROWS,))


async def keys_in_the_table(services: ServicesClient) -> set[str]:
    rows = await services.dynamodb("Scan", {"TableName": "Rows"})
    return {row["pk"]["S"] for row in rows["Items"]}


async def keys_in_the_stream(services: ServicesClient) -> list[str]:
    stream = await services.stream(ROWS)
    (shard,) = await stream.shards()
    iterator = await stream.iterator(shard, position="TRIM_HORIZON")
    records, _ = await stream.records(iterator, 1000)
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


async def until_saved(data: Path, key: str) -> None:
    """Wait for a save with this key; the timeout of the tests bounds it."""
    file = data / "dynamodb.json"
    while not (file.exists() and f'"{key}"' in file.read_text()):
        await asyncio.sleep(0.05)


async def test_what_was_written_a_second_before_a_kill_is_kept_with_its_stream(tmp_path: Path) -> None:
    async with Ministack(data=tmp_path) as ministack, ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        for key in ("first", "second"):
            await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})
        await until_saved(tmp_path, "second")
        assert ministack.pid is not None
        os.kill(ministack.pid, signal.SIGKILL)
        with pytest.raises(LocalError):
            await ministack.wait_ended()
    async with running_services(STACK, data=tmp_path) as services:
        assert await keys_in_the_table(services) == {"first", "second"}
        assert await keys_in_the_stream(services) == ["first", "second"]


async def test_a_stream_goes_on_after_a_restart(tmp_path: Path) -> None:
    for key in ("first", "second"):
        async with running_services(STACK, data=tmp_path) as services:
            await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})
    async with running_services(STACK, data=tmp_path) as services:
        assert await keys_in_the_stream(services) == ["first", "second"]


def test_a_folder_in_use_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "LOCK_TIMEOUT", 0.0)
    descriptor = durable._lock(tmp_path)
    with pytest.raises(SystemExit, match="is in use by another engine"):
        durable._lock(tmp_path)
    os.close(descriptor)
    os.close(durable._lock(tmp_path))
