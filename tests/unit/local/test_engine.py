"""The whole engine, on a small template."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from local.engine import Engine
from local.errors import LocalError
from local.net.ports import require_free
from tests.support.local.small_template import TEMPLATE, write_template
from tests.support.ports import free_port


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_template(tmp_path)


@pytest.fixture(scope="module")
def service_port() -> int:
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, service_port: int) -> AsyncIterator[Engine]:
    """An engine for the tests that leave nothing that another would see."""
    template = write_template(tmp_path_factory.mktemp("shared"))
    async with Engine(template, service_port=service_port) as engine:
        yield engine


on_shared = pytest.mark.asyncio(loop_scope="module")


@on_shared
async def test_a_message_goes_through_function_table_stream_and_back(shared: Engine) -> None:
    async with connect(shared.socket_url) as client:
        await client.send("hi")
        assert await client.recv() == "hello: hi"


async def test_a_parameter_and_an_environment_override_reach_the_functions(template: Path) -> None:
    options: dict[str, Any] = {
        "parameters": {"Stage": "live"},
        "environment": {"Write": {"GREETING": "good day"}},
    }
    async with Engine(template, **options) as engine:
        assert engine.socket_url.endswith("/live")
        async with connect(engine.socket_url) as client:
            await client.send("hi")
            assert await client.recv() == "good day: hi"


@on_shared
async def test_a_batch_given_up_leaves_a_pointer_in_the_failure_queue(shared: Engine) -> None:
    async with connect(shared.socket_url) as client:
        await client.send("fail")
        url = shared.services.queue_url(shared.stack.queues["Failures"])
        receive = {"QueueUrl": url, "WaitTimeSeconds": 20}
        (message,) = (await shared.services.sqs("ReceiveMessage", receive))["Messages"]
        pointer = json.loads(message["Body"])
        assert pointer["DDBStreamBatchInfo"]["batchSize"] == 1


QUEUE = """
  Enqueue:
    Type: AWS::Serverless::Function
    Properties: {Handler: enqueue.handler, Environment: {Variables: {QUEUE: !Ref Doors}}}
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      Handler: answer.handler
      Events: {Doors: {Type: SQS, Properties: {Queue: !GetAtt Doors.Arn}}}
  Doors:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true}
"""
ENQUEUE = """
import json, os, urllib.request

def handler(event, context):
    body = {"QueueUrl": os.environ["QUEUE"], "MessageBody": event["say"], "MessageGroupId": "door"}
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    urllib.request.urlopen(urllib.request.Request(os.environ["QUEUE"], json.dumps(body).encode(), headers))
"""
ANSWER = """
def handler(event, context):
    for record in event["Records"]:
        print("got", record["body"], record["attributes"]["MessageGroupId"])
"""


async def test_a_message_goes_from_function_through_queue_to_function(template: Path) -> None:
    template.write_text(TEMPLATE + QUEUE)
    (template.parent / "enqueue.py").write_text(ENQUEUE)
    (template.parent / "answer.py").write_text(ANSWER)
    lines: asyncio.Queue[str] = asyncio.Queue()

    def log(function: str, line: str) -> None:
        if function == "Answer" and line.startswith("got"):
            lines.put_nowait(line)

    async with Engine(template, log=log) as engine:
        for word in ("one", "two"):
            await engine.host.invoke("Enqueue", {"say": word})
        assert [await lines.get() for _ in range(2)] == ["got one door", "got two door"]


RECURSION = """
  Again:
    Type: AWS::Serverless::Function
    Properties:
      Handler: again.handler
      Environment: {Variables: {QUEUE: !Ref Rounds}}
      Events: {Rounds: {Type: SQS, Properties: {Queue: !GetAtt Rounds.Arn, BatchSize: 1}}}
  Rounds: {Type: AWS::SQS::Queue}
"""
AGAIN = """
import boto3, os

def handler(event, context):
    number = int(event["Records"][0]["body"]) + 1
    print("round", number)
    if number < 20:
        boto3.client("sqs").send_message_batch(
            QueueUrl=os.environ["QUEUE"], Entries=[{"Id": "0", "MessageBody": str(number)}]
        )
"""


@pytest.mark.parametrize(("allowed", "rounds"), [(False, 16), (True, 20)], ids=["by default", "Allow"])
async def test_a_function_that_feeds_itself_through_a_queue_is_stopped_unless_it_may(
    template: Path, allowed: bool, rounds: int
) -> None:
    setting = "Handler: again.handler\n" + "      RecursiveLoop: Allow\n" * allowed
    endpoint = "AWS_ENDPOINT_URL_SQS: !Sub 'https://sqs.${AWS::Region}.${AWS::URLSuffix}', QUEUE"
    resources = RECURSION.replace("Handler: again.handler\n", setting).replace("QUEUE", endpoint)
    template.write_text(TEMPLATE + resources)
    (template.parent / "again.py").write_text(AGAIN)
    numbers: list[int] = []
    ended = asyncio.Event()

    def log(function: str, line: str) -> None:
        if line.startswith("round"):
            numbers.append(int(line.split()[1]))
        if line == "round 20" or "times in one chain" in line:
            ended.set()

    async with Engine(template, log=log) as engine:
        await engine.host.invoke("Again", {"Records": [{"body": "0"}]})
        await ended.wait()
    assert numbers == list(range(1, rounds + 1))


class CountingEngine(Engine):
    """Records that it polls its queues."""

    poll_requested = False

    def _poll_queues(self) -> None:
        self.poll_requested = True
        super()._poll_queues()


async def test_a_function_that_uses_a_queue_makes_the_engine_poll_queues(template: Path) -> None:
    template.write_text(TEMPLATE + QUEUE)
    (template.parent / "enqueue.py").write_text(ENQUEUE)
    (template.parent / "answer.py").write_text(ANSWER)
    async with CountingEngine(template) as engine:
        assert not engine.poll_requested
        await engine.host.invoke("Enqueue", {"say": "one"})
        assert engine.poll_requested


class BrokenEngine(Engine):
    """An engine whose stream mapping ends with an unexpected exception."""

    async def _start_mappings(self) -> None:
        self._supervise("Mapping", self._break())

    async def _break(self) -> None:
        async with asyncio.TaskGroup():
            raise ZeroDivisionError("unexpected")


async def test_a_mapping_that_ends_by_itself_breaks_the_engine_with_its_traceback_in_the_log(
    template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with BrokenEngine(template) as engine:
        with pytest.raises(LocalError, match=r"^Mapping has stopped working.*: ZeroDivisionError"):
            await engine.broken()
    assert "Mapping has ended by itself" in caplog.text
    assert "_break" in caplog.text


@on_shared
async def test_dynamodb_is_reached_from_outside_through_the_proxy_only(
    shared: Engine, service_port: int
) -> None:
    async with aiohttp.ClientSession() as http:
        assert shared.services_url == f"http://127.0.0.1:{service_port}"
        assert shared.services.url != shared.services_url
        async with http.post(f"{shared.services_url}/_ministack/reset") as answer:
            assert answer.status == 403
        headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
        async with http.post(shared.services_url, data=b"{}", headers=headers) as answer:
            assert (await answer.json(content_type=None))["TableNames"] == ["Rows"]


@on_shared
async def test_functions_can_be_called_without_the_gateway(shared: Engine) -> None:
    result = await shared.host.invoke("Write", {"requestContext": {"eventType": "CONNECT"}})
    assert json.loads(result.payload) == {"statusCode": 200}
    assert shared.stack.unknown == ("Bucket: AWS::S3::Bucket is not run here",)


async def test_a_data_folder_keeps_the_tables_over_a_restart(template: Path, tmp_path: Path) -> None:
    for _ in range(2):
        async with Engine(template, data=tmp_path / "data") as engine, connect(engine.socket_url) as client:
            await client.send("hi")
            assert await client.recv() == "hello: hi"
    async with Engine(template, data=tmp_path / "data") as engine:
        assert (await engine.services.dynamodb("Scan", {"TableName": "Rows"}))["Count"] == 2


async def test_a_port_in_use_is_an_error_and_nothing_is_left_running(template: Path) -> None:
    service_port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"port {port} is taken"):
            async with Engine(template, port=port, service_port=service_port):
                pass
    require_free(service_port)


async def test_an_api_that_the_gateway_cannot_run_is_an_error_and_nothing_is_left_running(
    template: Path,
) -> None:
    template.write_text(TEMPLATE.replace("$request.body.action", "$request.header.x"))
    service_port = free_port()
    with pytest.raises(LocalError, match=r"template\.yaml: "):
        async with Engine(template, service_port=service_port):
            pass
    require_free(service_port)
