"""The port at which functions reach SQS: it keeps the trace header of a sent message, as SQS does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.net.http_server import HttpServer, Request, Response
from local.services.upstream import Upstream


class QueuePort:
    """Forwards what functions send to SQS to ministack at `url`.

    `on_response` is called before each response: it may be to a SendMessage, and then a queue mapping has
    something to read.
    """

    def __init__(self, url: str, on_response: Callable[[], None]) -> None:
        self._upstream = Upstream(url)
        self._on_response = on_response
        self._server = HttpServer(self._handle)

    async def start(self, host: str) -> int:
        """Listen on any free port of `host` and return it."""
        return await self._server.start(host, 0)

    async def stop(self) -> None:
        self._server.close()
        self._upstream.stop()

    async def _handle(self, request: Request) -> Response:
        response = await self._forward(request)
        self._on_response()
        return response

    async def _forward(self, request: Request) -> Response:
        header = request.header("x-amzn-trace-id")
        if header is None:
            return await self._upstream.forward(request)
        match request.header("x-amz-target"):
            case "AmazonSQS.SendMessage":
                return await self._send(request, json.loads(request.body), header)
            case "AmazonSQS.SendMessageBatch":
                return await self._send_batch(request, json.loads(request.body), header)
        return await self._upstream.forward(request)

    async def _send(self, request: Request, message: dict[str, Any], header: str) -> Response:
        """Send a message with the request's trace header as its attribute: ministack keeps only that.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
        """
        attributes = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
        message = {"MessageSystemAttributes": attributes, **message}
        headers = [(name, value) for name, value in request.headers if name.lower() != "x-amz-target"]
        headers.append(("X-Amz-Target", "AmazonSQS.SendMessage"))
        body = json.dumps(message).encode()
        return await self._upstream.forward(
            Request("POST", request.target, headers, body, request.client, request.port)
        )

    async def _send_batch(self, request: Request, batch: dict[str, Any], header: str) -> Response:
        """Send a batch one by one: ministack drops such attributes of a batch's messages."""
        results: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        for entry in batch["Entries"]:
            answer = await self._send(request, {"QueueUrl": batch["QueueUrl"], **entry}, header)
            result = json.loads(answer.body)
            if answer.status == 200:
                results["Successful"].append({"Id": entry["Id"], **result})
            else:
                code = result.get("__type", "").rpartition("#")[2]
                failure = {"Id": entry["Id"], "Code": code, "Message": result.get("message", "")}
                results["Failed"].append({**failure, "SenderFault": answer.status < 500})
        headers = (("Content-Type", "application/x-amz-json-1.0"),)
        return Response(200, json.dumps(results).encode(), headers)
