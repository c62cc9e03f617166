"""A local engine whose functions call DynamoDB and the gateway through recording proxies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.engine import Engine
from tests.e2e.support.recording_proxy import Action, Call, RecordingProxy
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port
from tests.support.project import ROOT, TEMPLATE

# For tests of something else than limits.
HIGH_LIMITS = {"MessageRate": "1000", "MessageBurst": "1000", "RoomRate": "1000"}


async def rows(engine: Engine, table: str, operation: str = "Scan", **request: Any) -> list[dict[str, Any]]:
    """Return all rows of a table of template.yaml, or those of a Query, with DynamoDB's types."""
    request = {"TableName": engine.stack.tables[table].name, "ConsistentRead": True, **request}
    found: list[dict[str, Any]] = []
    while True:
        page = await engine.services.dynamodb(operation, request)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@dataclass(frozen=True, slots=True)
class EngineWithProxies:
    engine: LoggedEngine
    dynamodb: RecordingProxy
    gateway: RecordingProxy

    @property
    def url(self) -> str:
        return self.engine.socket_url

    async def kill(self, function: str, max_kills: int | None = None) -> int:
        """Kill the function's processes that are in a call, at most `max_kills`; return how many."""
        return self.engine.host.kill(function, max_kills)

    def killer(self, function: str) -> Action:
        """Return an action that kills the function's processes that are in a call."""

        async def kill(call: Call) -> web.Response:
            await self.kill(function)
            return web.Response(status=500)  # to a dead caller

        return kill

    async def log(self, room: str) -> list[str | None]:
        """Return the texts of a room's rows in order, None for a skipped number."""
        rows = await self.rows(room)
        assert [int(row["sk"]["S"]) for row in rows] == list(range(1, len(rows) + 1))
        return [row["message"]["S"] if "message" in row else None for row in rows]

    async def rows(self, room: str) -> list[dict[str, Any]]:
        """Return a room's rows in order, with DynamoDB's types."""
        return await rows(
            self.engine,
            "MessagesTable",
            "Query",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"LOG#{room}"}},
        )

    async def put_head(self, room: str, item: dict[str, Any]) -> None:
        """Overwrite a room's head with something that no function writes."""
        key = {"pk": {"S": f"ROOM#{room}"}, "sk": {"S": "HEAD"}}
        table = self.engine.stack.tables["MessagesTable"].name
        await self.engine.services.dynamodb("PutItem", {"TableName": table, "Item": {**key, **item}})

    async def connections(self) -> list[str]:
        """Return the keys of all rows in the connections table."""
        found = await rows(self.engine, "ConnectionsTable")
        return sorted(f"{row['pk']['S']} {row['sk']['S']}" for row in found)

    async def failures(self) -> list[str]:
        """Return messages of the failures queue, ten at most."""
        url = self.engine.services.queue_url(self.engine.stack.queues["FanoutFailures"])
        answer = await self.engine.services.sqs(
            "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        )
        return [message["Body"] for message in answer.get("Messages", [])]

    async def failure_count(self) -> int:
        """Return the number of messages in the failures queue."""
        url = self.engine.services.queue_url(self.engine.stack.queues["FanoutFailures"])
        answer = await self.engine.services.sqs(
            "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def changed_template(folder: Path, changes: dict[str, str]) -> Path:
    """Write a copy of the template, with some texts replaced, beside links to the code and the page.

    Return its path.
    """
    template = TEMPLATE.read_text()
    for old, new in changes.items():
        assert old in template
        template = template.replace(old, new)
    (folder / "template.yaml").write_text(template)
    for name in ("src", "layer", "web"):
        (folder / name).symlink_to(ROOT / name)
    return folder / "template.yaml"


@asynccontextmanager
async def engine_with_proxies(path: Path = TEMPLATE, **options: Any) -> AsyncIterator[EngineWithProxies]:
    port, service_port = free_port(), free_port()
    async with (
        RecordingProxy(f"http://127.0.0.1:{service_port}") as dynamodb,
        RecordingProxy(f"http://127.0.0.1:{port}") as gateway,
    ):
        environment = {"Parameters": {"CONNECTIONS_ENDPOINT": f"{gateway.url}/prod"}}
        for function in re.findall(r"^  (\w+Function):$", path.read_text(), re.MULTILINE):
            environment[function] = {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url_of(function)}
        async with LoggedEngine(
            path, port=port, service_port=service_port, environment=environment, **options
        ) as engine:
            yield EngineWithProxies(engine, dynamodb, gateway)
