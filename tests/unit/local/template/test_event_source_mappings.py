"""The event source mappings of a template."""

from __future__ import annotations

import pytest

from local.stack import QueueMapping
from tests.support.local.templates import API, FIFO, MAPPING, QUEUE, QUEUE_MAPPING, TABLE, Project


def test_a_mapping_has_aws_defaults_unless_the_template_sets_them(project: Project) -> None:
    (mapping,) = project.load(API + TABLE + MAPPING).stream_mappings
    assert (mapping.name, mapping.table, mapping.function) == ("Mapping", "Rows", "Hello")
    assert (mapping.batch_size, mapping.window, mapping.parallelization) == (100, 0.0, 1)
    assert (mapping.bisect, mapping.retries, mapping.max_age) == (False, -1, -1.0)
    assert (mapping.partial_failures, mapping.on_failure, mapping.filters) == (False, None, ())


def test_a_mapping_says_how_failures_are_handled(project: Project) -> None:
    more = (
        "      BatchSize: 7\n      MaximumBatchingWindowInSeconds: 2\n      ParallelizationFactor: 3\n"
        "      BisectBatchOnFunctionError: true\n      MaximumRetryAttempts: 4\n"
        "      MaximumRecordAgeInSeconds: 60\n      FunctionResponseTypes: [ReportBatchItemFailures]\n"
        "      DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}\n"
        """      FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}\n"""
    )
    (mapping,) = project.load(API + TABLE + QUEUE + MAPPING + more).stream_mappings
    assert (mapping.batch_size, mapping.window, mapping.parallelization) == (7, 2.0, 3)
    assert (mapping.bisect, mapping.retries, mapping.max_age) == (True, 4, 60.0)
    assert (mapping.partial_failures, mapping.on_failure) == (True, "Failures")
    assert mapping.filters == ({"eventName": ["INSERT"]},)


def test_a_disabled_mapping_is_absent(project: Project) -> None:
    assert project.load(API + TABLE + MAPPING + "      Enabled: false\n").stream_mappings == ()


def test_a_mapping_from_a_queue_has_aws_defaults_unless_the_template_sets_them(project: Project) -> None:
    stack = project.load(API + QUEUE + QUEUE_MAPPING)
    assert stack.stream_mappings == ()
    assert stack.queue_mappings == (
        QueueMapping(
            name="QueueMapping",
            queue="Failures",
            function="Hello",
            fifo=False,
            batch_size=10,
            window=0.0,
            concurrency=None,
            visibility=None,
            partial_failures=False,
            filters=(),
        ),
    )


def test_a_mapping_from_a_queue_says_how_it_is_read(project: Project) -> None:
    more = (
        "      BatchSize: 100\n      MaximumBatchingWindowInSeconds: 28\n"
        "      ScalingConfig: {MaximumConcurrency: 7}\n"
        "      FunctionResponseTypes: [ReportBatchItemFailures]\n"
        """      FilterCriteria: {Filters: [{Pattern: '{"body": {"kind": ["slice"]}}'}]}\n"""
    )
    (mapping,) = project.load(API + QUEUE + QUEUE_MAPPING + more).queue_mappings
    assert (mapping.batch_size, mapping.window, mapping.concurrency) == (100, 28.0, 7)
    assert mapping.partial_failures
    assert mapping.filters == ({"body": {"kind": ["slice"]}},)
    # Window and function timeout (3 s) are longer than the queue's 30 s; AWS then adds 30 s to them.
    assert mapping.visibility == 28 + 3 + 30


def test_a_functions_own_queue_event_is_a_mapping(project: Project) -> None:
    events = "      Events: {Doors: {Type: SQS, Properties: {Queue: !GetAtt Failures.Arn, BatchSize: 3}}}\n"
    (mapping,) = project.load(API + events + QUEUE).queue_mappings
    assert (mapping.name, mapping.queue, mapping.function) == ("HelloDoors", "Failures", "Hello")
    assert mapping.batch_size == 3


def test_a_function_with_a_name_of_its_own_is_called_by_either(project: Project) -> None:
    named = API + "      FunctionName: hello-world\n"
    for target in ("!Ref Hello", "!GetAtt Hello.Arn", "hello-world"):
        mapping = QUEUE_MAPPING.replace("!Ref Hello", target)
        (mapped,) = project.load(named + QUEUE + mapping).queue_mappings
        assert mapped.function == "Hello"


def test_a_mapping_from_another_source_is_named_as_not_run(project: Project) -> None:
    elsewhere = QUEUE_MAPPING.replace("!GetAtt Failures.Arn", "arn:aws:kinesis:us-east-1:1:stream/x")
    stack = project.load(API + elsewhere)
    assert (stack.stream_mappings, stack.queue_mappings) == ((), ())
    assert stack.unknown == (
        "QueueMapping: a mapping from arn:aws:kinesis:us-east-1:1:stream/x is not run here",
    )


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("      BatchSize: 11\n", "BatchSize is 11, but must be 1 to 10 for a FIFO queue"),
        ("      MaximumBatchingWindowInSeconds: 1\n", "remove MaximumBatchingWindowInSeconds: a FIFO"),
        ("      ScalingConfig: {MaximumConcurrency: 1}\n", "MaximumConcurrency is 1"),
        ("""      FilterCriteria: {Filters: [{Pattern: '{"body": "x"}'}]}\n""", "invalid filter"),
    ],
)
def test_a_mapping_that_aws_rejects_is_an_error(project: Project, mapping: str, reason: str) -> None:
    message = project.error(API + FIFO + QUEUE_MAPPING + mapping)
    assert "QueueMapping: " in message
    assert reason in message


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("      BatchSize: 11\n", "set MaximumBatchingWindowInSeconds to 1 or more"),
        ("      BatchSize: 10001\n", "must be 1 to 10000 for a standard queue"),
        ("      MaximumBatchingWindowInSeconds: 301\n", "0 to 300"),
    ],
)
def test_a_standard_queues_mapping_has_limits_too(project: Project, mapping: str, reason: str) -> None:
    assert reason in project.error(API + QUEUE + QUEUE_MAPPING + mapping)


def test_a_queue_hides_messages_for_at_least_as_long_as_its_function_may_run(project: Project) -> None:
    assert project.load(API + "      Timeout: 30\n" + QUEUE + QUEUE_MAPPING).queue_mappings
    assert project.error(API + "      Timeout: 31\n" + QUEUE + QUEUE_MAPPING) == (
        "template.yaml: QueueMapping: the visibility timeout of Failures is 30 s, but must be at least "
        "the timeout of Hello, 31 s"
    )
