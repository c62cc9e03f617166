"""Rules that the batches of streams and of queues share, without I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Protocol

from local.aws_defaults import INVOCATION_PAYLOAD

ENVELOPE = len('{"Records":[]}')  # bytes of an event around its records


class Sized(Protocol):
    """A record whose JSON in the event has `size` bytes."""

    @property
    def size(self) -> int: ...


def is_full(records: Iterable[Sized], batch_size: int) -> bool:
    """True if these records make a batch that can hold no more, in number or in bytes."""
    count, size = 0, ENVELOPE
    for record in records:
        count, size = count + 1, size + record.size + 1
        if count >= batch_size or size >= INVOCATION_PAYLOAD:
            return True
    return False


def reported_failures(payload: bytes) -> list[str | None] | None:
    """Return the identifiers in a response with batchItemFailures; an invalid identifier is None.

    None if the response is neither a success nor a list of failures, as "Success and failure conditions" has
    them: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        response = json.loads(payload or b"null")
    except (ValueError, RecursionError):
        return None
    if not response:
        return []
    if not isinstance(response, dict) or "batchItemFailures" not in response:
        return None
    failures = response["batchItemFailures"]
    if not failures:
        return []
    if not isinstance(failures, list):
        return None
    return [_identifier(failure) for failure in failures]


def _identifier(failure: object) -> str | None:
    identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
    return identifier if isinstance(identifier, str) else None
