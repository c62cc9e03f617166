"""The port of DynamoDB and SQS: for AWS's clients, and closed to every page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import boto3
import pytest
import yarl

from local.net.access import AccessPolicy
from local.net.http_server import HttpServer, Request, Response
from local.services.ministack import Ministack
from local.services.proxy import ServicesProxy

TARGET = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}


@dataclass
class Emulator:
    """Answers every request, those of pages too, as ministack does."""

    received: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.received.append(request)
        return Response(400, b'{"__type": "X"}', (("x-amzn-RequestId", "r1"), ("Content-Type", "a/b")))


@dataclass
class Proxy:
    emulator: Emulator
    url: str
    http: aiohttp.ClientSession

    async def send(self, method: str = "POST", path: str = "/", **headers: str) -> tuple[int, str]:
        url = yarl.URL(self.url + path, encoded=True)
        async with self.http.request(method, url, data=b"{}", headers=headers) as answer:
            assert not any(name.lower().startswith("access-control") for name in answer.headers)
            return answer.status, await answer.text()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    emulator = Emulator()
    server = HttpServer(emulator)
    port = await server.start("127.0.0.1", 0)
    proxy = ServicesProxy(f"http://127.0.0.1:{port}", AccessPolicy(also_on="172.17.0.1"))
    async with aiohttp.ClientSession() as http:
        yield Proxy(emulator, f"http://127.0.0.1:{await proxy.start('127.0.0.1', 0)}", http)
    await proxy.stop()
    server.close()


@pytest.mark.parametrize("path", ["/", "/000000000000/SliceQueue.fifo"])
async def test_what_an_aws_client_sends_is_forwarded_and_answered(proxy: Proxy, path: str) -> None:
    async with proxy.http.post(
        proxy.url + path, data=b'{"a": 1}', headers={**TARGET, "X-Own": "1"}
    ) as answer:
        assert (answer.status, await answer.read()) == (400, b'{"__type": "X"}')
        assert (answer.headers["x-amzn-RequestId"], answer.headers["Content-Type"]) == ("r1", "a/b")
    (request,) = proxy.emulator.received
    assert (request.method, request.target, request.body) == ("POST", path, b'{"a": 1}')
    assert (request.header("x-amz-target"), request.header("x-own")) == (TARGET["X-Amz-Target"], "1")


@pytest.mark.parametrize(
    "host", ["localhost:8081", "[::1]:8081", "172.17.0.1:8081", "host.docker.internal:8081"]
)
async def test_any_name_of_this_machine_is_accepted(proxy: Proxy, host: str) -> None:
    await proxy.send(**TARGET, Host=host)
    assert len(proxy.emulator.received) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8080"},  # even the chat's own page
        {"Sec-Fetch-Site": "same-origin"},
        {"sec-fetch-mode": "no-cors"},
        {"Host": "evil.example:8081"},
        {"X-Amz-Target": ""},
    ],
    ids=str,
)
async def test_a_page_and_a_rebound_name_are_rejected_in_one_line(
    proxy: Proxy, headers: dict[str, str]
) -> None:
    allowed = {name: value for name, value in (TARGET | headers).items() if value}
    status, text = await proxy.send(**allowed)
    assert status == 403
    assert text.startswith("forbidden: ")
    assert text.count("\n") == 1
    assert proxy.emulator.received == []


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/%5fministack/reset",
        "//_ministack/reset",
        "/000000000000/../_ministack/reset",
        "/_localstack/health",
        "/?x=/_ministack/reset",
        "/000000000000/a/b",
    ],
)
async def test_no_other_path_of_the_emulator_is_reached(proxy: Proxy, path: str) -> None:
    assert (await proxy.send(path=path, **TARGET))[0] == 403
    assert proxy.emulator.received == []


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "PUT", "DELETE"])
async def test_only_a_post_is_forwarded(proxy: Proxy, method: str) -> None:
    asking = {"Access-Control-Request-Headers": "x-amz-target"} if method == "OPTIONS" else {}
    assert (await proxy.send(method, **TARGET, **asking))[0] == 403
    assert proxy.emulator.received == []


async def test_an_emulator_that_is_gone_is_a_503() -> None:
    proxy = ServicesProxy("http://127.0.0.1:1", AccessPolicy())
    url = f"http://127.0.0.1:{await proxy.start('127.0.0.1', 0)}"
    async with aiohttp.ClientSession() as http, http.post(url, headers=TARGET) as answer:
        assert answer.status == 503
    await proxy.stop()


async def test_boto3_reaches_both_services_through_it() -> None:
    async with Ministack() as services:
        proxy = ServicesProxy(services.url, AccessPolicy())
        url = f"http://127.0.0.1:{await proxy.start('127.0.0.1', 0)}"

        def use() -> tuple[list[str], str]:
            where = {
                "endpoint_url": url,
                "region_name": "us-east-1",
                "aws_access_key_id": "local",
                "aws_secret_access_key": "local",
            }
            queues, tables = boto3.client("sqs", **where), boto3.client("dynamodb", **where)
            queue = queues.create_queue(QueueName="Q")["QueueUrl"]
            queues.send_message(QueueUrl=queue, MessageBody="hi")
            (message,) = queues.receive_message(QueueUrl=queue)["Messages"]
            return tables.list_tables()["TableNames"], message["Body"]

        assert await asyncio.to_thread(use) == ([], "hi")
        await proxy.stop()
