"""Each test writes the smallest template that shows its rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.errors import TemplateError
from local.stack import Function, QueueMapping, Route, Stack
from local.template.load import Endpoints, load

ROOT = Path(__file__).parents[4]

# A template needs a socket API; what a test is about comes after it.
API = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.13, CodeUri: code/}
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: live
      Routes:
        $connect: {FunctionArn: !GetAtt Hello.Arn}
        $default: {FunctionArn: !GetAtt Hello.Arn, IntegrationTimeout: 5000}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: hello.app.handler
"""


class Project:
    """A folder with one handler file, and templates written into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        handler = folder / "code" / "hello" / "app.py"
        handler.parent.mkdir(parents=True)
        handler.write_text("def handler(event, context): ...\n")

    def load(self, template: str, endpoints: Endpoints | None = None, **parameters: str) -> Stack:
        path = self.folder / "template.yaml"
        path.write_text(template)
        return load(path, parameters=parameters, endpoints=endpoints)

    def error(self, template: str, **parameters: str) -> str:
        with pytest.raises(TemplateError) as caught:
            self.load(template, **parameters)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith("template.yaml: ")
        return message

    def variable(
        self, value: str, more: str = "", endpoints: Endpoints | None = None, **parameters: str
    ) -> str:
        """Return the value of a variable of Hello."""
        resources = API + f"      Environment: {{Variables: {{IT: {value}}}}}\n"
        return self.load(resources + more, endpoints, **parameters).functions["Hello"].environment["IT"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


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


def test_routes_name_their_functions_and_integration_timeouts(project: Project) -> None:
    api = project.load(API).api
    assert (api.name, api.stage, api.selection) == ("Api", "live", "$request.body.action")
    assert api.routes == {
        "$connect": Route(key="$connect", function="Hello", two_way=False, timeout=29.0),
        "$default": Route(key="$default", function="Hello", two_way=False, timeout=5.0),
    }
    assert (api.authorizer, api.throttle_rate, api.throttle_burst) == (None, None, None)


RESPONSE = """
  Reply:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref ApiDefaultRoute, RouteResponseKey: $default}
"""


def test_a_route_is_two_way_only_with_a_response_that_it_selects(project: Project) -> None:
    selecting = API.replace("IntegrationTimeout: 5000", "RouteResponseSelectionExpression: $default")
    assert project.load(selecting + RESPONSE).api.routes["$default"].two_way
    assert not project.load(selecting).api.routes["$default"].two_way
    assert not project.load(API + RESPONSE).api.routes["$default"].two_way


def test_the_authorizer_and_the_throttle_come_from_the_api(project: Project) -> None:
    authorizing = API.replace(
        "      StageName: live\n",
        "      StageName: live\n"
        "      Auth: {AuthType: CUSTOM, AuthArn: !GetAtt Hello.Arn}\n"
        "      DefaultRouteSettings: {ThrottlingRateLimit: 20, ThrottlingBurstLimit: 5}\n",
    )
    api = project.load(authorizing).api
    assert (api.authorizer, api.throttle_rate, api.throttle_burst) == ("Hello", 20.0, 5)


TABLE = """
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: gone_at, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
"""
QUEUE = """
  Failures:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 30, SqsManagedSseEnabled: true}
"""
MAPPING = """
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Rows.StreamArn
      FunctionName: !Ref Hello
      StartingPosition: TRIM_HORIZON
"""


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


QUEUE_MAPPING = """
  QueueMapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Failures.Arn
      FunctionName: !Ref Hello
"""


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


FIFO = """
  Failures:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true
      ContentBasedDeduplication: true
      DeduplicationScope: messageGroup
      FifoThroughputLimit: perMessageGroupId
      VisibilityTimeout: 30
      MessageRetentionPeriod: 1209600
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 5}
  Lost:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true}
"""


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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref Rows", "Rows"),
        ("!Ref Hello", "Hello"),
        ("!Ref Api", "Api"),
        ("!Ref Failures", "https://sqs.us-east-1.amazonaws.com/000000000000/Failures"),
        ("!GetAtt Rows.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/Rows"),
        ("!GetAtt Failures.Arn", "arn:aws:sqs:us-east-1:000000000000:Failures"),
        ("!GetAtt Failures.QueueName", "Failures"),
        ('!Sub "${Rows}-${AWS::Region}-${!Rows}"', "Rows-us-east-1-${Rows}"),
        ('!Sub ["${Rows}/${x}", {x: !Ref AWS::Partition}]', "Rows/aws"),
        ('!Sub "${Rows.Arn}/*"', "arn:aws:dynamodb:us-east-1:000000000000:table/Rows/*"),
        ('!Join ["-", [a, !Ref Rows, c]]', "a-Rows-c"),
        ('!Select [1, !Split [",", "a,b,c"]]', "b"),
        ("!FindInMap [Sizes, !Ref AWS::Region, big]", "99"),
        ("!If [Yes, right, wrong]", "right"),
        ("!If [No, wrong, right]", "right"),
        ("true", "true"),
        ("12", "12"),
    ],
)
def test_intrinsic_functions_resolve(project: Project, value: str, expected: str) -> None:
    more = (
        TABLE + QUEUE + "Mappings: {Sizes: {us-east-1: {big: '99'}}}\n"
        "Conditions:\n"
        "  'Yes': !And [!Equals [!Ref AWS::Region, us-east-1], !Not [!Condition 'No']]\n"
        "  'No': !Or [!Equals [a, b], !Equals [c, d]]\n"
    )
    value = value.replace("[Yes,", "['Yes',").replace("[No,", "['No',")
    assert project.variable(value, more) == expected


def test_no_value_removes_its_property(project: Project) -> None:
    more = "Conditions: {Never: !Equals [a, b]}\n"
    with pytest.raises(KeyError):
        project.variable("!If [Never, x, !Ref AWS::NoValue]", more)


def test_a_resource_whose_condition_is_false_is_absent(project: Project) -> None:
    conditional = QUEUE.replace("Queue\n", "Queue\n    Condition: Wanted\n")
    more = (
        "Parameters: {Queue: {Type: String, Default: 'no'}}\n"
        "Conditions: {Wanted: !Equals [!Ref Queue, 'yes']}\n"
    )
    assert project.load(API + conditional + more).queues == {}
    assert set(project.load(API + conditional + more, Queue="yes").queues) == {"Failures"}


PARAMETERS = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedPattern: "[a-z]+"}
  Days: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
  Mode: {Type: String, Default: "on", AllowedValues: ["on", "off"]}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Long: {Type: String, Default: abc, MinLength: 2, MaxLength: 4}
"""


def test_parameters_have_defaults_that_can_be_overridden(project: Project) -> None:
    value = '!Sub "${Stage} ${Days} ${Mode}"'
    assert project.variable(value, PARAMETERS) == "dev 3 on"
    assert project.variable(value, PARAMETERS, Stage="live", Days="9", Mode="off") == "live 9 off"
    assert project.variable('!Join ["+", !Ref Zones]', PARAMETERS) == "a+b"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Stage", "UPPER", "[a-z]+"),
        ("Stage", "good-not", "[a-z]+"),  # the pattern has to match all of it
        ("Days", "0", "1 to 9"),
        ("Days", "many", "number"),
        ("Mode", "maybe", "on, off"),
        ("Long", "abcde", "2 to 4 characters"),
        ("Nothing", "x", "no parameter Nothing"),
    ],
)
def test_a_parameter_that_breaks_its_rules_is_an_error_that_names_it(
    project: Project, name: str, value: str, reason: str
) -> None:
    message = project.error(API + PARAMETERS, **{name: value})
    assert name in message
    assert reason in message


RULES = """
Rules:
  Together:
    RuleCondition: !Equals [!Ref Mode, "on"]
    Assertions:
      - Assert: !Not [!Equals [!Ref Stage, live]]
        AssertDescription: What is on is not live.
      - Assert: !Or [!Equals [!Ref Days, "3"], !Equals [!Ref Long, long]]
  Always:
    Assertions:
      - Assert: !Not [!Equals [!Ref Long, zzzz]]
"""


def test_parameters_that_break_a_rule_together_are_an_error_in_its_words(project: Project) -> None:
    template = API + PARAMETERS + RULES
    assert project.load(template)
    assert "What is on is not live." in project.error(template, Stage="live")
    assert project.load(template, Stage="live", Mode="off")  # where the rule does not apply
    assert "Together" in project.error(template, Days="4")
    assert project.load(template, Days="4", Long="long")
    assert "Always" in project.error(template, Long="zzzz", Mode="off")


def test_an_invalid_rule_is_an_error(project: Project) -> None:
    assert "Ref of Nothing" in project.error(
        API + "Rules: {R: {Assertions: [{Assert: !Equals [!Ref Nothing, a]}]}}\n"
    )
    assert project.error(API + "Rules: {R: {}}\n")


def test_a_parameter_without_a_default_needs_a_value(project: Project) -> None:
    template = API + "Parameters: {Domain: {Type: String}}\n"
    assert "Domain needs a value" in project.error(template)
    assert project.load(template, Domain="x")


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


def test_a_condition_that_depends_on_itself_is_an_error(project: Project) -> None:
    more = "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\n"
    assert "depends on itself" in project.error(
        API + QUEUE.replace("Queue\n", "Queue\n    Condition: A\n") + more
    )


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
