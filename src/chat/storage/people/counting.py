"""Count the messages in a part of a room's log, by its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chat.storage import keys


@dataclass(frozen=True, slots=True)
class Counted:
    """Messages after one seq and up to another.

    `complete`: each number in between has a row, and no change is pending. `upto` is the last number before
    the first gap, and `before_gap` the messages up to there.
    """

    messages: int
    complete: bool
    upto: int
    before_gap: int


def count_messages(dynamodb: Any, table: str, room: str, after: int, to: int) -> Counted:
    """Count the messages among the rows after a seq, read strongly consistent.

    If a row is missing, `messages` are those of the rows that are there.
    """
    messages, rows, upto, before_gap = 0, 0, after, 0
    request: dict[str, Any] = {
        "TableName": table,
        **keys.rows_between(room, after + 1, to),
        "ProjectionExpression": "sk, skipped, kind, pending",
        "ConsistentRead": True,
    }
    while to > after:
        page = dynamodb.query(**request)
        for item in page["Items"]:
            if "pending" in item:  # a change that is not folded yet is a gap, as it is in a page
                continue
            rows += 1
            messages += "skipped" not in item and "kind" not in item
            if int(item["sk"]) == upto + 1:
                upto, before_gap = upto + 1, messages
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    return Counted(messages, rows == to - after, upto, before_gap)
