"""Long histories, without sending them: that would take minutes."""

from __future__ import annotations

import bisect
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from aiohttp import web

from local.engine import Engine
from tests.e2e.support.engine_with_proxies import EngineWithProxies
from tests.e2e.support.recording_proxy import Call, operation

_BATCH = 25  # requests in one BatchWriteItem, DynamoDB's bound
_KEPT = 24 * 60 * 60  # seconds
_ALWAYS = 10**9  # times
_MESSAGE = ("id", "user", "name", "message", "at")


async def write_backlog(engine: Engine, room: str, texts: Sequence[str]) -> None:
    """Write messages into an empty room, as the functions would have written them."""
    table = engine.stack.tables["MessagesTable"].name
    rows = _rows(room, texts)
    for batch in batched(rows, _BATCH, strict=False):
        puts = [{"PutRequest": {"Item": row}} for row in batch]
        answer = await engine.services.dynamodb("BatchWriteItem", {"RequestItems": {table: puts}})
        assert not answer["UnprocessedItems"]
    await _write_head(engine, room, rows)


async def pretend_backlog(proxied: EngineWithProxies, room: str, texts: Sequence[str]) -> None:
    """Write only the head, and answer the queries for the rows in place of DynamoDB.

    For very long histories: ministack reads all rows of a partition per query, more than a second for 50,000.
    """
    rows = _rows(room, texts)
    keys = [row["sk"]["S"] for row in rows]

    async def answer(call: Call) -> web.Response:
        assert call.body["KeyConditionExpression"] == "pk = :log AND sk BETWEEN :first AND :last"
        values = call.body["ExpressionAttributeValues"]
        first = bisect.bisect_left(keys, values[":first"]["S"])
        found = rows[first : bisect.bisect_right(keys, values[":last"]["S"])]
        if not call.body.get("ScanIndexForward", True):
            found.reverse()
        page: dict[str, Any] = {"Items": found[: call.body["Limit"]]}
        if len(page["Items"]) < len(found):
            page["LastEvaluatedKey"] = {name: page["Items"][-1][name] for name in ("pk", "sk")}
        return web.json_response(page, content_type="application/x-amz-json-1.0")

    proxied.dynamodb.before(operation("Query", f"LOG#{room}"), answer, _ALWAYS)
    await _write_head(proxied.engine, room, rows)


async def _write_head(engine: Engine, room: str, rows: Sequence[dict[str, Any]]) -> None:
    last = {name: rows[-1][name] for name in _MESSAGE}
    key = {"pk": {"S": f"ROOM#{room}"}, "sk": {"S": "HEAD"}}
    head = {**key, "seq": {"N": str(len(rows))}, "last": {"M": last}}
    await engine.services.dynamodb(
        "PutItem", {"TableName": engine.stack.tables["MessagesTable"].name, "Item": head}
    )


def _rows(room: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    rest = {"pk": {"S": f"LOG#{room}"}, "expires_at": {"N": str(int(time.time()) + _KEPT)}}
    return [{"sk": {"S": f"{seq:012d}"}, **rest, **_message(text)} for seq, text in enumerate(texts, 1)]


def _message(text: str) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    values = (str(uuid.uuid4()), "u", "Somebody", text, at)
    return {name: {"S": value} for name, value in zip(_MESSAGE, values, strict=True)}
