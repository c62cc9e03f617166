"""The messages table as a dict, for the many thousand calls of a simulation.

`account.py` has a DynamoDB that knows all of its API, and takes milliseconds of CPU time for a call. This one
knows the calls and conditions of a repair, and raises for any other.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

_TERM = re.compile(r"(attribute_exists|attribute_not_exists)\((\w+)\)|(\w+) = (:\w+)")
_ASSIGNMENT = re.compile(r"(\w+) = (:\w+)|(\w+) = if_not_exists\((\w+), (:\w+)\)")

type Item = dict[str, Any]


class MemoryTable:
    """A DynamoDB client that takes and returns Python's own types. It has one table, whatever its name is."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Item]] = {}  # by pk and sk
        self.calls = 0  # that were made one after the other
        self.calls_at_once = 0  # that were made in other threads

    def get_item(self, *, Key: Item, **_: Any) -> dict[str, Any]:
        self._count()
        item = self._find(Key)
        return {} if item is None else {"Item": dict(item)}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        self._count()
        ((table, request),) = RequestItems.items()
        assert len(request["Keys"]) <= 100, "DynamoDB's bound"
        found = [dict(item) for key in request["Keys"] if (item := self._find(key)) is not None]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def put_item(self, *, Item: Item, ConditionExpression: str = "", **options: Any) -> dict[str, Any]:
        self._count()
        old = self._find(Item)
        self._check(old, ConditionExpression, options.get("ExpressionAttributeValues", {}))
        self._items.setdefault(Item["pk"], {})[Item["sk"]] = dict(Item)
        return {}

    def update_item(
        self, *, Key: Item, UpdateExpression: str, ExpressionAttributeValues: Item, **options: Any
    ) -> dict[str, Any]:
        self._count()
        old = self._find(Key)
        self._check(old, options.get("ConditionExpression", ""), ExpressionAttributeValues)
        item = {**(old or Key)}
        keyword, _, assignments = UpdateExpression.partition(" ")
        assert keyword == "SET", UpdateExpression
        for part in re.split(r", (?=\w+ =)", assignments):
            match = _ASSIGNMENT.fullmatch(part)
            assert match, UpdateExpression
            name, value, if_absent, _, default = match.groups()
            if name:
                item[name] = ExpressionAttributeValues[value]
            else:
                item.setdefault(if_absent, ExpressionAttributeValues[default])
        self._items.setdefault(Key["pk"], {})[Key["sk"]] = item
        return {"Attributes": dict(item)}

    def query(
        self, *, KeyConditionExpression: str, ExpressionAttributeValues: Item, Limit: int, **_: Any
    ) -> dict[str, Any]:
        self._count()
        assert KeyConditionExpression == "pk = :log AND sk BETWEEN :first AND :last"
        first, last = int(ExpressionAttributeValues[":first"]), int(ExpressionAttributeValues[":last"])
        rows = self._items.get(ExpressionAttributeValues[":log"], {})
        found: list[Item] = []
        for seq in range(first, min(last, first + 100_000) + 1):  # a gap in a log is short
            if len(found) == Limit or seq > len(rows) + 1_000:
                break
            if (row := rows.get(f"{seq:012d}")) is not None:
                found.append(dict(row))
        return {"Items": found}

    def rows(self, pk: str) -> Sequence[Item]:
        """Return the items with this pk."""
        return list(self._items.get(pk, {}).values())

    def _count(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self.calls += 1
        else:
            self.calls_at_once += 1

    def _find(self, key: Item) -> Item | None:
        return self._items.get(key["pk"], {}).get(key["sk"])

    def _check(self, item: Item | None, condition: str, values: Item) -> None:
        if not condition:
            return
        either = (each.split(" AND ") for each in condition.split(" OR "))
        if not any(all(_holds(item, term, values) for term in terms) for terms in either):
            error = {"Code": "ConditionalCheckFailedException", "Message": condition}
            raise ClientError({"Error": error}, "PutItem")


def _holds(item: Item | None, term: str, values: Item) -> bool:
    match = _TERM.fullmatch(term)
    assert match, term
    function, tested, name, value = match.groups()
    present = item is not None and (tested or name) in item
    if function:
        return present == (function == "attribute_exists")
    return item is not None and present and bool(item[name] == values[value])
