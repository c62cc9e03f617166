"""The DynamoDB client of all functions, and what it does while DynamoDB is slow or busy."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any

import boto3
from boto3.dynamodb.transform import TransformationInjector
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import ClientError

from chat.boto_config import BOTO_CONFIG
from chat.storage.keys import Key

# To repeat a write is safe: each is conditional, idempotent or (of a room's head) decided by its ref.
_CONFIG = BOTO_CONFIG.merge(
    Config(
        max_pool_connections=50,
        # DynamoDB validates again. Here it finds a misspelled parameter: in the tests, and not per call.
        parameter_validation="AWS_LAMBDA_FUNCTION_NAME" not in os.environ,
    )
)
# Maximum seconds before each further attempt at a transaction that was canceled, or at a write that met one;
# boto3 makes none.
_CANCELED_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 0.8)
# Seconds between attempts at what a busy DynamoDB left out of a batch; boto3 leaves these to its caller.
_BUSY_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
# Calls wait for DynamoDB four times as long as they compute: more threads than these would not be faster.
_THREADS = 8
_FEW = 8  # calls; for fewer, no thread is started
_MAX_GET = 100  # keys in one BatchGetItem, DynamoDB's bound
_MAX_WRITE = 25  # requests in one BatchWriteItem, DynamoDB's bound


def client() -> Any:
    """Return a thread-safe client that takes and returns Python's own types.

    It is `boto3.resource("dynamodb").meta.client`, by the same handlers (DynamoDBHighLevelResource in
    boto3/dynamodb/transform.py): boto3 would generate the resource's classes at each cold start.
    """
    client = boto3.client("dynamodb", config=_CONFIG)
    events, types = client.meta.events, TransformationInjector()
    events.register("provide-client-params.dynamodb", _copy)
    events.register("before-parameter-build.dynamodb", types.inject_attribute_value_input)
    events.register("after-call.dynamodb", types.inject_attribute_value_output)
    events.register("needs-retry.dynamodb", _delay_after_cancellation)
    return client


def _copy(params: Any, **_: Any) -> Any:
    """Copy the dicts and lists of a request, in which `TransformationInjector` replaces values.

    boto3 copies the values too, by `copy.deepcopy`: that takes a sixth of a call's CPU time.
    """
    if isinstance(params, dict):
        return {name: _copy(value) for name, value in params.items()}
    return [_copy(value) for value in params] if isinstance(params, list) else params


class Table:
    """A table, for the classes that read and write one kind of its items."""

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now

    def _get(self, key: Key) -> dict[str, Any] | None:
        """Read an item strongly consistent; None if there is none."""
        response = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = response.get("Item")
        return item


# Codes of a canceled transaction's reasons, and of a single write's error, that end by themselves.
_TEMPORARY = frozenset(
    {
        "TransactionCanceledException",
        "None",
        # An item takes one transaction at a time. Without a retry, a connection that joins one room while it
        # sends to another would get an error.
        "TransactionConflictException",
        "TransactionConflict",
        # A room's memberships share a partition key, and so, until DynamoDB splits it, the 1,000 write units
        # per second of one partition: 500 connects. boto3 retries other throttled calls, but no transaction.
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
    }
)


def _delay_after_cancellation(
    attempts: int, response: tuple[Any, dict[str, Any]] | None, **_: Any
) -> float | None:
    """Return the seconds until another attempt, None for no other.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    answer = response[1] if response else {}
    codes = {reason["Code"] for reason in answer.get("CancellationReasons", [])}
    codes.add(answer.get("Error", {}).get("Code", ""))
    if not codes <= _TEMPORARY or attempts > len(_CANCELED_DELAYS):
        return None
    return random.uniform(0, _CANCELED_DELAYS[attempts - 1])  # at random, or the same ones meet again


def batch_get(
    dynamodb: Any, table: str, keys: Sequence[Key], attributes: Sequence[str] = (), *, consistent: bool = True
) -> list[dict[str, Any]]:
    """Return the items that exist, or these attributes of them. `consistent`: read strongly consistent.

    Raises TimeoutError if DynamoDB stays busy.
    """
    names = {f"#{number}": name for number, name in enumerate(attributes)}  # some are reserved words
    projection = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    found: list[dict[str, Any]] = []

    def get(batch: list[Any]) -> list[Any]:
        request = {"Keys": batch, "ConsistentRead": consistent, **(projection if names else {})}
        response = dynamodb.batch_get_item(RequestItems={table: request})
        found.extend(response["Responses"].get(table, []))
        unprocessed: list[Any] = response["UnprocessedKeys"].get(table, {}).get("Keys", [])
        return unprocessed

    _in_batches(keys, _MAX_GET, get)
    return found


def batch_delete(dynamodb: Any, table: str, keys: Sequence[Key]) -> None:
    """Delete items, if they exist. Raises TimeoutError if DynamoDB stays busy."""

    def delete(batch: list[Any]) -> list[Any]:
        unprocessed: list[Any] = dynamodb.batch_write_item(RequestItems={table: batch})[
            "UnprocessedItems"
        ].get(table, [])
        return unprocessed

    _in_batches([{"DeleteRequest": {"Key": key}} for key in keys], _MAX_WRITE, delete)


def _in_batches(requests: Sequence[Any], size: int, send: Callable[[list[Any]], list[Any]]) -> None:
    """Send requests in batches, and again those that `send` returns as unprocessed."""
    for batch in batched(requests, size, strict=False):
        remaining = list(batch)
        for delay in (*_BUSY_DELAYS, None):
            remaining = send(remaining)
            if not remaining:
                break
            if delay is None:
                raise TimeoutError("DynamoDB is busy: it left out part of a batch after all retries")
            time.sleep(delay)


def at_once[T, R](call: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return the results of a call per item, in order; of many items, made in several threads.

    What one call raises is raised when all calls that have begun are done.
    """
    if len(items) < _FEW:
        return [call(item) for item in items]
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(call, items))


def transact(dynamodb: Any, writes: Sequence[dict[str, Any]]) -> bool:
    """Make all of these writes or none. False if the condition of the first is not met."""
    try:
        dynamodb.transact_write_items(TransactItems=writes)
    except ClientError as error:
        if not condition_failed(error, 0):
            raise
        return False
    return True


def write_if(write: Callable[..., object], **request: Any) -> bool:
    """Make a write with a condition: `write` is the client's method. False if the condition is not met."""
    try:
        write(**request)
    except ClientError as error:
        old_item(error)
        return False
    return True


def condition_failed(error: ClientError, position: int) -> bool:
    """True if a transaction was canceled because the condition of its write at `position` was not met."""
    reasons = error.response.get("CancellationReasons", [])
    return bool(reasons) and reasons[position]["Code"] == "ConditionalCheckFailed"


def old_item(error: ClientError) -> dict[str, Any] | None:
    """Return the item that a write's condition was not met by, in Python's types; None if there is none.

    Raises the error if it is another one.
    """
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    deserialize = TypeDeserializer().deserialize
    item = error.response.get("Item")
    return None if item is None else {name: deserialize(value) for name, value in item.items()}
