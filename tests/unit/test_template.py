"""What template.yaml comes to after AWS's own transform: who may do what, and what a default deploy gives."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chat.protocol.pages import GAP_FINAL_AFTER
from local.errors import TemplateError
from local.template import sam
from local.template.intrinsics import Resolver
from tests.conftest import HANDLERS, ROOT

FUNCTIONS = [f"{name.capitalize()}Function" for name in [*HANDLERS, "slice"]]
CALLED_BY_QUEUES = {"FanoutFunction", "SliceFunction"}
CONNECTIONS = "arn:aws:dynamodb:us-east-1:000000000000:table/ConnectionsTable"
MESSAGES = "arn:aws:dynamodb:us-east-1:000000000000:table/MessagesTable"
SIGNALS = f"{MESSAGES} SIG#*"  # only items whose partition keys begin so
POSTS = "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/POST/@connections/*"
CLOSES = "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/DELETE/@connections/*"
FAILURES = "arn:aws:sqs:us-east-1:000000000000:FanoutFailures"
DOORBELLS = "arn:aws:sqs:us-east-1:000000000000:SliceQueue.fifo"
ALLOWED: dict[str, set[tuple[str, str]]] = {
    "AuthorizerFunction": set(),
    "ConnectFunction": {
        ("dynamodb:GetItem", CONNECTIONS),
        ("dynamodb:BatchGetItem", CONNECTIONS),
        ("dynamodb:PutItem", CONNECTIONS),
        ("dynamodb:UpdateItem", CONNECTIONS),
        ("dynamodb:DeleteItem", CONNECTIONS),
        ("dynamodb:BatchGetItem", f"{MESSAGES} ROOM#*"),
        ("dynamodb:UpdateItem", SIGNALS),
    },
    "DisconnectFunction": {
        ("dynamodb:DeleteItem", CONNECTIONS),
        ("dynamodb:UpdateItem", CONNECTIONS),
        ("dynamodb:UpdateItem", SIGNALS),
    },
    "MessageFunction": {
        ("dynamodb:GetItem", CONNECTIONS),
        ("dynamodb:UpdateItem", CONNECTIONS),
        ("dynamodb:PutItem", CONNECTIONS),
        ("dynamodb:DeleteItem", CONNECTIONS),
        ("dynamodb:Query", CONNECTIONS),
        ("dynamodb:GetItem", MESSAGES),
        ("dynamodb:BatchGetItem", MESSAGES),
        ("dynamodb:Query", MESSAGES),
        ("dynamodb:UpdateItem", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
    "FanoutFunction": {
        ("dynamodb:Query", CONNECTIONS),
        ("dynamodb:BatchGetItem", CONNECTIONS),
        ("dynamodb:BatchWriteItem", CONNECTIONS),
        ("dynamodb:GetItem", MESSAGES),
        ("dynamodb:BatchGetItem", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("dynamodb:UpdateItem", MESSAGES),
        ("dynamodb:DescribeStream", f"{MESSAGES}/stream/*"),
        ("dynamodb:GetRecords", f"{MESSAGES}/stream/*"),
        ("dynamodb:GetShardIterator", f"{MESSAGES}/stream/*"),
        ("dynamodb:ListStreams", f"{MESSAGES}/stream/*"),
        ("sqs:SendMessage", FAILURES),
        ("sqs:SendMessage", DOORBELLS),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
    "SliceFunction": {
        ("dynamodb:Query", CONNECTIONS),
        ("dynamodb:BatchGetItem", CONNECTIONS),
        ("dynamodb:BatchWriteItem", CONNECTIONS),
        ("dynamodb:GetItem", MESSAGES),
        ("dynamodb:Query", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("dynamodb:UpdateItem", SIGNALS),
        ("sqs:SendMessage", DOORBELLS),
        ("sqs:ReceiveMessage", DOORBELLS),
        ("sqs:DeleteMessage", DOORBELLS),
        ("sqs:ChangeMessageVisibility", DOORBELLS),
        ("sqs:GetQueueAttributes", DOORBELLS),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
}
JWT = {"AuthMode": "jwt", "JwtIssuer": "https://issuer.example.com/", "JwtAudience": "roomcast"}
KEYS = "https://issuer.example.com/.well-known/jwks.json"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:roomcast/jwt-a1b2c3"
TOLD = [
    '{"dynamodb": {"NewImage": {"sk": {"S": ["HEAD"]}}}}',
    '{"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "SIG#"}]}}}}',
]
MANAGED = {  # of every function: to log, and to trace
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}


@pytest.fixture(scope="module")
def resolved() -> Resolver:
    """The transformed template with its defaults, every reference resolved."""
    cloudformation, _ = sam.read(ROOT / "template.yaml", {}, "us-east-1")
    return Resolver(cloudformation, {}, "us-east-1")


@pytest.fixture(scope="module")
def with_access_logs() -> Resolver:
    return resolved_with(AccessLogs="on")


def resolved_with(**parameters: str) -> Resolver:
    """The transformed template with these parameters. Raises TemplateError for any that are not allowed."""
    cloudformation, _ = sam.read(ROOT / "template.yaml", parameters, "us-east-1")
    return Resolver(cloudformation, parameters, "us-east-1")


def of_type(resolved: Resolver, kind: str) -> dict[str, dict[str, Any]]:
    return dict(resolved.of_type(kind))


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def restriction(statement: dict[str, Any]) -> str:
    """The partition keys that a statement is restricted to, if it is."""
    match statement.get("Condition"):
        case None:
            return ""
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}, **others} if not others:
            return f" {key}"
    raise AssertionError(f"an unknown condition: {statement['Condition']}")


# Who may do what


def test_these_are_all_functions(resolved: Resolver) -> None:
    assert set(of_type(resolved, "AWS::Lambda::Function")) == set(ALLOWED) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_needs_and_nothing_else(resolved: Resolver, function: str) -> None:
    role = resolved.properties(f"{function}Role")
    statements = [
        statement
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert all(set(statement) - {"Condition"} == {"Effect", "Action", "Resource"} for statement in statements)
    assert all(statement["Effect"] == "Allow" for statement in statements)
    granted = [
        (action, resource + restriction(statement))
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert len(granted) == len(set(granted))
    assert set(granted) == ALLOWED[function]
    assert set(role["ManagedPolicyArns"]) == MANAGED


@pytest.mark.parametrize(
    ("secret", "allowed"),
    [
        (
            "/roomcast/jwt-secret",
            ("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/roomcast/jwt-secret"),
        ),
        (SECRET_ARN, ("secretsmanager:GetSecretValue", SECRET_ARN)),
    ],
)
def test_the_authorizer_may_read_its_secret_and_nothing_else(secret: str, allowed: tuple[str, str]) -> None:
    role = resolved_with(**JWT, JwtSecret=secret).properties("AuthorizerFunctionRole")
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Action": allowed[0], "Resource": allowed[1]}


def test_with_published_keys_the_authorizer_may_do_nothing() -> None:
    role = resolved_with(**JWT, JwksUrl=KEYS).properties("AuthorizerFunctionRole")
    assert role["Policies"] == []


def test_no_other_resource_grants_anything(resolved: Resolver) -> None:
    kinds = {resource["Type"] for resource in resolved.resources.values()}
    assert kinds.isdisjoint(
        {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::SQS::QueuePolicy", "AWS::Lambda::Url"}
    )
    assert set(of_type(resolved, "AWS::IAM::Role")) == {f"{function}Role" for function in FUNCTIONS}
    for role in of_type(resolved, "AWS::IAM::Role").values():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": ["lambda.amazonaws.com"]}


def test_only_this_api_may_call_the_functions(resolved: Resolver) -> None:
    api = "arn:aws:execute-api:us-east-1:000000000000:ChatApi"
    called = {
        (permission["FunctionName"].rpartition(":")[2], permission["Principal"], permission["SourceArn"])
        for permission in of_type(resolved, "AWS::Lambda::Permission").values()
    }
    assert called == {
        ("AuthorizerFunction", "apigateway.amazonaws.com", f"{api}/authorizers/*"),
        ("ConnectFunction", "apigateway.amazonaws.com", f"{api}/prod/$connect"),
        ("DisconnectFunction", "apigateway.amazonaws.com", f"{api}/prod/$disconnect"),
        ("MessageFunction", "apigateway.amazonaws.com", f"{api}/prod/onMessage"),
        ("MessageFunction", "apigateway.amazonaws.com", f"{api}/prod/$default"),
    }


# The API


def test_each_route_has_its_function(stack: Any) -> None:
    assert {route.key: route.function for route in stack.api.routes.values()} == {
        "$connect": "ConnectFunction",
        "$disconnect": "DisconnectFunction",
        "onMessage": "MessageFunction",
        "$default": "MessageFunction",
    }
    assert stack.api.selection == "$request.body.action"


def test_only_the_default_route_answers(resolved: Resolver) -> None:
    (response,) = of_type(resolved, "AWS::ApiGatewayV2::RouteResponse").values()
    # A logical id that the transform makes up: should it ever change, the reply would be lost.
    assert response == {"ApiId": "ChatApi", "RouteId": "ChatApiDefaultRoute", "RouteResponseKey": "$default"}
    assert {
        name: (route["RouteKey"], route.get("RouteResponseSelectionExpression"))
        for name, route in of_type(resolved, "AWS::ApiGatewayV2::Route").items()
    } == {
        "ChatApiConnectRoute": ("$connect", None),
        "ChatApiDisconnectRoute": ("$disconnect", None),
        "ChatApiOnmessageRoute": ("onMessage", None),
        "ChatApiDefaultRoute": ("$default", "$default"),
    }


def test_a_connect_without_any_header_or_query_reaches_the_authorizer(resolved: Resolver) -> None:
    # API Gateway answers 401 by itself when a listed identity source is absent.
    (authorizer,) = of_type(resolved, "AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert "IdentitySource" not in authorizer
    assert "function:AuthorizerFunction/" in authorizer["AuthorizerUri"]


def test_connect_and_nothing_else_is_authorized(resolved: Resolver) -> None:
    routes = of_type(resolved, "AWS::ApiGatewayV2::Route").values()
    assert [route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") != "NONE"] == [
        "$connect"
    ]


def test_a_row_of_enters_bounds_what_strangers_can_make_one_pay(resolved: Resolver) -> None:
    (stage,) = of_type(resolved, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "200", "ThrottlingBurstLimit": "400"}


def test_access_logs_are_off_unless_asked_for(resolved: Resolver, with_access_logs: Resolver) -> None:
    (stage,) = of_type(resolved, "AWS::ApiGatewayV2::Stage").values()
    assert "AccessLogSettings" not in stage
    assert "AccessLogGroup" not in resolved.resources
    (stage,) = of_type(with_access_logs, "AWS::ApiGatewayV2::Stage").values()
    assert "AccessLogGroup" in stage["AccessLogSettings"]["DestinationArn"]
    assert with_access_logs.properties("AccessLogGroup")["RetentionInDays"] == "30"


def test_access_logs_hold_no_message_and_no_query(with_access_logs: Resolver) -> None:
    (stage,) = of_type(with_access_logs, "AWS::ApiGatewayV2::Stage").values()
    for private in ("querystring", "path", "body", "authorizer.principalId", "authorizer.name", "identity"):
        assert private not in stage["AccessLogSettings"]["Format"]


# The functions


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_traced_and_logs_to_a_group_that_forgets(resolved: Resolver, function: str) -> None:
    properties = resolved.properties(function)
    assert properties["TracingConfig"] == {"Mode": "Active"}
    group = resolved.properties(properties["LoggingConfig"]["LogGroup"])
    assert group == {"RetentionInDays": "30"}


def test_no_two_functions_share_a_log_group(resolved: Resolver) -> None:
    groups = [resolved.properties(function)["LoggingConfig"]["LogGroup"] for function in FUNCTIONS]
    assert len(set(groups)) == len(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_runs_on_the_same_platform(resolved: Resolver, function: str) -> None:
    properties = resolved.properties(function)
    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert [layer.startswith("DependenciesLayer") for layer in properties["Layers"]] == [True]
    assert "ReservedConcurrentExecutions" not in properties  # small accounts refuse it


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_handler_exists(
    handlers: Callable[[str], ModuleType], resolved: Resolver, function: str
) -> None:
    module, _, attribute = resolved.properties(function)["Handler"].rpartition(".")
    app = handlers(module.partition(".")[0])
    assert app.__name__ == module
    assert callable(getattr(app, attribute))


def test_api_gateway_outwaits_the_functions_that_it_calls(resolved: Resolver) -> None:
    for function in FUNCTIONS:
        if function not in CALLED_BY_QUEUES:
            assert resolved.properties(function)["Timeout"] < 29


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_people_write_is_in_no_trace_and_no_debug_log(resolved: Resolver, function: str) -> None:
    variables = resolved.properties(function)["Environment"]["Variables"]
    assert variables["POWERTOOLS_TRACER_CAPTURE_RESPONSE"] == "false"
    assert variables["POWERTOOLS_TRACER_CAPTURE_ERROR"] == "false"
    assert "POWERTOOLS_LOGGER_LOG_EVENT" not in variables
    assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"


def test_both_ways_of_broadcasting_are_told_the_same_but_for_their_first_pace(resolved: Resolver) -> None:
    fanout, slice_ = (
        dict(resolved.properties(function)["Environment"]["Variables"])
        for function in sorted(CALLED_BY_QUEUES)
    )
    assert float(fanout.pop("INITIAL_POST_RATE")) > float(
        slice_.pop("INITIAL_POST_RATE")
    )  # many slices begin at once
    assert fanout == slice_  # one module makes both


# The stream and the doorbells


def test_the_mapping_gives_up_in_the_end_and_keeps_a_pointer(resolved: Resolver) -> None:
    mapping = dict(resolved.properties("FanoutMapping"))
    assert mapping.pop("EventSourceArn").startswith(f"{MESSAGES}/stream/")
    assert mapping.pop("FunctionName").endswith(":function:FanoutFunction")
    assert mapping == {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 1000,
        "ParallelizationFactor": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 4,
        "MaximumRecordAgeInSeconds": 3600,
        "DestinationConfig": {"OnFailure": {"Destination": FAILURES}},
        "FilterCriteria": {"Filters": [{"Pattern": pattern} for pattern in TOLD]},
    }
    # The destination of a stream has to be a standard queue.
    assert "FifoQueue" not in resolved.properties("FanoutFailures")


def test_a_doorbell_is_one_slices_and_rings_until_it_is_given_up(resolved: Resolver) -> None:
    mapping = dict(resolved.properties("SliceMapping"))
    assert mapping.pop("FunctionName").endswith(":function:SliceFunction")
    assert mapping == {"EventSourceArn": DOORBELLS, "BatchSize": 1}
    queue = resolved.properties("SliceQueue")
    assert queue["FifoQueue"] is True
    # Both are needed for a FIFO queue's high throughput.
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == (
        "messageGroup",
        "perMessageGroupId",
    )
    # SQS would have a doorbell rung again while it is being answered.
    assert queue["VisibilityTimeout"] > resolved.properties("SliceFunction")["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"].endswith(":SliceFailures.fifo")
    assert resolved.properties("SliceFailures")["FifoQueue"] is True  # that of a FIFO queue has to be one


# The tables


def test_both_tables_are_paid_by_request_and_forget_what_has_expired(resolved: Resolver) -> None:
    tables = of_type(resolved, "AWS::DynamoDB::Table")
    assert set(tables) == {"ConnectionsTable", "MessagesTable"}
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == {
            "pk": "HASH",
            "sk": "RANGE",
        }
        assert "GlobalSecondaryIndexes" not in table


def test_a_hole_is_final_when_the_stream_has_given_up_its_record(resolved: Resolver) -> None:
    assert (
        resolved.properties("FanoutMapping")["MaximumRecordAgeInSeconds"] == GAP_FINAL_AFTER.total_seconds()
    )


def test_messages_are_streamed_and_can_be_brought_back(resolved: Resolver) -> None:
    messages = resolved.properties("MessagesTable")
    assert messages["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert messages["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert resolved.resources["MessagesTable"]["UpdateReplacePolicy"] == "Retain"
    assert "StreamSpecification" not in resolved.properties("ConnectionsTable")


# What one is asked, and told


def written() -> dict[str, Any]:
    """template.yaml as it is written, references left alone."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: node.value)
    document: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader)
    return document


PARAMETERS = written()["Parameters"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_bounded_and_has_a_default(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["Description"]
    assert "Default" in parameter
    assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(parameter)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"JwtIssuer": ""}, "JwtIssuer"),
        ({"JwtAudience": ""}, "JwtAudience"),
        ({"JwtSecret": ""}, "JwksUrl or JwtSecret"),
        ({"JwksUrl": KEYS}, "JwksUrl or JwtSecret"),
    ],
    ids=str,
)
def test_tokens_that_could_not_be_checked_are_not_deployed(changes: dict[str, str], named: str) -> None:
    complete = {**JWT, "JwtSecret": "/roomcast/jwt-secret"}
    assert resolved_with(**complete)
    with pytest.raises(TemplateError, match=named):
        resolved_with(**complete | changes)
    assert resolved_with(**complete | changes | {"AuthMode": "open"})  # where nothing is checked


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("JwksUrl", KEYS, "http://issuer.example.com/jwks.json"),
        ("JwksUrl", "http://127.0.0.1:8090/jwks.json", "http://127.0.0.1.evil.test/jwks.json"),
        ("JwksUrl", "http://localhost:8090/", "http://localhost@evil.test/"),
        ("JwtSecret", SECRET_ARN, "the secret itself"),
        ("JwtSecret", "/roomcast/jwt-secret", "jwt-secret"),
        ("JwtSecret", SECRET_ARN.replace("arn:aws", "arn:aws-cn"), "arn:aws:s3:::bucket/key"),
        ("JwtAudience", "web,phone", "web, phone"),
        ("JwtAudience", "https://chat.example.com/api", "web,"),
        ("RoomsClaim", "https://example.com/rooms", ""),
        ("RolesClaim", "cognito:groups", "the roles"),
        ("AllowedOrigins", "*", "*,https://example.com"),
        ("AllowedOrigins", "https://example.com,http://localhost:3000", "https://example.com/"),
        ("AllowedOrigins", "null,https://example.com", "example.com"),
        ("AllowedOrigins", "null", ""),
    ],
)
def test_a_parameter_takes_what_it_can_use(name: str, good: str, bad: str) -> None:
    assert resolved_with(**{name: good})
    with pytest.raises(TemplateError, match=name):
        resolved_with(**{name: bad})


def test_one_is_told_the_url_the_tables_and_that_the_door_is_open() -> None:
    outputs = written()["Outputs"]
    assert {"WebSocketUrl", "ConnectionsTableName", "MessagesTableName", "OpenToEveryone"} <= set(outputs)
    assert "Anyone who knows the URL" in outputs["OpenToEveryone"]["Value"]
    assert outputs["OpenToEveryone"]["Condition"] == "OpenToEveryone"  # unless AuthMode is jwt
    assert all(output["Description"] for output in outputs.values())
