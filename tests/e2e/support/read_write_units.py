"""The read and write units that DynamoDB charges for the calls through a proxy.

The answers of ministack have the units of a successful write, by the item's size as on DynamoDB. They have
none for BatchGetItem and for a condition that failed, and ignore the size in other reads. Those are counted
here, by the rules of
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
An item's JSON stands for its size. It is never shorter, so no count is too low.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.support.recording_proxy import Call, RecordingProxy

_WRITE, _READ = 1024, 4096  # bytes per unit

type DynamoDB = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Units:
    writes: float = 0
    reads: float = 0


@dataclass(slots=True)
class Meter:
    """Count the units of a proxy's calls from now on."""

    proxy: RecordingProxy
    _answers: list[tuple[Call, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.proxy.added_fields = {"ReturnConsumedCapacity": "TOTAL"}
        self.proxy.on_answer = lambda call, answer: self._answers.append((call, answer))

    async def take(self, dynamodb: DynamoDB) -> Units:
        """Return the units of all calls since the last time. `dynamodb` reads whole items for their size."""
        units = Units()
        answers, self._answers = self._answers, []
        for call, answer in answers:
            if call.operation in {"GetItem", "BatchGetItem", "Query"}:
                units.reads += await _read(call, dynamodb)
            else:
                units.writes += _written(call, answer)
        return units


def _written(call: Call, answer: dict[str, Any]) -> float:
    consumed = answer.get("ConsumedCapacity")
    if consumed is None:
        assert answer.get("__type", "").endswith("ConditionalCheckFailedException"), (answer, call)
        # Charged for the item that exists, or else for the one that is not written.
        return math.ceil(max(_size(answer.get("Item", {})), _size(call.body.get("Item", {})), 1) / _WRITE)
    tables = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(table["CapacityUnits"]) for table in tables)


async def _read(call: Call, dynamodb: DynamoDB) -> float:
    if call.operation == "BatchGetItem":
        ((table, asked),) = call.body["RequestItems"].items()
        parts = [{"TableName": table, "Key": key, **_consistency(asked)} for key in asked["Keys"]]
        return sum([await _read(Call("GetItem", part), dynamodb) for part in parts])
    # Attributes that the answer leaves out are paid for, too.
    body = {name: value for name, value in call.body.items() if name != "ProjectionExpression"}
    others = str([value for name, value in body.items() if name.endswith("Expression")])
    names = {
        name: value for name, value in body.pop("ExpressionAttributeNames", {}).items() if name in others
    }
    if names:
        body["ExpressionAttributeNames"] = names
    answer = await dynamodb(call.operation, body)
    items = answer["Items"] if call.operation == "Query" else [answer.get("Item", {})]
    rate = 1 if call.body.get("ConsistentRead") else 0.5
    return rate * math.ceil(max(sum(map(_size, items)), 1) / _READ)  # one unit for an empty answer, too


def _consistency(asked: dict[str, Any]) -> dict[str, Any]:
    return {"ConsistentRead": asked.get("ConsistentRead", False)}


def _size(item: dict[str, Any]) -> int:
    return len(json.dumps(item, ensure_ascii=False).encode())
