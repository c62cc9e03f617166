"""The example in examples/sendmessage, with a table, and with a management API over TLS."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from apigateway import Failed, Poster, http
from bench.simulator import certificate
from tests.support.fakes.lambda_context import LambdaContext
from tests.support.fakes.management.server import ManagementServer
from tests.support.project import ROOT

IDS = [f"c{number}=" for number in range(300)]


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagementServer]:
    """A management API whose certificate is trusted as those of AWS are."""
    authority, context = certificate.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    http._default_context.cache_clear()
    server = ManagementServer()
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    yield server
    server.close()
    http._default_context.cache_clear()


@pytest.fixture
def table(empty_account: Any) -> Iterator[Any]:
    """The sample's table, larger than a page of a scan."""
    empty_account.create_table(
        TableName="simplechat",
        AttributeDefinitions=[{"AttributeName": "connectionId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "connectionId", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for connection_id in IDS:
        empty_account.put_item(
            TableName="simplechat", Item={"connectionId": connection_id, "filler": "x" * 5_000}
        )
    yield empty_account
    empty_account.delete_table(TableName="simplechat")


@pytest.fixture
def app(table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setenv("TABLE_NAME", "simplechat")
    spec = importlib.util.spec_from_file_location("sendmessage", ROOT / "examples" / "sendmessage" / "app.py")
    assert spec and spec.loader
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    # The fake answers in this process: on a busy machine it takes longer than API Gateway.
    app.poster_of = cache(partial(Poster, max_connections=16, timeout=5, connect_timeout=5))
    yield app
    app.runner.close()


def send(app: ModuleType, gateway: ManagementServer, data: str) -> dict[str, Any]:
    request = {"domainName": gateway.url.removeprefix("http://"), "stage": "prod", "connectionId": IDS[0]}
    body = json.dumps({"message": "sendmessage", "data": data})
    answer: dict[str, Any] = app.handler({"requestContext": request, "body": body}, LambdaContext())
    return answer


def stored(table: Any) -> set[str]:
    pages = table.get_paginator("scan").paginate(TableName="simplechat")
    return {item["connectionId"] for page in pages for item in page["Items"]}


def test_everyone_gets_the_message_and_only_closed_connections_are_deleted(
    app: ModuleType, gateway: ManagementServer, table: Any
) -> None:
    assert len(table.scan(TableName="simplechat")["Items"]) < 300  # the table is more than a page
    gateway.gateway.gone = {"c7=", "c8="}
    gateway.gateway.troubles["c9="] = [Failed("")] * 10
    assert send(app, gateway, "Hi é💬") == {"statusCode": 200, "body": "Data sent."}
    reached = set(IDS) - {"c7=", "c8=", "c9="}
    assert {name: frames for name, frames in gateway.gateway.frames.items() if frames} == {
        connection_id: ["Hi é💬"] for connection_id in reached
    }
    assert stored(table) == set(IDS) - {"c7=", "c8="}


def test_the_next_invocation_uses_the_same_connections(
    app: ModuleType, gateway: ManagementServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("one", "two"):
        send(app, gateway, text)
    assert all(gateway.gateway.frames[connection_id] == ["one", "two"] for connection_id in IDS)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"delivered": 300, "gone": 0, "failed": 0}] * 2
    assert app.poster_of.cache_info().misses == 1
