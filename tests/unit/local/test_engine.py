"""The whole engine: in this process on a small template, and as the command that one types."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from websockets.asyncio.client import connect

from local.cli import main
from local.engine import Engine
from local.errors import LocalError
from local.net.ports import require_free
from local.stack import StreamMapping
from tests.support.local.barrier import Gate
from tests.support.ports import free_pair, free_port

ROOT = Path(__file__).parents[3]

# A message is written to a table, and what follows the table's stream posts it back; "fail" it cannot.
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
Globals:
  Function: {Runtime: python3.13, CodeUri: ., Timeout: 20}
Resources:
  Api:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: !Ref Stage
      Routes:
        $connect: {FunctionArn: !GetAtt Write.Arn}
        $default: {FunctionArn: !GetAtt Write.Arn}
  Write:
    Type: AWS::Serverless::Function
    Properties:
      Handler: write.handler
      Environment:
        Variables:
          TABLE: !Ref Rows
          GREETING: hello
          DYNAMODB: !Sub https://dynamodb.${AWS::Region}.${AWS::URLSuffix}
  Follow:
    Type: AWS::Serverless::Function
    Properties:
      Handler: follow.handler
      Environment:
        Variables:
          CONNECTIONS: !Sub https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}/@connections
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Rows.StreamArn
      FunctionName: !Ref Follow
      StartingPosition: TRIM_HORIZON
      MaximumRetryAttempts: 0
      DestinationConfig: {OnFailure: {Destination: !GetAtt Failures.Arn}}
  Failures: {Type: AWS::SQS::Queue}
  Bucket: {Type: AWS::S3::Bucket}
"""
WRITE = """
import json, os, urllib.request

def handler(event, context):
    if event["requestContext"]["eventType"] == "MESSAGE":
        connection = event["requestContext"]["connectionId"]
        row = {"pk": connection, "said": event["body"], "as": os.environ["GREETING"]}
        body = {"TableName": os.environ["TABLE"], "Item": {key: {"S": value} for key, value in row.items()}}
        headers = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
        urllib.request.urlopen(
            urllib.request.Request(os.environ["DYNAMODB"], json.dumps(body).encode(), headers)
        )
    return {"statusCode": 200}
"""
FOLLOW = """
import os, urllib.parse, urllib.request

def handler(event, context):
    for record in event["Records"]:
        row = {key: value["S"] for key, value in record["dynamodb"]["NewImage"].items()}
        if row["said"] == "fail":
            raise ValueError("as told")
        url = os.environ["CONNECTIONS"] + "/" + urllib.parse.quote(row["pk"], safe="")
        urllib.request.urlopen(url, f"{row['as']}: {row['said']}".encode())
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "write.py").write_text(WRITE)
    (tmp_path / "follow.py").write_text(FOLLOW)
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


async def test_a_message_goes_through_function_table_stream_and_back(template: Path) -> None:
    async with Engine(template) as engine, connect(engine.socket_url) as client:
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


async def test_what_a_mapping_gives_up_leaves_a_pointer_in_its_queue(template: Path) -> None:
    async with Engine(template) as engine, connect(engine.socket_url) as client:
        await client.send("fail")
        url = engine.services.queue_url(engine.stack.queues["Failures"])
        receive = {"QueueUrl": url, "WaitTimeSeconds": 20}
        (message,) = (await engine.services.sqs("ReceiveMessage", receive))["Messages"]
        pointer = json.loads(message["Body"])
        assert pointer["DDBStreamBatchInfo"]["batchSize"] == 1


QUEUE = """
  Ring:
    Type: AWS::Serverless::Function
    Properties: {Handler: ring.handler, Environment: {Variables: {QUEUE: !Ref Doors}}}
  Answer:
    Type: AWS::Serverless::Function
    Properties:
      Handler: answer.handler
      Events: {Doors: {Type: SQS, Properties: {Queue: !GetAtt Doors.Arn}}}
  Doors:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, ContentBasedDeduplication: true}
"""
RING = """
import json, os, urllib.request

def handler(event, context):
    body = {"QueueUrl": os.environ["QUEUE"], "MessageBody": event["say"], "MessageGroupId": "door"}
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
    urllib.request.urlopen(urllib.request.Request(os.environ["QUEUE"], json.dumps(body).encode(), headers))
"""
ANSWER = """
def handler(event, context):
    for record in event["Records"]:
        print("heard", record["body"], record["attributes"]["MessageGroupId"])
"""


async def test_a_message_goes_from_function_through_queue_to_function(template: Path) -> None:
    template.write_text(TEMPLATE + QUEUE)
    (template.parent / "ring.py").write_text(RING)
    (template.parent / "answer.py").write_text(ANSWER)
    heard: asyncio.Queue[str] = asyncio.Queue()

    def log(function: str, line: str) -> None:
        if function == "Answer" and line.startswith("heard"):
            heard.put_nowait(line)

    async with Engine(template, log=log) as engine:
        for word in ("one", "two"):
            await engine.host.invoke("Ring", {"say": word})
        assert [await heard.get() for _ in range(2)] == ["heard one door", "heard two door"]


class Listening(Engine):
    """Says when it wakes its queue mappings."""

    poll_requested = False

    def _poll_queues(self) -> None:
        self.poll_requested = True
        super()._poll_queues()


async def test_a_function_that_uses_a_queue_wakes_the_mappings(template: Path) -> None:
    template.write_text(TEMPLATE + QUEUE)
    (template.parent / "ring.py").write_text(RING)
    (template.parent / "answer.py").write_text(ANSWER)
    async with Listening(template) as engine:
        assert not engine.poll_requested
        await engine.host.invoke("Ring", {"say": "one"})
        assert engine.poll_requested


class Crumbling(Engine):
    """Its stream mapping ends with an exception that nobody foresaw."""

    async def _start_stream_mapping(self, mapping: StreamMapping) -> None:
        self._supervise(mapping.name, self._crumble())

    async def _crumble(self) -> None:
        async with asyncio.TaskGroup():
            raise ZeroDivisionError("unforeseen")


async def test_a_mapping_that_ends_by_itself_breaks_the_engine_with_its_traceback_in_the_log(
    template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Crumbling(template) as engine:
        with pytest.raises(LocalError, match=r"^Mapping has stopped working.*: ZeroDivisionError"):
            await engine.broken()
    assert "Mapping has ended by itself" in caplog.text
    assert "_crumble" in caplog.text


async def test_dynamodb_is_reached_from_outside_by_the_guarded_port_only(template: Path) -> None:
    service_port = free_port()
    async with Engine(template, service_port=service_port) as engine, aiohttp.ClientSession() as http:
        assert engine.services_url == f"http://127.0.0.1:{service_port}"
        assert engine.services.url != engine.services_url
        async with http.post(f"{engine.services_url}/_ministack/reset") as answer:
            assert answer.status == 403
        headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables"}
        async with http.post(engine.services_url, data=b"{}", headers=headers) as answer:
            assert (await answer.json(content_type=None))["TableNames"] == ["Rows"]


async def test_functions_can_be_called_without_the_gateway(template: Path) -> None:
    async with Engine(template) as engine:
        result = await engine.host.invoke("Write", {"requestContext": {"eventType": "CONNECT"}})
        assert json.loads(result.payload) == {"statusCode": 200}
        assert engine.stack.unknown == ("Bucket: AWS::S3::Bucket is not run here",)


async def test_a_data_folder_keeps_the_tables_over_a_restart(template: Path, tmp_path: Path) -> None:
    for _ in range(2):
        async with Engine(template, data=tmp_path / "data") as engine, connect(engine.socket_url) as client:
            await client.send("hi")
            assert await client.recv() == "hello: hi"
    async with Engine(template, data=tmp_path / "data") as engine:
        assert (await engine.services.dynamodb("Scan", {"TableName": "Rows"}))["Count"] == 2


async def test_a_port_in_use_is_refused_and_nothing_is_left_running(template: Path) -> None:
    service_port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"port {port} is taken"):
            async with Engine(template, port=port, service_port=service_port):
                pass
    require_free(service_port)


async def test_an_api_that_the_gateway_cannot_run_is_refused_and_nothing_is_left_running(
    template: Path,
) -> None:
    template.write_text(TEMPLATE.replace("$request.body.action", "$request.header.x"))
    service_port = free_port()
    with pytest.raises(LocalError, match=r"template\.yaml: "):
        async with Engine(template, service_port=service_port):
            pass
    require_free(service_port)


# The command


class Command:
    """`python -m local run` in a process of its own, with a temporary folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, temporary: Path) -> None:
        self.process = process
        self.temporary = temporary

    async def ready(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def end(self, *signals: signal.Signals) -> tuple[int, str]:
        """Its exit status, and what it said on standard error."""
        for number in signals:
            self.process.send_signal(number)
        _, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, errors.decode()


@asynccontextmanager
async def run(template: Path, *arguments: str, **environment: str) -> AsyncIterator[Command]:
    temporary = template.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "local", "run", "--template", str(template), *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Command(process, temporary)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGTERM], [signal.SIGINT], [signal.SIGINT, signal.SIGINT, signal.SIGTERM]],
    ids=["terminated", "interrupted", "interrupted impatiently"],
)
async def test_run_says_where_it_is_and_stops_without_a_trace(
    template: Path, signals: list[signal.Signals]
) -> None:
    async with Gate() as doors:
        # Each function holds a connection for as long as its process lives.
        visit = f"import socket\ngate = socket.create_connection(('127.0.0.1', {doors.port}))\n"
        visit += "gate.sendall(b'0 0\\n')\n"
        for handler in ("write.py", "follow.py"):
            path = template.parent / handler
            path.write_text(visit + path.read_text())
        port = free_pair()
        async with run(template, "--port", str(port)) as command:
            ready = f"Roomcast is ready: open http://127.0.0.1:{port}/ (socket ws://127.0.0.1:{port}/prod)\n"
            assert await command.ready() == ready
            visitors = [await doors.visitor() for _ in range(2)]
            status, errors = await command.end(*signals)
            assert status == 0
            assert errors.splitlines() == [f"{'local':<20} Bucket: AWS::S3::Bucket is not run here"]
            for visitor in visitors:
                await visitor.gone()
            require_free(port)
            require_free(port + 1)
            assert list(command.temporary.iterdir()) == []


async def test_run_can_be_interrupted_before_it_is_ready(template: Path) -> None:
    async with Gate() as doors:
        slow = f"import socket\nsocket.create_connection(('127.0.0.1', {doors.port})).sendall(b'0 0\\n')\n"
        slow += "import time\ntime.sleep(60)\n"
        (template.parent / "write.py").write_text(slow)
        async with run(template, "--port", str(free_pair())) as command:
            visitor = await doors.visitor()
            status, _ = await command.end(signal.SIGINT)
            assert status == 0
            await visitor.gone()
            assert list(command.temporary.iterdir()) == []


async def test_a_stage_of_another_name_is_in_both_urls(template: Path) -> None:
    port = free_pair()
    async with run(template, "--set", "Stage=live", PORT=str(port)) as command:
        assert await command.ready() == (
            f"Roomcast is ready: open http://127.0.0.1:{port}/?endpoint=/live "
            f"(socket ws://127.0.0.1:{port}/live)\n"
        )
        await command.end(signal.SIGTERM)


async def test_a_mistake_is_one_clear_line_and_leaves_nothing(template: Path) -> None:
    port = free_pair()
    with socket.create_server(("127.0.0.1", port + 1)):
        async with run(template, "--port", str(port + 1)) as command:
            status, errors = await command.end()
        assert status == 1
        assert errors == f"local: port {port + 1} is taken; choose another PORT\n"
        async with run(template, "--port", str(port)) as command:
            status, errors = await command.end()
        assert status == 1
        above = f"(for DynamoDB and SQS, one above {port})"
        assert errors == f"local: port {port + 1} {above} is taken; choose another PORT\n"
    template.write_text("Resources: [")
    async with run(template, "--port", str(free_pair())) as command:
        status, errors = await command.end()
    assert status == 1
    assert errors.startswith("local: template.yaml: line 1")
    assert errors.count("\n") == 1
    assert list(command.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "65535"], "65535 is not a port from 1 to 65534"),
        (["--port", "http"], "http is not a port"),
        (["--concurrency", "0"], "0 is not a number of 1 or more"),
        (["--allow-origin", "app.test"], "app.test is not an origin, such as "),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_says_what_would(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["run", *arguments])
    assert line in capsys.readouterr().err


async def test_without_its_packages_it_says_in_one_line_how_to_get_them() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-m", "local", "run"),  # without site-packages
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert "has no uvloop. `make run` installs" in errors.decode()
    assert errors.count(b"\n") == 1


async def test_when_what_it_needs_dies_it_ends_with_one_line(template: Path) -> None:
    async with run(template, "--port", str(free_pair())) as command:
        await command.ready()
        (file,) = command.temporary.glob("roomcast-*/ministack-*.pid")
        os.kill(int(file.read_text()), signal.SIGKILL)
        status, errors = await command.end()
        assert status == 1
        assert errors.splitlines()[-1].startswith("local: ministack has ended (status -9): ")
        assert list(command.temporary.iterdir()) == []


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "readable"])
async def test_logs_are_short_lines_unless_they_are_asked_for_raw(template: Path, raw: bool) -> None:
    record = {"level": "INFO", "message": "imported", "service": "roomcast", "room": "lobby"}
    path = template.parent / "write.py"
    path.write_text(f"print({json.dumps(json.dumps(record))})\n" + path.read_text())
    async with run(template, "--port", str(free_pair()), *["--raw-logs"] * raw) as command:
        await command.ready()
        _, errors = await command.end(signal.SIGTERM)
    assert (json.dumps(record) if raw else f"{'Write':<20} imported room=lobby") in errors.splitlines()


async def test_killed_outright_it_leaves_no_process(template: Path) -> None:
    async with Gate() as doors:
        visit = "import os, pathlib, socket\npathlib.Path('services').write_text(os.environ['DYNAMODB'])\n"
        visit += f"gate = socket.create_connection(('127.0.0.1', {doors.port}))\n"
        path = template.parent / "write.py"
        path.write_text(visit + "gate.sendall(b'0 0\\n')\n" + path.read_text())
        port = free_pair()
        async with run(template, "--port", str(port)) as command:
            await command.ready()
            visitor = await doors.visitor()
            url = urlsplit((template.parent / "services").read_text())
            services, writer = await asyncio.open_connection(url.hostname, url.port)
            await command.end(signal.SIGKILL)
            await visitor.gone()
            assert await services.read() == b""  # the connection ends with ministack
            writer.close()
