"""The handshake: the authorizer, $connect, and the clients that they accept."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from local.aws_defaults import Limits
from local.invocation import Result
from tests.support.local.gateway_stage import (
    OK,
    UNLIMITED,
    Functions,
    Stage,
    allow,
    an_api,
    failed,
    policy,
    running,
)

HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def rejected_status(stage: Stage, query: str = "", **options: Any) -> int:
    with pytest.raises(InvalidStatus) as rejected:
        async with stage.connect(query, **options):
            pass
    return rejected.value.response.status_code


async def test_a_socket_opens_when_connect_has_returned() -> None:
    async with running() as stage, stage.client() as (_, connection_id):
        assert await stage.post(connection_id, b"welcome") == 200


async def test_compression_is_never_agreed() -> None:
    async with running() as stage, stage.connect(compression="deflate") as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_the_stage_answers_with_a_trailing_slash_too() -> None:
    async with running() as stage, stage.connect(path="/prod/"):
        pass


@pytest.mark.parametrize("path", ["/", "/dev", "/prod/x", "/prod/@connections/abc%3D", "/production"])
async def test_an_upgrade_anywhere_else_is_forbidden(path: str) -> None:
    async with running() as stage:
        with pytest.raises(InvalidStatus) as rejected:
            async with stage.connect(path=path):
                pass
        assert rejected.value.response.status_code == 403
        assert rejected.value.response.body == b'{"message": "Forbidden"}'
        assert stage.functions.events == []


async def test_an_invalid_upgrade_is_rejected_before_any_function_runs() -> None:
    async with running() as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write((HANDSHAKE % b"/prod").replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"))
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        assert stage.functions.events == []


# the authorizer


async def test_the_authorizer_comes_first_and_its_context_reaches_every_event_of_the_connection() -> None:
    functions = Functions(Authorizer=allow(context={"name": "Ada", "vip": True, "level": 3, "ratio": 0.5}))
    async with running(functions, api=an_api(authorizer=True)) as stage:
        async with stage.connect() as client:
            await client.send("hello")
            await client.recv()
        await functions.called("Disconnect")
    assert [name for name, _ in functions.events] == ["Authorizer", "Connect", "Default", "Disconnect"]
    for name in ("Connect", "Default", "Disconnect"):
        authorizer = functions.of(name)[0]["requestContext"]["authorizer"]
        latency = authorizer.pop("integrationLatency")
        assert isinstance(latency, int)
        assert authorizer == {"principalId": "u1", "name": "Ada", "vip": "true", "level": "3", "ratio": "0.5"}


async def test_a_denied_client_gets_403_and_connect_is_not_called() -> None:
    functions = Functions(
        Authorizer=lambda event: {"principalId": "u1", "policyDocument": policy("Deny", event["methodArn"])}
    )
    async with running(functions, api=an_api(authorizer=True)) as stage:
        assert await rejected_status(stage) == 403
        assert functions.of("Connect") == []


async def test_an_authorizer_that_raises_exactly_unauthorized_gives_401() -> None:
    async with running(Functions(Authorizer=failed("Unauthorized")), api=an_api(authorizer=True)) as stage:
        assert await rejected_status(stage) == 401


@pytest.mark.parametrize(
    "answer", [failed("unauthorized"), failed("Unauthorized!"), {"principalId": "u1"}, None]
)
async def test_an_authorizer_that_fails_otherwise_gives_500(answer: Result | dict[str, Any] | None) -> None:
    async with running(Functions(Authorizer=answer), api=an_api(authorizer=True)) as stage:
        assert await rejected_status(stage) == 500
        assert stage.functions.of("Connect") == []


async def test_an_authorizer_that_does_not_answer_gives_500() -> None:
    functions = Functions(Authorizer=lambda event: asyncio.Event().wait())
    limits = Limits(integration_timeout=0.05)
    api = an_api(authorizer=True)
    async with running(functions, api=api, limits=limits, stop_timeout=0) as stage:
        assert await rejected_status(stage) == 500


# $connect


@pytest.mark.parametrize("status", [200, 201, 299])
async def test_any_2xx_of_connect_accepts_the_client(status: int) -> None:
    async with running(Functions(Connect={"statusCode": status})) as stage, stage.connect():
        pass


@pytest.mark.parametrize("status", [301, 400, 401, 403, 418, 499, 500, 501, 503])
async def test_a_rejection_by_connect_keeps_its_status(status: int) -> None:
    async with running(Functions(Connect={"statusCode": status, "body": "secret"})) as stage:
        with pytest.raises(InvalidStatus) as rejected:
            async with stage.connect():
                pass
        assert rejected.value.response.status_code == status
        assert b"secret" not in bytes(rejected.value.response.body or b"")
        assert stage.functions.of("Disconnect") == []


@pytest.mark.parametrize("answer", [failed(), None, {}, {"statusCode": "200"}, {"statusCode": 99}])
async def test_a_connect_that_fails_or_returns_an_invalid_result_gives_502(
    answer: Result | dict[str, Any] | None,
) -> None:
    async with running(Functions(Connect=answer)) as stage:
        assert await rejected_status(stage) == 502


async def test_a_connect_that_does_not_answer_gives_504() -> None:
    functions = Functions(Connect=lambda event: asyncio.Event().wait())
    async with running(functions, limits=Limits(integration_timeout=0.05), stop_timeout=0) as stage:
        assert await rejected_status(stage) == 504


async def test_the_body_of_connect_never_reaches_the_client() -> None:
    functions = Functions(Connect={"statusCode": 200, "body": "welcome"})
    async with running(functions) as stage, stage.client() as (client, connection_id):
        await stage.post(connection_id, b"first")
        assert await client.recv() == "first"


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol"])
async def test_the_subprotocol_that_connect_returns_is_the_chosen_one(name: str) -> None:
    functions = Functions(Connect={"statusCode": 200, "headers": {name: "chat.v1"}})
    async with running(functions) as stage, stage.connect(subprotocols=["chat.v2", "chat.v1"]) as client:
        assert client.subprotocol == "chat.v1"
        offered = functions.of("Connect")[0]["headers"]["Sec-WebSocket-Protocol"]
        assert [p.strip() for p in offered.split(",")] == ["chat.v2", "chat.v1"]


async def test_an_offer_that_connect_leaves_unanswered_still_opens_without_a_subprotocol() -> None:
    async with running() as stage, stage.connect(subprotocols=["chat.v1"]) as client:
        assert client.subprotocol is None


async def test_a_subprotocol_that_would_break_the_header_gives_502() -> None:
    functions = Functions(
        Connect={"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "a\r\nSet-Cookie: b"}}
    )
    async with running(functions) as stage:
        assert await rejected_status(stage) == 502


async def test_a_post_before_connect_has_returned_is_gone() -> None:
    statuses: list[int] = []

    async def connect(event: dict[str, Any]) -> dict[str, Any]:
        statuses.append(await stage.post(event["requestContext"]["connectionId"], b"too early"))
        return OK

    async with running(Functions(Connect=connect)) as stage, stage.client() as (client, connection_id):
        assert statuses == [410]
        assert await stage.post(connection_id, b"in time") == 200
        assert await client.recv() == "in time"


async def test_a_client_that_leaves_while_connect_runs_gets_its_disconnect() -> None:
    connecting, left = asyncio.Event(), asyncio.Event()

    async def connect(event: dict[str, Any]) -> dict[str, Any]:
        connecting.set()
        await left.wait()
        return OK

    async with running(Functions(Connect=connect)) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(HANDSHAKE % b"/prod")
        await connecting.wait()
        writer.close()
        assert await reader.read() == b""  # the server has closed it
        left.set()
        event = await stage.functions.called("Disconnect")
        assert event["requestContext"]["disconnectStatusCode"] == 1006
        connected = stage.functions.of("Connect")[0]
        assert event["requestContext"]["connectionId"] == connected["requestContext"]["connectionId"]


async def test_connect_is_not_called_for_a_client_that_left_while_it_was_authorized() -> None:
    authorizing, left = asyncio.Event(), asyncio.Event()

    async def authorize(event: dict[str, Any]) -> dict[str, Any]:
        authorizing.set()
        await left.wait()
        return allow()(event)

    async with running(Functions(Authorizer=authorize), api=an_api(authorizer=True)) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(HANDSHAKE % b"/prod")
        await authorizing.wait()
        writer.close()
        assert await reader.read() == b""
        left.set()
        async with stage.connect():  # its calls come after those of the first
            pass
        await stage.functions.called("Disconnect")
        assert [name for name, _ in stage.functions.events].count("Connect") == 1


async def test_a_client_that_sends_too_much_before_its_handshake_is_answered_is_disconnected() -> None:
    functions = Functions(Connect=lambda event: asyncio.Event().wait())
    async with running(functions, stop_timeout=0) as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(HANDSHAKE % b"/prod")
        await functions.called("Connect")
        writer.write(b"x" * 100_000)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_an_error_of_the_engine_does_not_leave_the_client_waiting() -> None:
    async with running(Functions(Connect=lambda event: 1 / 0)) as stage:
        assert await rejected_status(stage) == 502


# throttles


async def test_connects_past_the_rate_get_429() -> None:
    limits = Limits(connect_rate=0.001, connect_burst=2)
    async with running(limits=limits) as stage, stage.connect(), stage.connect():
        assert await rejected_status(stage) == 429
        assert len(stage.functions.of("Connect")) == 2


async def test_connects_count_in_the_stages_throttle() -> None:
    api = an_api(throttle_rate=0.001, throttle_burst=1)
    async with running(api=api) as stage, stage.connect():
        assert await rejected_status(stage) == 429


async def test_connects_count_in_the_accounts_rate() -> None:
    limits = Limits(request_rate=0.001, request_burst=1)
    async with running(limits=limits) as stage, stage.connect():
        assert await rejected_status(stage) == 429


async def test_a_thousand_sockets_connect_at_once() -> None:
    async def connect(port: int) -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE % b"/prod")
        return await reader.readline(), writer

    async with running(limits=UNLIMITED) as stage:
        opened = await asyncio.gather(*(connect(stage.port) for _ in range(1000)))
        assert {line for line, _ in opened} == {b"HTTP/1.1 101 Switching Protocols\r\n"}
        ids = {event["requestContext"]["connectionId"] for event in stage.functions.of("Connect")}
        assert len(ids) == 1000
        for _, writer in opened:
            writer.close()
