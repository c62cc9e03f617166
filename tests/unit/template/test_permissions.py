"""What each function may do, and who may call it."""

from __future__ import annotations

from typing import Any

import pytest

from local.template.intrinsics import Resolver
from tests.support.deployed_template import (
    CLOSES,
    CONNECTIONS,
    FAILURES,
    FUNCTIONS,
    JWT,
    KEYS,
    MESSAGES,
    POSTS,
    SECRET_ARN,
    SIGNALS,
    SLICE_QUEUE,
    listed,
    of_type,
    resolved_with,
)

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
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
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
        ("dynamodb:DeleteItem", f"{MESSAGES} USER#*"),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
    "FanoutFunction": {
        ("dynamodb:Query", CONNECTIONS),
        ("dynamodb:GetItem", CONNECTIONS),
        ("dynamodb:BatchGetItem", CONNECTIONS),
        ("dynamodb:BatchWriteItem", CONNECTIONS),
        ("dynamodb:GetItem", MESSAGES),
        ("dynamodb:BatchGetItem", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("dynamodb:UpdateItem", MESSAGES),
        ("dynamodb:Query", f"{MESSAGES} LOG#*"),
        ("dynamodb:DescribeStream", f"{MESSAGES}/stream/*"),
        ("dynamodb:GetRecords", f"{MESSAGES}/stream/*"),
        ("dynamodb:GetShardIterator", f"{MESSAGES}/stream/*"),
        ("dynamodb:ListStreams", f"{MESSAGES}/stream/*"),
        ("sqs:SendMessage", FAILURES),
        ("sqs:SendMessage", SLICE_QUEUE),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
    "SliceFunction": {
        ("dynamodb:Query", CONNECTIONS),
        ("dynamodb:BatchGetItem", CONNECTIONS),
        ("dynamodb:BatchWriteItem", CONNECTIONS),
        ("dynamodb:GetItem", MESSAGES),
        ("dynamodb:BatchGetItem", MESSAGES),
        ("dynamodb:Query", MESSAGES),
        ("dynamodb:PutItem", MESSAGES),
        ("dynamodb:UpdateItem", SIGNALS),
        ("sqs:SendMessage", SLICE_QUEUE),
        ("sqs:ReceiveMessage", SLICE_QUEUE),
        ("sqs:DeleteMessage", SLICE_QUEUE),
        ("sqs:ChangeMessageVisibility", SLICE_QUEUE),
        ("sqs:GetQueueAttributes", SLICE_QUEUE),
        ("execute-api:ManageConnections", POSTS),
        ("execute-api:ManageConnections", CLOSES),
    },
}
# Of every function: to log, and to trace. The fan-out sends segments by itself, too (src/chat/xray.py).
MANAGED = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}


def restriction(statement: dict[str, Any]) -> str:
    """Return the partition keys that a statement is restricted to, or an empty text."""
    match statement.get("Condition"):
        case None:
            return ""
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}, **others} if not others:
            return f" {key}"
    raise AssertionError(f"an unknown condition: {statement['Condition']}")


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
    ("place", "allowed"),
    [
        (
            {"JwtSecret": "/roomcast/jwt-secret"},
            ("ssm:GetParameter", "arn:aws:ssm:us-east-1:000000000000:parameter/roomcast/jwt-secret"),
        ),
        ({"JwtSecretArn": SECRET_ARN}, ("secretsmanager:GetSecretValue", SECRET_ARN)),
    ],
)
def test_the_authorizer_may_read_its_secret_and_nothing_else(
    place: dict[str, str], allowed: tuple[str, str]
) -> None:
    resolved = resolved_with(**JWT, **place)
    variables = resolved.properties("AuthorizerFunction")["Environment"]["Variables"]
    assert variables["JWT_SECRET"] == next(iter(place.values()))
    role = resolved.properties("AuthorizerFunctionRole")
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Action": allowed[0], "Resource": allowed[1]}


def test_with_published_keys_the_authorizer_may_do_nothing() -> None:
    role = resolved_with(**JWT, JwksUrl=KEYS).properties("AuthorizerFunctionRole")
    assert role["Policies"] == []


def test_no_other_resource_grants_permissions(resolved: Resolver) -> None:
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
