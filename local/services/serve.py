"""ministack on the engine's own HTTP server.

    python -P child.py local.services.serve

ministack's own server, hypercorn, parses HTTP in Python. That took 60% of the CPU time of a call to DynamoDB,
and a message takes a dozen calls. Calls to DynamoDB and SQS do not go through its routing, either
(direct.py).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import uvloop

from local.net.http_server import HttpServer, Request, Response
from local.services.changes import VARIABLE, Teller

MAX_BODY = 17 * 1024 * 1024  # bytes; the items of a BatchWriteItem may have 16 MB

type Message = dict[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Message, Receive, Send], Awaitable[None]]  # of ASGI


def _nothing() -> None:
    pass


def main(started: Callable[[], None] = _nothing, ended: Callable[[], None] = _nothing) -> None:
    """Serve until SIGTERM. Calls `started` before the first request and `ended` after the last one."""
    from ministack.services import dynamodb

    dynamodb.esm_wake = Teller(int(os.environ[VARIABLE]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(started, ended))


def _application() -> Application:
    """Import it when it is first needed: with it come HTTP/2 and all that is not served here."""
    from ministack.app import app

    application: Application = app
    return application


async def _serve(started: Callable[[], None], ended: Callable[[], None]) -> None:
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    started()
    server = HttpServer(Requests(), max_body=MAX_BODY)
    await server.start(os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"]))
    await told_to_end.wait()
    server.close()
    ended()


class Requests:
    """A handler of HttpServer: calls DynamoDB and SQS, and ministack's application for all else."""

    def __init__(self) -> None:
        from local.services import direct

        self._direct = direct
        self._loop = asyncio.get_running_loop()

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        service = self._direct.service_of(request)
        answer = self._answer(request) if service is None else self._direct.answer(service, request)
        # DynamoDB waits for nothing: it answers before the event loop does anything else.
        task = asyncio.Task(answer, loop=self._loop, eager_start=True)
        return task.result() if task.done() else task

    async def _answer(self, request: Request) -> Response:
        response = Response()

        async def receive() -> Message:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in message["headers"]
                    if name.lower() != b"content-length"  # HttpServer counts
                )
            else:
                response.body += message.get("body", b"")

        await _application()(_scope(request), receive, send)
        return response


def _scope(request: Request) -> Message:
    return {
        "type": "http",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path),
        "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
        "client": (request.client, 0),
    }


if __name__ == "__main__":
    main()
