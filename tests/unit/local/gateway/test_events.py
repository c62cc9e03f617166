"""The events that functions get, field by field."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.support.local.gateway_stage import Functions, allow, an_api, running

ID = re.compile(r"[A-Za-z0-9_-]{15}=")
TIME = re.compile(r"\d\d/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\d{4}:\d\d:\d\d:\d\d \+0000")


def check_context(context: dict[str, Any], port: int, **expected: Any) -> None:
    """Check the fields that all events share; no others may be left but the expected ones."""
    now = time.time() * 1000
    assert ID.fullmatch(context.pop("connectionId"))
    assert ID.fullmatch(request_id := context.pop("requestId"))
    assert context.pop("extendedRequestId") == request_id
    assert TIME.fullmatch(context.pop("requestTime"))
    epoch, connected_at = context.pop("requestTimeEpoch"), context.pop("connectedAt")
    assert isinstance(epoch, int)
    assert isinstance(connected_at, int)
    assert now - 60_000 < connected_at <= epoch <= now
    assert context == {
        "apiId": "ChatApi",
        "domainName": f"127.0.0.1:{port}",
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "test/1"},
        "messageDirection": "IN",
        "stage": "prod",
        **expected,
    }


async def test_connect_gets_the_handshake() -> None:
    async with running() as stage:
        async with stage.connect(
            "?room=a&room=b%20c&name=", user_agent_header="test/1", origin="http://localhost"
        ):
            pass
        event = stage.functions.of("Connect")[0]
    check_context(event.pop("requestContext"), stage.port, routeKey="$connect", eventType="CONNECT")
    headers, several = event.pop("headers"), event.pop("multiValueHeaders")
    assert event == {
        "queryStringParameters": {"room": "b c", "name": ""},
        "multiValueQueryStringParameters": {"room": ["a", "b c"], "name": [""]},
        "isBase64Encoded": False,
    }
    assert headers.keys() == several.keys()
    assert {name: values[-1] for name, values in several.items()} == headers
    assert headers["Host"] == f"127.0.0.1:{stage.port}"
    assert headers["Origin"] == "http://localhost"
    assert headers["User-Agent"] == "test/1"
    assert headers["Sec-WebSocket-Version"] == "13"
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Port"] == str(stage.port)
    assert headers["X-Forwarded-Proto"] == "http"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["X-Amzn-Trace-Id"])
    assert not {"connection", "upgrade"} & {name.lower() for name in headers}


async def test_connect_without_a_query_string_has_no_query_keys() -> None:
    async with running() as stage:
        async with stage.connect():
            pass
        assert stage.functions.of("Connect")[0].keys() == {
            "headers",
            "multiValueHeaders",
            "requestContext",
            "isBase64Encoded",
        }


async def test_a_header_sent_twice_has_both_values_and_its_last_one() -> None:
    headers = [
        ("X-Thing", "one"),
        ("X-Thing", "two"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-amzn-trace-id", "?"),
    ]
    async with running() as stage:
        async with stage.connect(additional_headers=headers):
            pass
        event = stage.functions.of("Connect")[0]
    assert event["multiValueHeaders"]["X-Thing"] == ["one", "two"]
    assert event["headers"]["X-Thing"] == "two"
    assert event["headers"]["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
    assert not {"x-forwarded-for", "x-amzn-trace-id"} & event["headers"].keys()


async def test_a_client_without_a_user_agent_has_none_in_its_identity() -> None:
    async with running() as stage:
        async with stage.connect(user_agent_header=None):
            pass
        assert stage.functions.of("Connect")[0]["requestContext"]["identity"] == {"sourceIp": "127.0.0.1"}


async def test_the_authorizer_gets_the_handshake_as_a_request() -> None:
    async with running(Functions(Authorizer=allow()), api=an_api(authorizer=True)) as stage:
        async with stage.connect("?name=Ada", user_agent_header="test/1"):
            pass
        event = stage.functions.of("Authorizer")[0]
        connect = stage.functions.of("Connect")[0]
    assert event["requestContext"]["connectionId"] == connect["requestContext"]["connectionId"]
    check_context(event.pop("requestContext"), stage.port, routeKey="$connect", eventType="CONNECT")
    headers, several = event.pop("headers"), event.pop("multiValueHeaders")
    assert event == {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/$connect",
        "queryStringParameters": {"name": "Ada"},
        "multiValueQueryStringParameters": {"name": ["Ada"]},
        "stageVariables": {},
    }
    assert headers["Upgrade"] == "websocket"
    assert several["Upgrade"] == ["websocket"]


async def test_a_message_has_its_text_and_no_headers() -> None:
    async with running() as stage, stage.connect(user_agent_header="test/1") as client:
        await client.send('{"action": "say", "text": "\u2713"}')
        event = await stage.functions.called("Say")
        context = event.pop("requestContext")
        assert ID.fullmatch(message_id := context.pop("messageId"))
        assert message_id != context["requestId"]
        assert event == {"body": '{"action": "say", "text": "\u2713"}', "isBase64Encoded": False}
        check_context(context, stage.port, routeKey="say", eventType="MESSAGE")


async def test_disconnect_has_the_close_and_the_few_headers_that_aws_sends() -> None:
    async with running() as stage:
        async with stage.connect(user_agent_header="test/1") as client:
            await client.close(4000, "enough")
        event = await stage.functions.called("Disconnect")
    check_context(
        event.pop("requestContext"),
        stage.port,
        routeKey="$disconnect",
        eventType="DISCONNECT",
        disconnectStatusCode=4000,
        disconnectReason="enough",
    )
    headers = {"Host": f"127.0.0.1:{stage.port}", "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    assert event == {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("name", ["connectionId", "connectedAt"])
async def test_all_events_of_a_connection_agree_on(name: str) -> None:
    async with running() as stage:
        async with stage.connect() as client:
            await client.send("x")
            await client.recv()
        await stage.functions.called("Disconnect")
    assert len({event["requestContext"][name] for _, event in stage.functions.events}) == 1
    assert len({event["requestContext"]["requestId"] for _, event in stage.functions.events}) == 3
