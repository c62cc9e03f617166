"""Functions, tables, queues and endpoints. Each test writes the smallest template that shows its rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.errors import TemplateError
from local.stack import Function
from local.template.load import Endpoints, load
from tests.support.local.templates import API, FIFO, MAPPING, QUEUE, QUEUE_MAPPING, TABLE, Project
from tests.support.project import ROOT


def test_a_function_has_aws_defaults_unless_the_template_sets_them(project: Project) -> None:
    function = project.load(API).functions["Hello"]
    assert function == Function(
        name="Hello",
        handler="hello.app.handler",
        code=project.folder / "code",
        timeout=3.0,
        memory=128,
        environment={},
        traced=False,
    )


def test_a_function_wins_over_globals(project: Project) -> None:
    template = API.replace("CodeUri: code/", "CodeUri: code/, Timeout: 7, MemorySize: 256, Tracing: Active")
    function = project.load(template + "      Timeout: 9\n").functions["Hello"]
    assert (function.timeout, function.memory, function.traced) == (9.0, 256, True)


def test_a_table_becomes_the_body_of_create_table(project: Project) -> None:
    table = project.load(API + TABLE).tables["Rows"]
    assert table.ttl == "gone_at"
    assert table.definition == {
        "TableName": "Rows",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }


def test_a_queue_has_its_attributes_as_text(project: Project) -> None:
    queue = project.load(API + QUEUE).queues["Failures"]
    assert queue.attributes == {"VisibilityTimeout": "30", "SqsManagedSseEnabled": "true"}


def test_a_fifo_queue_without_a_name_gets_one_that_sqs_accepts(project: Project) -> None:
    fifo = QUEUE.replace("SqsManagedSseEnabled", "FifoQueue")
    assert project.load(API + fifo).queues["Failures"].name == "Failures.fifo"


def test_a_fifo_queue_and_its_dead_letter_queue(project: Project) -> None:
    stack = project.load(API + FIFO + QUEUE_MAPPING)
    queue = stack.queues["Failures"]
    assert (queue.fifo, queue.visibility) == (True, 30)
    assert queue.attributes == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "1209600",
        "RedrivePolicy": (
            '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:Lost.fifo","maxReceiveCount":5}'
        ),
    }
    assert stack.queue_mappings[0].fifo


def test_a_queue_has_a_visibility_timeout_of_30_seconds_unless_it_sets_one(project: Project) -> None:
    assert project.load(API + FIFO).queues["Lost"].visibility == 30


@pytest.mark.parametrize(
    ("queues", "reason"),
    [
        (
            FIFO.replace("{FifoQueue: true}", "{VisibilityTimeout: 30}"),
            "must both be FIFO or both be standard",
        ),
        (FIFO.replace("!GetAtt Lost.Arn", "arn:aws:sqs:us-east-1:1:other"), "other, which is not a queue"),
        (FIFO.replace("{FifoQueue: true}", "{FifoQueue: true, QueueName: lost}"), "must end with .fifo"),
        (QUEUE.replace("VisibilityTimeout: 30", "QueueName: x.fifo"), "must end with .fifo"),
    ],
)
def test_queues_that_aws_rejects_are_errors(project: Project, queues: str, reason: str) -> None:
    assert reason in project.error(API + queues)


def test_a_type_that_the_engine_does_not_run_is_named_in_one_line(project: Project) -> None:
    stack = project.load(API + "  Bucket: {Type: AWS::S3::Bucket}\n  Logs: {Type: AWS::Logs::LogGroup}\n")
    assert stack.unknown == ("Bucket: AWS::S3::Bucket is not run here",)


def test_the_environment_points_at_aws_without_endpoints(project: Project) -> None:
    here = Endpoints("127.0.0.1:8080", "127.0.0.1:8081")
    gateway = '!Sub "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"'
    assert project.variable(gateway) == "https://Api.execute-api.us-east-1.amazonaws.com/live"
    assert project.variable(gateway, endpoints=here) == "http://127.0.0.1:8080/live"
    socket = gateway.replace("https", "wss")
    assert project.variable(socket, endpoints=here) == "ws://127.0.0.1:8080/live"
    for service in ("dynamodb", "secretsmanager", "sqs", "ssm", "streams.dynamodb"):
        value = f'!Sub "https://{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"'
        assert project.variable(value, endpoints=here) == "http://127.0.0.1:8081"
    queue = project.variable("!Ref Failures", QUEUE, here)
    assert queue == "http://127.0.0.1:8081/000000000000/Failures"
    here = Endpoints("127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8082")
    queue = project.variable("!Ref Failures", QUEUE, here)
    assert queue == "http://127.0.0.1:8082/000000000000/Failures"


def test_another_api_or_service_is_unchanged(project: Project) -> None:
    here = Endpoints("127.0.0.1:8080", "127.0.0.1:8081")
    for url in ("https://abc123.execute-api.us-east-1.amazonaws.com", "https://s3.us-east-1.amazonaws.com"):
        assert project.variable(url, endpoints=here) == url


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("a: [", "line 1"),
        ("just text", "no Resources"),
        (API.replace("Handler: ", "Handlr: "), "Handlr"),
        (API.replace("hello.app", "hello.gone"), "gone.py"),
        (API.replace("CodeUri: code/", "CodeUri: s3://bucket/key"), "folder"),
        (API.replace("python3.13", "nodejs22.x"), "nodejs22.x"),
        (API.replace("!GetAtt Hello.Arn", "!GetAtt Nobody.Arn"), "Nobody"),
        (API + "  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Gone}}\n", "Gone"),
        (API + TABLE + MAPPING.replace("Ref Hello", "Ref AWS::Region"), "not a function"),
        (API + TABLE + MAPPING + "      FilterCriteria: {Filters: [{Pattern: '{'}]}\n", "not JSON"),
        (API.replace("live", "!Cidr [a, b, c]"), "Fn::Cidr"),
        (API.replace("live", "!Select [9, [a]]"), "Select"),
        (API.replace("live", '!Sub "${Gone}"'), "Gone"),
        (API.replace("live", "!If [Gone, a, b]"), "Gone"),
        (API[: API.index("  Api:")] + "  Hello: {Type: AWS::SQS::Queue}\n", "one WebSocket API"),
    ],
)
def test_a_broken_template_is_an_error_of_one_line(project: Project, template: str, reason: str) -> None:
    assert reason in project.error(template)


def test_a_template_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"gone\.yaml: No such file"):
        load(tmp_path / "gone.yaml")


def test_reading_leaves_the_process_environment_as_it_was(project: Project) -> None:
    before = dict(os.environ)
    project.load(API)
    assert dict(os.environ) == before


def test_the_projects_own_template_has_nothing_that_is_not_run() -> None:
    stack = load(ROOT / "template.yaml", endpoints=Endpoints("127.0.0.1:8080", "127.0.0.1:8081"))
    assert stack.unknown == ()
    assert stack.api.routes["$default"].two_way
    assert not stack.api.routes["onMessage"].two_way
    assert stack.api.authorizer is not None
    tables = [stack.tables[mapping.table] for mapping in stack.stream_mappings]
    assert [table.definition["StreamSpecification"] for table in tables]
    for function in stack.functions.values():
        assert not [value for value in function.environment.values() if "amazonaws" in value]
