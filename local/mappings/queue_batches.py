"""What a queue mapping decides, without I/O: a message's event, its batch, what an answer settles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from local.aws_defaults import INVOCATION_PAYLOAD
from local.invocation import Result

_ENVELOPE = len('{"Records":[]}')


@dataclass(frozen=True, slots=True)
class Message:
    """A received message: what deletes it, what the function is told of it, and that record's bytes."""

    id: str
    receipt: str
    record: dict[str, Any]
    size: int

    @classmethod
    def parse(cls, raw: dict[str, Any], *, queue_arn: str) -> Message:
        """Of a message as ReceiveMessage returns it, asked for all of its attributes.

        The record's fields: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. A FIFO queue's and
        AWSTraceHeader are attributes that SQS adds by itself.
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
        """The record as filters see it: they look into a body that is a JSON object, and else at its text.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
        """
        try:
            body = json.loads(self.record["body"])
        except (ValueError, RecursionError):  # whoever may send to the queue may send thousands of brackets
            return self.record
        return {**self.record, "body": body} if isinstance(body, dict) else self.record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """What SDKs know in PascalCase reaches a function in camelCase; the lists are there but never used."""
    known = ("StringValue", "BinaryValue")
    return {
        **{key[0].lower() + key[1:]: value[key] for key in known if key in value},
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": value["DataType"],
    }


def event(batch: Sequence[Message]) -> dict[str, Any]:
    return {"Records": [message.record for message in batch]}


def is_full(messages: Iterable[Message], batch_size: int) -> bool:
    """Whether these make a batch that can hold no more, in number or in bytes."""
    count, size = 0, _ENVELOPE
    for message in messages:
        count, size = count + 1, size + message.size + 1
    return count >= batch_size or size >= INVOCATION_PAYLOAD


def split(messages: Sequence[Message]) -> list[tuple[Message, ...]]:
    """The messages in order, in as few batches as one call each can carry.

    "Lambda passes all of the records in the batch to the function in a single call, as long as the total size
    of the events doesn't exceed the invocation payload size quota":
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    batches: list[tuple[Message, ...]] = []
    batch: list[Message] = []
    size = _ENVELOPE
    for message in messages:
        if batch and size + message.size + 1 > INVOCATION_PAYLOAD:
            batches.append(tuple(batch))
            batch, size = [], _ENVELOPE
        batch.append(message)
        size += message.size + 1
    return [*batches, tuple(batch)] if batch else batches


def handled(batch: tuple[Message, ...], answer: Result, *, partial_failures: bool) -> tuple[Message, ...]:
    """The messages that the function is done with; the others come again after their visibility timeout.

    Without ReportBatchItemFailures the answer is not looked at. With it, a message that is not reported is
    done, also one of a FIFO group in which another is reported: to keep the order, the function has to report
    what follows its first failure, too. What "Success and failure conditions" does not list as a success
    fails the whole batch: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if answer.error is not None:
        return ()
    if not partial_failures:
        return batch
    failed = _reported(answer.payload)
    if failed is None or not failed <= {message.id for message in batch}:
        return ()
    return tuple(message for message in batch if message.id not in failed)


def _reported(payload: bytes) -> set[str] | None:
    """The ids of the failed messages, None for an answer that does not say it as it should."""
    try:
        response = json.loads(payload or b"null")
    except (ValueError, RecursionError):
        return None
    if not response:
        return set()
    if not isinstance(response, dict) or "batchItemFailures" not in response:
        return None
    failures = response["batchItemFailures"]
    if not failures:
        return set()
    if not isinstance(failures, list):
        return None
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str):
            return None
        failed.add(identifier)
    return failed
