"""@connections: posting to a socket, asking about it, closing it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

from local.aws_defaults import Limits
from tests.support.local.gateway_stage import Functions, Stage, an_api, running

KB = 1024


def management_client(stage: Stage) -> Any:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"http://127.0.0.1:{stage.port}/prod",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}, proxies={}),
    )


async def aws_error(stage: Stage, operation: str, **arguments: Any) -> str:
    """Return the name of the error that the AWS SDK raises."""
    client = management_client(stage)
    with pytest.raises(ClientError) as error:
        await asyncio.to_thread(getattr(client, operation), **arguments)
    return str(error.value.response["Error"]["Code"])


async def test_the_aws_sdk_posts_reads_and_closes() -> None:
    async with running() as stage, stage.client() as (socket, connection_id):
        aws = management_client(stage)
        await asyncio.to_thread(aws.post_to_connection, ConnectionId=connection_id, Data="hi \u2713".encode())
        assert await socket.recv() == "hi \u2713"
        found = await asyncio.to_thread(aws.get_connection, ConnectionId=connection_id)
        assert found["Identity"]["SourceIp"] == "127.0.0.1"
        await asyncio.to_thread(aws.delete_connection, ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert await aws_error(stage, "get_connection", ConnectionId=connection_id) == "GoneException"


async def test_a_post_is_one_text_frame_as_it_was_sent() -> None:
    async with running() as stage, stage.client() as (socket, connection_id):
        for text in ("Hi from websocket!", "", "{}", "\u2713\U0001f600"):
            assert await stage.post(connection_id, text.encode()) == 200
            assert await socket.recv() == text


async def test_a_post_may_take_a_while_and_nothing_else_waits_for_it() -> None:
    async with running(post_latency=60) as stage, stage.client() as (_, connection_id):
        posting = asyncio.create_task(stage.post(connection_id, b"x"))
        async with stage.request("GET", f"/prod/@connections/{connection_id}") as answer:
            assert answer.status == 200
        assert not posting.done()
        posting.cancel()
    async with running(post_latency=0.001) as stage, stage.client() as (socket, connection_id):
        assert await stage.post(connection_id, b"x") == 200
        assert await socket.recv() == "x"


@pytest.mark.parametrize("path", ["/prod/%40connections/{id}", "/prod/@connections/{id}"])
async def test_the_at_sign_and_the_id_may_be_escaped_or_not(path: str) -> None:
    async with running() as stage, stage.client() as (socket, connection_id):
        for written in (connection_id, connection_id.replace("=", "%3D"), connection_id.replace("=", "%3d")):
            async with stage.request("POST", path.format(id=written), b"x") as answer:
                assert answer.status == 200
            assert await socket.recv() == "x"


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_an_unknown_connection_is_gone(method: str) -> None:
    async with running() as stage, stage.request(method, "/prod/@connections/L0SM9cOFvHcCIhw%3D") as answer:
        assert answer.status == 410
        assert answer.headers["x-amzn-ErrorType"] == "GoneException"
        assert await answer.json() == {"message": "GoneException"}


async def test_a_closed_connection_is_gone() -> None:
    async with running() as stage:
        async with stage.client() as (_, connection_id):
            pass
        await stage.functions.called("Disconnect")
        assert await stage.post(connection_id, b"x") == 410
        assert (
            await aws_error(stage, "post_to_connection", ConnectionId=connection_id, Data=b"x")
            == "GoneException"
        )


async def test_128_kb_may_be_posted_and_not_a_byte_more() -> None:
    async with running() as stage, stage.client(max_size=None) as (socket, connection_id):
        assert await stage.post(connection_id, b"x" * 128 * KB) == 200
        assert len(await socket.recv()) == 128 * KB
        assert await stage.post(connection_id, b"x" * (128 * KB + 1)) == 413


async def test_the_aws_sdk_sees_a_payload_too_large() -> None:
    async with running(limits=Limits(message=10)) as stage, stage.client() as (_, connection_id):
        error = await aws_error(stage, "post_to_connection", ConnectionId=connection_id, Data=b"x" * 11)
        assert error == "PayloadTooLargeException"


async def test_more_than_a_frame_goes_out_as_several_frames_of_one_message() -> None:
    async with running() as stage, stage.client(max_size=(128 * KB, 32 * KB)) as (socket, connection_id):
        sent = "\u2713" * (30 * KB)  # 90 KB: frames end inside characters
        assert await stage.post(connection_id, sent.encode()) == 200
        assert [len(part) async for part in socket.recv_streaming(decode=False)] == [
            32 * KB,
            32 * KB,
            26 * KB,
        ]
        assert await stage.post(connection_id, sent.encode()) == 200
        assert await socket.recv() == sent


async def test_bytes_that_are_not_text_do_not_close_the_connection() -> None:
    async with running() as stage, stage.client() as (socket, connection_id):
        assert await stage.post(connection_id, b"a\xffb") == 200
        assert await socket.recv() == "a\ufffdb"


async def test_posts_to_a_client_that_does_not_read_get_429_and_others_do_not() -> None:
    # The client's own queue holds 16 frames; then it stops reading from its socket.
    async with (
        running(limits=Limits(client_buffer=64 * KB)) as stage,
        stage.client() as (_, other),
        stage.client(max_size=None, close_timeout=0) as (_, connection_id),
    ):
        status = 200
        while status == 200:
            status = await stage.post(connection_id, b"x" * 128 * KB)
        assert status == 429
        assert await stage.post(other, b"x") == 200


async def test_a_connections_description_has_its_times_and_its_client() -> None:
    async with running() as stage, stage.client(user_agent_header="curl/8") as (socket, connection_id):

        async def described() -> dict[str, Any]:
            async with stage.request("GET", f"/prod/@connections/{connection_id}") as answer:
                found: dict[str, Any] = await answer.json()
                return found

        first = await described()
        assert first.keys() == {"connectedAt", "identity", "lastActiveAt"}
        assert first["identity"] == {"sourceIp": "127.0.0.1", "userAgent": "curl/8"}
        connected_at = stage.functions.of("Connect")[0]["requestContext"]["connectedAt"]
        assert abs(datetime.fromisoformat(first["connectedAt"]).timestamp() * 1000 - connected_at) < 2
        assert await described() == first  # asking is no use
        while (posted := await described())["lastActiveAt"] <= first["lastActiveAt"]:
            await stage.post(connection_id, b"x")
        while (await described())["lastActiveAt"] <= posted["lastActiveAt"]:
            await socket.send('{"action": "say"}')  # of which no reply comes


async def test_delete_closes_the_socket_with_1000_and_no_reason() -> None:
    async with running() as stage, stage.client() as (socket, connection_id):
        async with stage.request("DELETE", f"/prod/@connections/{connection_id}") as answer:
            assert answer.status == 204
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (1000, "")
        event = await stage.functions.called("Disconnect")
        assert event["requestContext"]["disconnectStatusCode"] == 1000
        assert event["requestContext"]["disconnectReason"] == "Connection Closed Normally"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/prod/@connections/abc%3D"),
        ("POST", "/prod/@connections/"),
        ("POST", "/prod/@connections"),
        ("POST", "/prod/@connections/abc%3D/more"),
        ("POST", "/dev/@connections/abc%3D"),
        ("POST", "/@connections/abc%3D"),
        ("GET", "/prod"),
        ("GET", "/prod/"),
        ("POST", "/"),
        ("OPTIONS", "/prod"),
    ],
)
async def test_anything_else_is_forbidden(method: str, path: str) -> None:
    async with running() as stage, stage.request(method, path) as answer:
        assert answer.status == 403
        assert answer.headers["x-amzn-ErrorType"] == "ForbiddenException"
        assert await answer.json() == {"message": "Forbidden"}


async def test_posts_past_the_accounts_rate_get_429() -> None:
    limits = Limits(request_rate=0.001, request_burst=2)  # one for the connect
    async with running(limits=limits) as stage, stage.client() as (_, connection_id):
        assert await stage.post(connection_id, b"x") == 200
        assert await stage.post(connection_id, b"x") == 429
        error = await aws_error(stage, "post_to_connection", ConnectionId=connection_id, Data=b"x")
        assert error == "LimitExceededException"


async def test_posts_do_not_count_in_the_stages_throttle() -> None:
    api = an_api(throttle_rate=0.001, throttle_burst=1)
    async with running(api=api) as stage, stage.client() as (_, connection_id):
        for _ in range(5):
            assert await stage.post(connection_id, b"x") == 200


async def test_a_function_may_post_while_its_message_is_being_handled() -> None:
    async def reply(event: dict[str, Any]) -> dict[str, Any]:
        await stage.post(event["requestContext"]["connectionId"], b"posted")
        return {"statusCode": 200, "body": "returned"}

    async with running(Functions(Ask=reply)) as stage, stage.connect() as socket:
        await socket.send(json.dumps({"action": "ask"}))
        assert [await socket.recv(), await socket.recv()] == ["posted", "returned"]
