"""Decisions of a queue mapping: events, batches, and the messages that a result deletes."""

from __future__ import annotations

from typing import Any

import pytest

from local.aws_defaults import INVOCATION_PAYLOAD
from local.invocation import Result
from local.mappings.queue_batches import Message, event, handled, split
from tests.support.local.stream_engine import ERROR, answering

ARN = "arn:aws:sqs:eu-west-1:123456789012:work.fifo"
RECEIVED: dict[str, Any] = {
    "MessageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
    "ReceiptHandle": "AQEBBX8nesZEXmkh",
    "MD5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "Body": "Test message.",
    "Attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1573251510774",
        "SequenceNumber": "18849496460467696128",
        "MessageGroupId": "1",
        "SenderId": "AIDAIO23YVJENQZJOL4VO",
        "MessageDeduplicationId": "1",
        "ApproximateFirstReceiveTimestamp": "1573251510774",
        "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
    },
}


def parse(**changes: Any) -> Message:
    return Message.parse({**RECEIVED, **changes}, queue_arn=ARN)


def message(name: str, size: int = 100) -> Message:
    return Message(name, f"receipt of {name}", {"messageId": name}, size)


BATCH = (message("one"), message("two"), message("three"))


def ids(messages: tuple[Message, ...]) -> list[str]:
    return [message.id for message in messages]


# The event


def test_a_record_has_the_fields_that_lambda_sends() -> None:
    assert event([parse()]) == {
        "Records": [
            {
                "messageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
                "receiptHandle": "AQEBBX8nesZEXmkh",
                "body": "Test message.",
                "attributes": RECEIVED["Attributes"],
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


def test_message_attributes_reach_the_function_in_camel_case_with_their_digest() -> None:
    attributes = {
        "city": {"StringValue": "Manaus", "DataType": "String.name"},
        "icon": {"BinaryValue": "MTEwMA==", "DataType": "Binary"},
    }
    record = parse(MessageAttributes=attributes, MD5OfMessageAttributes="b628082aeb0334").record
    assert record["md5OfMessageAttributes"] == "b628082aeb0334"
    assert record["messageAttributes"] == {
        "city": {
            "stringValue": "Manaus",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String.name",
        },
        "icon": {
            "binaryValue": "MTEwMA==",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Binary",
        },
    }


# Filters


def test_filters_look_into_a_body_that_is_a_json_object() -> None:
    assert parse(Body='{"room": "lobby"}').to_filter()["body"] == {"room": "lobby"}


@pytest.mark.parametrize("body", ["plain", "[1]", "5", '"text"'])
def test_filters_see_any_other_body_as_its_text(body: str) -> None:
    assert parse(Body=body).to_filter()["body"] == body


# Batches


def test_messages_are_split_where_one_call_is_full() -> None:
    half = INVOCATION_PAYLOAD // 2
    messages = [message("a", half), message("b", half), message("c", 10), message("d", 10)]
    assert [ids(batch) for batch in split(messages)] == [["a"], ["b", "c", "d"]]
    assert split([]) == []


def test_a_message_too_large_for_any_call_goes_alone() -> None:
    huge = message("huge", INVOCATION_PAYLOAD)
    assert [ids(batch) for batch in split([huge, message("small")])] == [["huge"], ["small"]]


# Results


def done(result: Result, *, partial_failures: bool = True) -> list[str]:
    return ids(handled(BATCH, result, partial_failures=partial_failures))


def failures(*items: Any) -> Result:
    return answering({"batchItemFailures": list(items)})


@pytest.mark.parametrize("partial_failures", [True, False])
def test_after_an_error_no_message_is_done(partial_failures: bool) -> None:
    assert done(ERROR, partial_failures=partial_failures) == []


def test_all_but_the_reported_messages_are_done() -> None:
    assert done(failures({"itemIdentifier": "two"})) == ["one", "three"]
    assert done(failures(*({"itemIdentifier": name} for name in ("one", "two", "three")))) == []


@pytest.mark.parametrize(
    "result",
    [Result(b""), answering(None), answering({}), failures(), answering({"batchItemFailures": None})],
    ids=["nothing", "null", "empty", "empty list", "null list"],
)
def test_these_results_are_a_complete_success(result: Result) -> None:
    assert done(result) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "result",
    [
        Result(b"{not JSON"),
        failures({"itemIdentifier": ""}),
        failures({"itemIdentifier": None}),
        failures({"messageId": "one"}),
        failures({"itemIdentifier": "not in the batch"}),
        failures({"itemIdentifier": "one"}, {"itemIdentifier": "not in the batch"}),
        failures({"itemIdentifier": ["one"]}),
        failures("one"),
        answering({"batchItemFailures": "one"}),
        answering({"failures": ["one"]}),
        answering("one"),
    ],
)
def test_these_results_fail_the_whole_batch(result: Result) -> None:
    assert done(result) == []
    assert done(result, partial_failures=False) == ["one", "two", "three"]
