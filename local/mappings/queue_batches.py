"""Decisions of a queue mapping, without I/O: a message's record, its batch, and what a result deletes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.aws_defaults import INVOCATION_PAYLOAD
from local.invocation import Result
from local.mappings.batches import ENVELOPE, reported_failures


@dataclass(frozen=True, slots=True)
class Message:
    """A received message: its receipt, its record in the function's event, and the record's bytes."""

    id: str
    receipt: str
    record: dict[str, Any]
    size: int

    @classmethod
    def parse(cls, raw: dict[str, Any], *, queue_arn: str) -> Message:
        """Parse a message as ReceiveMessage returns it with all attributes.

        The record's fields: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. SQS adds
        AWSTraceHeader and a FIFO queue's fields to the attributes.
        """
        attributes = raw.get("MessageAttributes") or {}
        record = {
            "messageId": raw["MessageId"],
            "receiptHandle": raw["ReceiptHandle"],
            "body": raw["Body"],
            "attributes": raw.get("Attributes") or {},
            "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
            "md5OfBody": raw["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(":")[3],
        }
        if attributes:
            record["md5OfMessageAttributes"] = raw["MD5OfMessageAttributes"]
        size = len(json.dumps(record, separators=(",", ":")))
        return cls(raw["MessageId"], raw["ReceiptHandle"], record, size)

    def to_filter(self) -> dict[str, Any]:
        """Return the record for filters: a body that is a JSON object is parsed.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        """
        try:
            body = json.loads(self.record["body"])
        except (ValueError, RecursionError):  # a sender may send thousands of brackets
            return self.record
        return {**self.record, "body": body} if isinstance(body, dict) else self.record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute in a function's camelCase; the lists exist but are never used."""
    known = ("StringValue", "BinaryValue")
    return {
        **{key[0].lower() + key[1:]: value[key] for key in known if key in value},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def event(batch: Sequence[Message]) -> dict[str, Any]:
    return {"Records": [message.record for message in batch]}


def split(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """Return the messages in order, in as few batches as fit into one call each.

    "Lambda passes all of the records in the batch to the function in a single call, as long as the total size
    of the events doesn't exceed the invocation payload size quota":
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    batches: list[tuple[Message, ...]] = []
    batch: list[Message] = []
    size = ENVELOPE
    for message in messages:
        if batch and size + message.size + 1 > INVOCATION_PAYLOAD:
            batches.append(tuple(batch))
            batch, size = [], ENVELOPE
        batch.append(message)
        size += message.size + 1
    return [*batches, tuple(batch)] if batch else batches


def handled(batch: tuple[Message, ...], result: Result, *, partial_failures: bool) -> tuple[Message, ...]:
    """Return the messages to delete; the others come again after their visibility timeout.

    Without ReportBatchItemFailures the payload does not matter. With it, a message that is not reported is
    handled. That holds even if an earlier one of its FIFO group is reported: to keep the order, the function
    must report what follows its first failure too. An invalid response fails the whole batch.
    """
    if result.error is not None:
        return ()
    if not partial_failures:
        return batch
    failed = reported_failures(result.payload)
    if failed is None or not set(failed) <= {message.id for message in batch}:
        return ()
    return tuple(message for message in batch if message.id not in failed)
