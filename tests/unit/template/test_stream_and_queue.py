"""The mappings of the stream and of the slice queue."""

from __future__ import annotations

from local.template.intrinsics import Resolver
from tests.support.deployed_template import (
    FAILURES,
    MESSAGES,
    SLICE_QUEUE,
)

PATTERNS = [
    '{"dynamodb": {"NewImage": {"sk": {"S": ["HEAD"]}}}}',
    '{"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "SIG#"}]}}}}',
    '{"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "USER#"}]},'
    ' "cause": {"S": [{"anything-but": ["own"]}]}}}}',
    '{"eventName": ["REMOVE"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "USER#"}]}}}}',
]


def test_the_mapping_gives_up_after_some_tries_and_keeps_a_pointer(resolved: Resolver) -> None:
    mapping = dict(resolved.properties("FanoutMapping"))
    assert mapping.pop("EventSourceArn").startswith(f"{MESSAGES}/stream/")
    assert mapping.pop("FunctionName").endswith(":function:FanoutFunction")
    assert mapping == {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 1000,
        "ParallelizationFactor": "10",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 4,
        "MaximumRecordAgeInSeconds": 3600,
        "DestinationConfig": {"OnFailure": {"Destination": FAILURES}},
        "FilterCriteria": {"Filters": [{"Pattern": pattern} for pattern in PATTERNS]},
    }
    # The destination of a stream has to be a standard queue.
    assert "FifoQueue" not in resolved.properties("FanoutFailures")


def test_a_slice_may_go_on_in_any_number_of_invocations(resolved: Resolver) -> None:
    # Lambda stops a function that feeds itself through a queue after 16 calls.
    assert resolved.properties("SliceFunction")["RecursiveLoop"] == "Allow"
    assert "RecursiveLoop" not in resolved.properties("FanoutFunction")  # it sends to no queue of its own


def test_a_slice_task_is_tried_until_it_is_given_up(resolved: Resolver) -> None:
    mapping = dict(resolved.properties("SliceMapping"))
    assert mapping.pop("FunctionName").endswith(":function:SliceFunction")
    # A task that waits is reported, which is no error of the function.
    responses = ["ReportBatchItemFailures"]
    assert mapping == {"EventSourceArn": SLICE_QUEUE, "BatchSize": 1, "FunctionResponseTypes": responses}
    queue = resolved.properties("SliceQueue")
    assert queue["FifoQueue"] is True
    # Both are needed for a FIFO queue's high throughput.
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == (
        "messageGroup",
        "perMessageGroupId",
    )
    # Otherwise SQS would deliver a task again while it is being run.
    assert queue["VisibilityTimeout"] > resolved.properties("SliceFunction")["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":SliceFailures.fifo")
    assert resolved.properties("SliceFailures")["FifoQueue"] is True  # that of a FIFO queue has to be one
