"""The DynamoDB client of all functions, and how it behaves when DynamoDB is slow."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import ClientError

# boto3 would wait 60 s for an answer and API Gateway waits 29 for the function. DynamoDB answers in
# milliseconds: after two seconds another try is worth more. A repeated write is safe, since each is
# conditional, idempotent or (a room's head) decided by its ref.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=50,
)


# Seconds before each further try of a write that met another's transaction, at most; boto3 makes none.
_CONFLICT_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 0.8)


def client() -> Any:
    """A thread-safe client that takes and returns Python's own types."""
    client = boto3.resource("dynamodb", config=_CONFIG).meta.client
    client.meta.events.register("needs-retry.dynamodb", _wait_for_transaction)
    return client


def _wait_for_transaction(
    attempts: int, response: tuple[Any, dict[str, Any]] | None, **_: Any
) -> float | None:
    """How long until another try, or None. An item takes one transaction at a time: a connection that joins
    a room while it sends to another would be told that something failed.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
    """
    answer = response[1] if response else {}
    codes = {reason["Code"] for reason in answer.get("CancellationReasons", [])}
    codes.add(answer.get("Error", {}).get("Code", ""))
    met = codes <= {
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionConflict",
        "None",
    }
    if not met or attempts > len(_CONFLICT_WAITS):
        return None
    return random.uniform(0, _CONFLICT_WAITS[attempts - 1])  # those who met must not meet again


# Seconds between tries at what a busy DynamoDB left out of a batch; boto3 leaves that to its caller.
_BUSY_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
_GET = 100  # keys in one BatchGetItem and
_WRITE = 25  # requests in one BatchWriteItem, DynamoDB's bounds


def batch_get(
    dynamodb: Any, table: str, keys: Sequence[dict[str, str]], attributes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Those of the items that exist, read strongly consistent. Raises TimeoutError if DynamoDB stays busy."""
    names = {f"#{number}": name for number, name in enumerate(attributes)}  # some are reserved words
    for batch in batched(keys, _GET, strict=False):
        waiting = list(batch)
        for wait in (*_BUSY_WAITS, None):
            request = {
                "Keys": waiting,
                "ConsistentRead": True,
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
            answer = dynamodb.batch_get_item(RequestItems={table: request})
            yield from answer["Responses"].get(table, [])
            waiting = answer["UnprocessedKeys"].get(table, {}).get("Keys", [])
            if not waiting:
                break
            _pause(wait)


def batch_delete(dynamodb: Any, table: str, keys: Sequence[dict[str, str]]) -> None:
    """Deletes items, if they exist. Raises TimeoutError if DynamoDB stays busy."""
    for batch in batched(keys, _WRITE, strict=False):
        waiting = [{"DeleteRequest": {"Key": key}} for key in batch]
        for wait in (*_BUSY_WAITS, None):
            answer = dynamodb.batch_write_item(RequestItems={table: waiting})
            waiting = answer["UnprocessedItems"].get(table, [])
            if not waiting:
                break
            _pause(wait)


def transact(dynamodb: Any, writes: Sequence[dict[str, Any]]) -> bool:
    """Makes all of these writes or none; False when the condition of the first is not met."""
    try:
        dynamodb.transact_write_items(TransactItems=writes)
    except ClientError as error:
        if not was_refused(error, 0):
            raise
        return False
    return True


def was_refused(error: ClientError, position: int) -> bool:
    """Whether a transaction was refused for the condition of its write at `position`."""
    reasons = error.response.get("CancellationReasons", [])
    return bool(reasons) and reasons[position]["Code"] == "ConditionalCheckFailed"


def old_item(error: ClientError) -> dict[str, Any] | None:
    """What was there when a write was refused for its condition, in Python's types; None where nothing was.

    Raises the error when that is not what it is.
    """
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    deserialize = TypeDeserializer().deserialize
    item = error.response.get("Item")
    return None if item is None else {name: deserialize(value) for name, value in item.items()}


def _pause(wait: float | None) -> None:
    if wait is None:
        raise TimeoutError("DynamoDB is too busy")
    time.sleep(wait)
