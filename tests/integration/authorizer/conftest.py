from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import boto3
import pytest

from local.aws_defaults import AUTHORIZER_RESULT_SIZE
from local.template import load as template
from tests.conftest import Logs
from tests.support.cold_start import import_app, modules_kept
from tests.support.fakes.lambda_context import LambdaContext
from tests.support.issuer import AUDIENCE, ISSUER, SECRET, KeySetServer, published, rsa_key
from tests.support.project import ROOT

PLACE = "/roomcast/jwt-secret"
JWT = {"AuthMode": "jwt", "JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}
WITH_SECRET = {**JWT, "JwtSecret": PLACE}

type ColdStart = Callable[..., ModuleType]
type Deploy = Callable[[dict[str, str]], Authorizer]


class Authorizer:
    """The function as it is deployed with some parameters."""

    def __init__(self, app: ModuleType, event: Callable[[str], dict[str, Any]]) -> None:
        self._app = app
        self._event = event

    def answer(
        self, *, headers: dict[str, str] | None = None, query: dict[str, list[str]] | None = None
    ) -> dict[str, Any]:
        """Return the answer to a client that sends these headers and this query."""
        event = self._event("authorize")
        event["headers"] = headers
        event["multiValueHeaders"] = headers and {name: [value] for name, value in headers.items()}
        event["queryStringParameters"] = query and {name: values[-1] for name, values in query.items()}
        event["multiValueQueryStringParameters"] = query
        return self.invoke(event)

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._app.handler(event, LambdaContext())
        size = len(json.dumps(answer, ensure_ascii=False).encode())  # as the runtime sends it
        assert size <= AUTHORIZER_RESULT_SIZE
        (statement,) = answer["policyDocument"]["Statement"]
        assert statement["Resource"] == event["methodArn"]
        assert ("context" in answer) == (statement["Effect"] == "Allow")
        return answer

    def context(
        self, *, headers: dict[str, str] | None = None, query: dict[str, list[str]] | None = None
    ) -> dict[str, str]:
        """Return the context of a client with these headers and this query, which is let in."""
        answer = self.answer(headers=headers, query=query)
        assert effect(answer) == "Allow"
        context: dict[str, str] = answer["context"]
        assert answer["principalId"] == context["user"]
        return context


def effect(answer: dict[str, Any]) -> str:
    (statement,) = answer["policyDocument"]["Statement"]
    said: str = statement["Effect"]
    return said


@cache
def declared_with(parameters: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the function's variables in template.yaml, with these parameters."""
    stack = template.load(ROOT / "template.yaml", parameters=dict(parameters))
    return stack.functions["AuthorizerFunction"].environment


def bearer(text: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": f"roomcast.v1, token.{text}"}


@pytest.fixture
def cold_start(aws: None, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> Iterator[ColdStart]:
    """A function that imports the handler again, with these parameters of template.yaml."""

    def start(parameters: dict[str, str], environment: dict[str, str] | None = None) -> ModuleType:
        declared = declared_with(tuple(parameters.items()))
        for variable, value in {**declared, **(environment or {})}.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
        app = import_app("authorizer", "chat")
        app.logger.registered_handler.setStream(logs)
        return app

    with modules_kept("authorizer", "chat"):
        yield start


@pytest.fixture
def deployed(cold_start: ColdStart, event: Callable[[str], dict[str, Any]]) -> Deploy:
    return lambda parameters: Authorizer(cold_start(parameters), event)


@pytest.fixture
def open_to_all(deployed: Deploy) -> Authorizer:
    return deployed({})


@pytest.fixture
def ssm(empty_account: Any) -> Iterator[Any]:
    """Return the SSM client of an account that holds the secret."""
    ssm = boto3.client("ssm")
    ssm.put_parameter(Name=PLACE, Type="SecureString", Value=SECRET)
    yield ssm
    ssm.delete_parameter(Name=PLACE)


@pytest.fixture
def with_secret(ssm: Any, deployed: Deploy) -> Authorizer:
    return deployed(WITH_SECRET)


@pytest.fixture
def server() -> Iterator[KeySetServer]:
    server = KeySetServer(published(rsa_key(), kid="r1"))
    yield server
    server.close()


@pytest.fixture
def with_keys(server: KeySetServer, deployed: Deploy) -> Authorizer:
    return deployed({**JWT, "JwksUrl": server.url})
