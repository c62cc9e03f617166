"""Count the capacity units of DynamoDB that a client's calls take."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass, field
from typing import Any

_WRITE, _READ = 1024, 4096  # bytes per unit


@dataclass(slots=True)
class Units:
    writes: float = 0.0
    reads: float = 0.0
    calls: list[str] = field(default_factory=list)


class Meter:
    """Count the capacity that a client's calls take, by DynamoDB's rules.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def __init__(self, client: Any, plain: Any) -> None:
        self._uncounted = plain  # another client of the same tables
        self._units = Units()
        client.meta.events.register("before-call.dynamodb", self._begin)
        client.meta.events.register("after-call.dynamodb", self._end)
        self._calls = threading.local()  # `body`: of the call that a thread has begun
        self._counting = threading.Lock()

    def take(self) -> Units:
        units, self._units = self._units, Units()
        return units

    def _begin(self, params: dict[str, Any], **_: Any) -> None:
        self._calls.body = json.loads(params["body"])

    def _end(self, model: Any, **_: Any) -> None:
        with self._counting:
            self._count(model.name, self._calls.body)

    def _count(self, operation: str, body: dict[str, Any]) -> None:
        self._units.calls.append(operation)
        match operation:
            case "PutItem":
                self._units.writes += math.ceil(_size(body["Item"]) / _WRITE)
            case "UpdateItem":
                item = self._item(body["TableName"], body["Key"])
                # One also for a condition that an absent item fails.
                self._units.writes += max(1, math.ceil(_size(item) / _WRITE))
            case "DeleteItem":
                self._units.writes += 1  # an item of up to 1 KB; its size is unknown by now
            case "TransactWriteItems":
                self._units.writes += 2 * len(body["TransactItems"])  # each of up to 1 KB
            case "GetItem":
                self._read(body["TableName"], body["Key"])
            case "Query":  # strongly consistent; attributes that the answer leaves out are paid for, too
                whole = {name: value for name, value in body.items() if name != "ProjectionExpression"}
                items = self._uncounted.query(**whole)["Items"]
                self._units.reads += max(1, math.ceil(sum(map(_size, items)) / _READ))
            case "BatchGetItem":
                for table, request in body["RequestItems"].items():
                    for key in request["Keys"]:
                        self._read(table, key, 1 if request["ConsistentRead"] else 0.5)
            case other:
                raise NotImplementedError(other)

    def _read(self, table: str, key: dict[str, Any], rate: float = 1) -> None:
        units = max(1, math.ceil(_size(self._item(table, key)) / _READ))  # 1 if there is no item
        self._units.reads += rate * units

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._uncounted.get_item(TableName=table, Key=key).get("Item", {})
        return found


def _size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.strip("-0.")) / 2) + 1
        case "SS":
            return sum(len(text.encode()) for text in content)
        case "NS":
            return sum(_value_size({"N": number}) for number in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(part) for name, part in content.items())
        case "L":
            return 3 + sum(1 + _value_size(part) for part in content)
    return 1
