"""The ministack process: where it listens, what it keeps, how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import boto3
import pytest

from local.errors import LocalError
from local.services.client import ServicesClient
from local.services.ministack import Ministack
from local.services.provision import provision
from local.stack import Table
from tests.support.local.services import a_stack, a_table
from tests.support.waiting import TIMEOUT

ROWS = a_table()
STACK = a_stack(tables=(ROWS,))


@pytest.fixture
async def ministack() -> AsyncIterator[Ministack]:
    async with Ministack() as ministack:
        yield ministack


async def put(services: ServicesClient, key: str) -> None:
    await services.dynamodb("PutItem", {"TableName": "Rows", "Item": {"pk": {"S": key}}})


async def test_callers_with_other_credentials_see_the_same_tables(ministack: Ministack) -> None:
    async with ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        await put(services, "shared")

    def scan(access_key: str) -> int:
        client = boto3.client(
            "dynamodb",
            endpoint_url=ministack.url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="any",
        )
        return int(client.scan(TableName="Rows")["Count"])

    for access_key in ("defaultkey", "AKIAIOSFODNN7EXAMPLE"):
        assert await asyncio.to_thread(scan, access_key) == 1


async def test_a_data_folder_that_is_a_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(LocalError, match="data: File exists"):
        await Ministack(data=tmp_path / "data").start()


async def test_without_a_data_folder_nothing_is_kept(ministack: Ministack) -> None:
    async with ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        await put(services, "lost")
    await ministack.stop()
    await ministack.start()
    async with ServicesClient(ministack.url) as services:
        await provision(services, STACK)
        assert (await services.dynamodb("Scan", {"TableName": "Rows"}))["Count"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="this machine has no other loopback address")
async def test_each_listens_at_an_address_that_no_page_would_try(ministack: Ministack) -> None:
    async with Ministack() as other:
        assert len({ministack.address, other.address, "127.0.0.1"}) == 3
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", ministack.port)


async def test_a_record_of_a_stream_is_told_at_once_and_a_write_without_one_is_not() -> None:
    told = asyncio.Event()
    watched = Table("Watched", {**a_table(stream=True).definition, "TableName": "Watched"}, None)
    async with Ministack(on_record=told.set) as ministack, ServicesClient(ministack.url) as services:
        await provision(services, a_stack(tables=(ROWS, watched)))
        await put(services, "without")
        await asyncio.sleep(0)  # a pipe that has been written to is read in the next iteration
        await asyncio.sleep(0)
        assert not told.is_set()
        await services.dynamodb("PutItem", {"TableName": "Watched", "Item": {"pk": {"S": "with"}}})
        async with asyncio.timeout(TIMEOUT):
            await told.wait()


async def test_its_end_is_an_error_that_says_how_it_ended(ministack: Ministack) -> None:
    ended = asyncio.create_task(ministack.wait_ended())
    assert ministack.pid is not None
    os.kill(ministack.pid, signal.SIGKILL)
    with pytest.raises(LocalError, match=r"^ministack has ended \(status -9\): "):
        await ended
