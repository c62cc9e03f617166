from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest

from bench.fakes import account
from local.stack import Stack
from local.template import load as template
from tests.support.browser_path import find_chromium
from tests.support.cold_start import import_app
from tests.support.fakes.dynamodb_server import DynamoDBServer
from tests.support.fakes.lambda_context import LambdaContext
from tests.support.fakes.management.server import ManagementServer
from tests.support.fakes.stream import Stream
from tests.support.project import ROOT, TEMPLATE

pytest_plugins = (
    "tests.support.plugins.collection",
    "tests.support.plugins.engine_logs",
    "tests.support.plugins.parallel",
)


@pytest.fixture(scope="session")
def stack() -> Stack:
    return template.load(TEMPLATE)


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """Somewhere, and somebody: boto3 signs nothing without."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield


@pytest.fixture(scope="module")
def empty_account(aws: None) -> Iterator[Any]:
    """DynamoDB in this process; a module shares it, for boto3 takes its time to make a client."""
    with account.fake_account() as dynamodb:
        yield dynamodb


@pytest.fixture
def dynamodb(stack: Stack, empty_account: Any) -> Iterator[Any]:
    """The tables of template.yaml."""
    account.create_tables(table.definition for table in stack.tables.values())
    yield empty_account
    account.delete_tables()


@pytest.fixture
def stream(dynamodb: Any) -> Stream:
    """The stream of template.yaml's messages table."""
    return Stream(dynamodb, boto3.client("dynamodbstreams"), "MessagesTable")


@pytest.fixture
def context() -> LambdaContext:
    return LambdaContext()


class Logs(io.StringIO):
    """What the handlers of a test have logged."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def management() -> Iterator[ManagementServer]:
    server = ManagementServer()
    yield server
    server.close()


@pytest.fixture
def dynamodb_server(dynamodb: Any) -> Iterator[DynamoDBServer]:
    """The same tables over HTTP, for what does not go through boto3."""
    server = DynamoDBServer()
    yield server
    server.close()


@pytest.fixture
def handlers(
    stack: Stack,
    dynamodb_server: DynamoDBServer,
    management: ManagementServer,
    logs: Logs,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., ModuleType]]:
    """Imports a function's app.py as a cold start does: again, with the environment of template.yaml.

    `without` names a variable that is missing.
    """
    fan_outs: list[ModuleType] = []

    def cold_start(name: str, *, without: str | None = None) -> ModuleType:
        function = stack.functions[f"{name.capitalize()}Function"]
        for variable, value in function.environment.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        if name == "fanout":
            monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_server.url)
        else:  # the fake answers at AWS's own
            monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        monkeypatch.setenv("CONNECTIONS_ENDPOINT", management.endpoint)
        monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
        if without is not None:
            monkeypatch.delenv(without)
        app = import_app(name)
        # Powertools writes to the sys.stdout of the first logger it made, which pytest has closed since.
        app.logger.registered_handler.setStream(logs)
        if name == "fanout":
            fan_outs.append(app)
        return app

    yield cold_start
    for app in fan_outs:  # what ends with the process on Lambda
        app.loop.run_until_complete(hang_up(app))
        app.loop.close()


async def hang_up(app: ModuleType) -> None:
    app.members.close()
    await app.poster.close()


@pytest.fixture
def event() -> Callable[[str], dict[str, Any]]:
    """A sample event, by its file's name."""

    def load(name: str) -> dict[str, Any]:
        return json.loads((ROOT / "events" / f"{name}.json").read_text())  # type: ignore[no-any-return]

    return load


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests need Chromium: where it is optional (BROWSER unset) and absent, they say so."""
    if os.environ.get("BROWSER") == "required" or find_chromium():
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(
                pytest.mark.skip(reason="no Chromium here; BROWSER=required makes this a failure")
            )
