"""How an authorizer's answer is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.gateway.function_results import Authorized, Rejected, read_authorizer
from local.invocation import Result

ARN = "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/$connect"
ALLOW = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
DENY = {**ALLOW, "Effect": "Deny"}


def read(statement: Any, **more: Any) -> Authorized | Rejected:
    answer = {"principalId": "u1", "policyDocument": {"Statement": statement}, **more}
    return read_authorizer(Result(json.dumps(answer).encode()), ARN)


@pytest.mark.parametrize(
    "resource",
    [
        ARN,
        "*",
        [ARN, "arn:aws:s3:::other"],
        "arn:aws:execute-api:us-east-1:000000000000:ChatApi/*",
        "arn:aws:execute-api:*:*:*/prod/*",
        "arn:aws:execute-api:us-east-?:000000000000:ChatApi/prod/$connect",
    ],
)
def test_a_resource_may_be_the_arn_or_a_pattern_of_it(resource: Any) -> None:
    assert read([{**ALLOW, "Resource": resource}]) == Authorized("u1")


@pytest.mark.parametrize(
    "resource", [ARN[:-1], ARN + "x", ARN.upper(), "arn:aws:execute-api:*:*:*/dev/*", []]
)
def test_another_resource_allows_nothing(resource: Any) -> None:
    assert read([{**ALLOW, "Resource": resource}]) == Rejected(403)


@pytest.mark.parametrize(
    "action", ["execute-api:Invoke", "Execute-API:invoke", "execute-api:*", "*", ["s3:*", "*"]]
)
def test_an_action_may_be_a_pattern_and_in_any_case(action: Any) -> None:
    assert read([{**ALLOW, "Action": action}]) == Authorized("u1")


def test_another_action_allows_nothing() -> None:
    assert read([{**ALLOW, "Action": "execute-api:ManageConnections"}]) == Rejected(403)


@pytest.mark.parametrize("statement", [[ALLOW, DENY], [DENY, ALLOW], [DENY], DENY, []])
def test_a_deny_wins_and_the_default_is_to_deny(statement: Any) -> None:
    assert read(statement) == Rejected(403)


def test_a_single_statement_needs_no_list() -> None:
    assert read(ALLOW) == Authorized("u1")


def test_context_values_become_strings() -> None:
    context = {"s": "text", "t": True, "f": False, "i": 7, "n": 0.5}
    assert read(ALLOW, context=context) == Authorized(
        "u1", {"s": "text", "t": "true", "f": "false", "i": "7", "n": "0.5"}
    )


@pytest.mark.parametrize("value", [{}, {"a": 1}, [], ["a"], None])
def test_a_context_value_that_is_not_a_scalar_is_a_500(value: Any) -> None:
    assert read(ALLOW, context={"key": value}) == Rejected(500)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "allow",
        {},
        {"principalId": "u1"},
        {"policyDocument": {"Statement": [ALLOW]}},
        {"principalId": 7, "policyDocument": {"Statement": [ALLOW]}},
        {"principalId": "u1", "policyDocument": "allow"},
        {"principalId": "u1", "policyDocument": {}},
        {"principalId": "u1", "policyDocument": {"Statement": ["allow"]}},
        {"principalId": "u1", "policyDocument": {"Statement": [{"Effect": "Allow"}]}},
        {"principalId": "u1", "policyDocument": {"Statement": [{**ALLOW, "Effect": "allow"}]}},
        {"principalId": "u1", "policyDocument": {"Statement": [{**ALLOW, "Effect": {}}]}},
        {"principalId": "u1", "policyDocument": {"Statement": [ALLOW]}, "context": "x"},
        {"principalId": "u1", "policyDocument": {"Statement": [ALLOW]}, "context": {"long": "x" * 8192}},
    ],
)
def test_an_invalid_answer_is_a_500(answer: Any) -> None:
    assert read_authorizer(Result(json.dumps(answer).encode()), ARN) == Rejected(500)


@pytest.mark.parametrize("payload", [b"", b"not json", b"[" * 5000])
def test_a_payload_that_is_not_json_is_a_500(payload: bytes) -> None:
    assert read_authorizer(Result(payload), ARN) == Rejected(500)
    assert read_authorizer(Result(payload, "Unhandled"), ARN) == Rejected(500)
