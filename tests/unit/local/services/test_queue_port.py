"""The port at which functions reach SQS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from local.net.http_server import HttpServer, Request, Response
from local.services.queue_port import QueuePort

TRACE = "Root=1-5e1b4151-5ac6c58f5b5daa6532c9dfbf;Parent=53995c3f42cd8ad8;Sampled=1"
KEPT = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}


class Emulator:
    """Answers sent messages as ministack does; fails at the body "bad"."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []

    def __call__(self, request: Request) -> Response:
        body = json.loads(request.body)
        self.received.append(((request.header("x-amz-target") or "").partition(".")[2], body))
        if body.get("MessageBody") == "bad":
            return Response(400, b'{"__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "no"}')
        return Response(200, b'{"MessageId": "m"}')


@pytest.fixture
async def port() -> AsyncIterator[tuple[Emulator, aiohttp.ClientSession, list[int]]]:
    emulator, reported = Emulator(), list[int]()
    server = HttpServer(emulator)
    port = QueuePort(f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}", lambda: reported.append(1))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{await port.start('127.0.0.1')}") as http:
        yield emulator, http, reported
    await port.stop()
    server.close()


async def ask(http: aiohttp.ClientSession, action: str, body: Any, **headers: str) -> Any:
    async with http.post(
        "/", json=body, headers={"X-Amz-Target": f"AmazonSQS.{action}", **headers}
    ) as answer:
        assert answer.status == 200
        return json.loads(await answer.read())


async def test_a_sent_message_keeps_its_trace_header_and_each_response_is_reported(port: Any) -> None:
    emulator, http, reported = port
    trace = {"X-Amzn-Trace-Id": TRACE}
    await ask(http, "SendMessage", {"MessageBody": "a"}, **trace)
    await ask(http, "SendMessage", {"MessageBody": "b"})
    await ask(http, "DeleteMessage", {"ReceiptHandle": "r"}, **trace)
    assert emulator.received == [
        ("SendMessage", {"MessageBody": "a", "MessageSystemAttributes": KEPT}),
        ("SendMessage", {"MessageBody": "b"}),
        ("DeleteMessage", {"ReceiptHandle": "r"}),
    ]
    assert reported == [1, 1, 1]


async def test_so_does_each_of_a_batch_and_a_failed_one_is_reported_as_sqs_does(port: Any) -> None:
    emulator, http, _ = port
    entries = [{"Id": body, "MessageBody": body} for body in ("good", "bad")]
    batch = {"QueueUrl": "q", "Entries": entries}
    assert await ask(http, "SendMessageBatch", batch, **{"X-Amzn-Trace-Id": TRACE}) == {
        "Successful": [{"Id": "good", "MessageId": "m"}],
        "Failed": [{"Id": "bad", "Code": "InvalidMessageContents", "Message": "no", "SenderFault": True}],
    }
    kept = {"QueueUrl": "q", "MessageSystemAttributes": KEPT}
    assert emulator.received == [("SendMessage", {**kept, **entry}) for entry in entries]
