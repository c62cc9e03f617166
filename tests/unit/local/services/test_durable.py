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
from tests.support.waiting import TIMEOUT

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


def fill_the_disk(data: Path) -> None:
    """Let each further save of the tables fail as on a full disk."""
    (data / "dynamodb.json.tmp").symlink_to("/dev/full")


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="fills a disk with /dev/full")


@needs_full
async def test_a_save_that_fails_ends_ministack_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(LocalError) as ended:
        async with Ministack(data=tmp_path) as ministack, ServicesClient(ministack.url) as services:
            await provision(services, STACK)
            await until_saved(tmp_path, "Rows")
            fill_the_disk(tmp_path)
            async with asyncio.timeout(TIMEOUT):
                await ministack.wait_ended()
    assert str(ended.value).startswith(f"{tmp_path} cannot be written: No space left on device. ")
    assert "\n" not in str(ended.value)


async def test_a_data_folder_that_is_gone_ends_ministack(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with Ministack(data=data) as ministack, ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        await until_saved(data, "Rows")
        data.rename(tmp_path / "moved")
        with pytest.raises(LocalError, match="data cannot be written: No such file or directory"):
            async with asyncio.timeout(TIMEOUT):
                await ministack.wait_ended()


@needs_full
async def test_a_last_save_that_fails_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="cannot be written: No space left on device"):
        async with Ministack(data=tmp_path) as ministack, ServicesClient(ministack.url) as services:
            await provision(services, STACK)
            await until_saved(tmp_path, "Rows")
            await asyncio.sleep(durable.INTERVAL / 10)  # longer until the next save
            fill_the_disk(tmp_path)


async def epoch_after_a_restart(data: Path) -> str:
    async with running_services(STACK, data=data) as services:
        rows = await services.dynamodb("Scan", {"TableName": "Rows"})
        (row,) = rows["Items"]
        assert row["seq"] == {"N": "7"}
        epoch: str = row["epoch"]["S"]
        return epoch


async def test_only_after_a_kill_the_log_is_another_one(tmp_path: Path) -> None:
    head = {"pk": {"S": "ROOM#general"}, "epoch": {"S": "5b2e08d4"}, "seq": {"N": "7"}}
    async with running_services(STACK, data=tmp_path) as services:
        await services.dynamodb("PutItem", {"TableName": "Rows", "Item": head})
    assert await epoch_after_a_restart(tmp_path) == "5b2e08d4"
    async with Ministack(data=tmp_path) as ministack:
        assert ministack.pid is not None
        os.kill(ministack.pid, signal.SIGKILL)
        with pytest.raises(LocalError):
            await ministack.wait_ended()
    other = await epoch_after_a_restart(tmp_path)
    assert other != "5b2e08d4"
    assert await epoch_after_a_restart(tmp_path) == other


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
