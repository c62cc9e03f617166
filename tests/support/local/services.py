"""DynamoDB and SQS for a test: a ministack process and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from local.services.client import ServicesClient
from local.services.ministack import Ministack
from local.services.provision import provision
from local.stack import Api, Queue, Stack, Table


def a_table(*, ttl: str | None = None, stream: bool = False) -> Table:
    """The table Rows, whose key is `pk`. `ttl` is the attribute by which rows end."""
    definition: dict[str, Any] = {
        "TableName": "Rows",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    if stream:
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    return Table(name="Rows", definition=definition, ttl=ttl)


def a_stack(*, tables: tuple[Table, ...] = (), queues: tuple[Queue, ...] = ()) -> Stack:
    """A stack of tables and queues only."""
    return Stack(
        functions={},
        api=Api("Api", "prod", "$request.body.action", {}, None, None, None),
        tables={table.name: table for table in tables},
        queues={queue.name: queue for queue in queues},
        stream_mappings=(),
        queue_mappings=(),
    )


@asynccontextmanager
async def emptied_services(url: str, stack: Stack) -> AsyncIterator[ServicesClient]:
    """A client of a process that other tests use, too. It has the stack's tables and queues only."""
    async with ServicesClient(url) as client:
        async with aiohttp.ClientSession() as http, http.post(f"{url}/_ministack/reset") as answer:
            assert answer.status == 200
        await provision(client, stack)
        yield client


@asynccontextmanager
async def running_services(stack: Stack, *, data: Path | None = None) -> AsyncIterator[ServicesClient]:
    """A client of a new process that has the stack's tables and queues."""
    async with Ministack(data=data) as ministack, ServicesClient(ministack.url) as client:
        await provision(client, stack)
        yield client
