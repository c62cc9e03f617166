"""What a function's answer means to API Gateway: the authorizer's, $connect's, and a message route's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.aws_defaults import AUTHORIZER_RESULT_SIZE
from local.invocation import Result


@dataclass(frozen=True, slots=True)
class Refused:
    """The handshake is answered with this HTTP status."""

    status: int


@dataclass(frozen=True, slots=True)
class Authorized:
    """The authorizer's principal and context, the values as strings."""

    principal: str
    context: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a two-way route sends to its client; empty when the function returned no body."""

    body: str


class Malformed(Exception):
    """The answer has not the shape that API Gateway reads."""


def read_authorizer(result: Result, arn: str) -> Authorized | Refused:
    """Whether the authorizer's policy lets this client connect; anything but a readable policy is a 500.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    Conditions of a policy are not evaluated: a statement counts whatever they say.
    """
    if result.error is not None:
        # The one failure that is an answer: AUTHORIZER_FAILURE (500) becomes UNAUTHORIZED (401).
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
        return Refused(401 if _error_message(result) == "Unauthorized" else 500)
    try:
        if len(result.payload) > AUTHORIZER_RESULT_SIZE:
            raise Malformed("result size")
        answer = _json_object(result)
        principal = answer.get("principalId")
        if not isinstance(principal, str):
            raise Malformed("principalId")
        allowed = _allows(answer.get("policyDocument"), arn)
        context = _stringified(answer.get("context", {}))
    except Malformed:
        return Refused(500)
    return Authorized(principal, context) if allowed else Refused(403)


def read_connect(result: Result) -> Accepted | Refused:
    """Whether $connect's function lets the client in: 2xx does, any other status is the handshake's own.

    A function that fails or answers nonsense gives 502, as seen on AWS:
    https://github.com/serverless/serverless-websockets-plugin/issues/13
    """
    if result.error is not None:
        return Refused(502)
    try:
        answer = _json_object(result)
        status = _status(answer)
        headers = answer.get("headers") or {}
        if not isinstance(headers, dict):
            raise Malformed("headers")
    except Malformed:
        return Refused(502)
    if not 200 <= status <= 299:
        return Refused(status)
    chosen = [v for k, v in headers.items() if k.lower() == "sec-websocket-protocol" and isinstance(v, str)]
    return Accepted(chosen[0] if chosen else None)


def read_message(result: Result) -> Reply:
    """What a message route's function replies; the status code does not matter to the client.

    Raises Malformed for anything but `statusCode` and a string `body`. More keys than these are refused too,
    even on one-way routes: https://github.com/middyjs/middy/issues/1219
    """
    if result.error is not None:
        raise Malformed(result.error)
    answer = _json_object(result)
    _status(answer)
    body = answer.get("body")
    if answer.keys() - {"statusCode", "body"} or not (body is None or isinstance(body, str)):
        raise Malformed("answer")
    return Reply(body or "")


def _json_object(result: Result) -> dict[str, Any]:
    try:
        answer = json.loads(result.payload)
    except (ValueError, RecursionError) as error:
        raise Malformed("JSON") from error
    if not isinstance(answer, dict):
        raise Malformed("object")
    return answer


def _error_message(result: Result) -> object:
    try:
        return _json_object(result).get("errorMessage")
    except Malformed:
        return None


def _status(answer: dict[str, Any]) -> int:
    status = answer.get("statusCode")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise Malformed("statusCode")
    return status


def _stringified(context: Any) -> dict[str, str]:
    """Context values as events carry them. An object or array is not allowed (developer guide, above)."""
    if not isinstance(context, dict):
        raise Malformed("context")
    values: dict[str, str] = {}
    for key, value in context.items():
        if isinstance(value, str):
            values[key] = value
        elif isinstance(value, bool | int | float):
            values[key] = json.dumps(value)  # True is "true", as in JSON
        else:
            raise Malformed(f"context value of {key}")
    return values


def _allows(policy: Any, arn: str) -> bool:
    """Whether an IAM policy allows execute-api:Invoke on the ARN: a Deny wins, and silence is a no."""
    if not isinstance(policy, dict):
        raise Malformed("policyDocument")
    effects = [
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"), dict)
        if _matches(_listed(statement.get("Action"), str), "execute-api:Invoke", ignore_case=True)
        and _matches(_listed(statement.get("Resource"), str), arn)
    ]
    if any(effect not in ("Allow", "Deny") for effect in effects):
        raise Malformed("Effect")
    return "Allow" in effects and "Deny" not in effects


def _listed[T](value: Any, kind: type[T]) -> list[T]:
    """An IAM policy's list, which may be written as its only element."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, kind) for item in items):
        raise Malformed("policyDocument")
    return items


def _matches(patterns: Iterable[str], text: str, *, ignore_case: bool = False) -> bool:
    """IAM's wildcards: * for any characters, ? for one; an action's case does not matter, a resource's does.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    for pattern in patterns:
        escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(escaped, text, flags):
            return True
    return False
