"""How API Gateway reads a function's result: the authorizer's, $connect's, and a message route's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.aws_defaults import AUTHORIZER_RESULT_SIZE
from local.invocation import Result


@dataclass(frozen=True, slots=True)
class Rejected:
    """The handshake fails with this HTTP status."""

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
    """The message that a two-way route sends to its client; empty if the function returned no body."""

    body: str


class InvalidResult(Exception):
    """The result does not have the form that API Gateway reads."""


def read_authorizer(result: Result, arn: str) -> Authorized | Rejected:
    """Evaluate the authorizer's policy for this client; an invalid result is a 500.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    Conditions of a policy are ignored: a statement always counts.
    """
    if result.error is not None:
        # This one error is an answer: AUTHORIZER_FAILURE (500) becomes UNAUTHORIZED (401).
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
        return Rejected(401 if _error_message(result) == "Unauthorized" else 500)
    try:
        if len(result.payload) > AUTHORIZER_RESULT_SIZE:
            raise InvalidResult("result size")
        answer = _json_object(result)
        principal = answer.get("principalId")
        if not isinstance(principal, str):
            raise InvalidResult("principalId")
        allowed = _allows(answer.get("policyDocument"), arn)
        context = _stringified(answer.get("context", {}))
    except InvalidResult:
        return Rejected(500)
    return Authorized(principal, context) if allowed else Rejected(403)


def read_connect(result: Result) -> Accepted | Rejected:
    """Read the result of $connect: 2xx accepts the client, any other status is the handshake's.

    A function that fails, or whose result is invalid, gives 502, as seen on AWS:
    https://github.com/serverless/serverless-websockets-plugin/issues/13
    """
    if result.error is not None:
        return Rejected(502)
    try:
        answer = _json_object(result)
        status = _status(answer)
        headers = answer.get("headers") or {}
        if not isinstance(headers, dict):
            raise InvalidResult("headers")
    except InvalidResult:
        return Rejected(502)
    if not 200 <= status <= 299:
        return Rejected(status)
    chosen = [v for k, v in headers.items() if k.lower() == "sec-websocket-protocol" and isinstance(v, str)]
    return Accepted(chosen[0] if chosen else None)


def read_message(result: Result) -> Reply:
    """Read the reply of a message route; the status code does not matter to the client.

    Raises InvalidResult unless the result is `statusCode` and a string `body`. Any other key is an error too,
    even on one-way routes: https://github.com/middyjs/middy/issues/1219
    """
    if result.error is not None:
        raise InvalidResult(result.error)
    answer = _json_object(result)
    _status(answer)
    body = answer.get("body")
    if answer.keys() - {"statusCode", "body"} or not (body is None or isinstance(body, str)):
        raise InvalidResult("answer")
    return Reply(body or "")


def _json_object(result: Result) -> dict[str, Any]:
    try:
        answer = json.loads(result.payload)
    except (ValueError, RecursionError) as error:
        raise InvalidResult("JSON") from error
    if not isinstance(answer, dict):
        raise InvalidResult("object")
    return answer


def _error_message(result: Result) -> object:
    try:
        return _json_object(result).get("errorMessage")
    except InvalidResult:
        return None


def _status(answer: dict[str, Any]) -> int:
    status = answer.get("statusCode")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise InvalidResult("statusCode")
    return status


def _stringified(context: Any) -> dict[str, str]:
    """Return context values as events have them. Objects and arrays are not allowed (guide above)."""
    if not isinstance(context, dict):
        raise InvalidResult("context")
    values: dict[str, str] = {}
    for key, value in context.items():
        if isinstance(value, str):
            values[key] = value
        elif isinstance(value, bool | int | float):
            values[key] = json.dumps(value)  # True is "true", as in JSON
        else:
            raise InvalidResult(f"context value of {key}")
    return values


def _allows(policy: Any, arn: str) -> bool:
    """True if an IAM policy allows execute-api:Invoke on the ARN: a Deny wins, and the default is no."""
    if not isinstance(policy, dict):
        raise InvalidResult("policyDocument")
    effects = [
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"), dict)
        if _matches(_listed(statement.get("Action"), str), "execute-api:Invoke", ignore_case=True)
        and _matches(_listed(statement.get("Resource"), str), arn)
    ]
    if any(effect not in ("Allow", "Deny") for effect in effects):
        raise InvalidResult("Effect")
    return "Allow" in effects and "Deny" not in effects


def _listed[T](value: Any, kind: type[T]) -> list[T]:
    """Return a list of an IAM policy, which may be written as its only element."""
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, kind) for item in items):
        raise InvalidResult("policyDocument")
    return items


def _matches(patterns: Iterable[str], text: str, *, ignore_case: bool = False) -> bool:
    """Match IAM's wildcards: * for any characters, ? for one. An action's case does not matter.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    for pattern in patterns:
        escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(escaped, text, flags):
            return True
    return False
