"""The Lambda Runtime API, as one function instance sees it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Every instance has a port of its own: the port
says which instance sent a request.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.aws_defaults import MAX_RESPONSE
from local.invocation import Result
from local.net.access import forbidden, from_a_page
from local.net.http_server import HttpServer, Request, Response
from local.traces.lambda_segments import CallTrace

PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = Response(202, b'{"status":"OK"}', (("Content-Type", "application/json"),))
# The response of AWS's emulator: internal/lambda/rapi/handler/invocationnext.go of
# https://github.com/aws/aws-lambda-runtime-interface-emulator
_NOT_NOW = Response(
    403,
    b'{"errorType":"InvalidStateTransition","errorMessage":"the client has an event or waits for one"}',
    (("Content-Type", "application/json"),),
)
_UNKNOWN = Response(404, b'{"errorType":"NotFound"}', (("Content-Type", "application/json"),))


@dataclass(frozen=True, slots=True)
class Call:
    """One event for one function, and the future of its result."""

    request_id: str
    arn: str
    event: bytes
    trace: CallTrace
    timeout: float  # seconds
    result: asyncio.Future[Result]

    def complete(self, result: Result) -> None:
        self.trace.ended(result)
        if not self.result.done():  # the caller may have been cancelled
            self.result.set_result(result)


class RuntimeApi:
    """Serves one instance.

    `on_next` is called when it asks for an event, and `on_disconnect` when its connection closes while it
    waits. `on_result` gets a call's request id and result. `on_init_error` gets the error document of a
    failed initialization.
    """

    def __init__(
        self,
        *,
        on_next: Callable[[], None],
        on_disconnect: Callable[[], None],
        on_result: Callable[[str, Result], None],
        on_init_error: Callable[[bytes], None],
    ) -> None:
        self._on_next = on_next
        self._on_disconnect = on_disconnect
        self._on_result = on_result
        self._on_init_error = on_init_error
        self._address = ""
        self._next: asyncio.Future[Response] | None = None
        self._running: str | None = None  # the request id of the call in progress
        self._server = HttpServer(self._handle)

    async def start(self) -> str:
        """Listen, and return the address for the instance's AWS_LAMBDA_RUNTIME_API."""
        self._address = f"127.0.0.1:{await self._server.start('127.0.0.1', 0)}"
        return self._address

    def stop(self) -> None:
        self._server.close()

    @property
    def waiting(self) -> bool:
        """True if the instance waits for its next event."""
        return self._next is not None and not self._next.done()

    def deliver(self, call: Call) -> None:
        """Answer the waiting request for the next event; there must be one."""
        assert self._next is not None and self.waiting
        deadline = int((time.time() + call.timeout) * 1000)
        headers = (
            # For any other type, the runtime client passes bytes to the handler.
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", call.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", call.arn),
            ("Lambda-Runtime-Trace-Id", call.trace.header),
        )
        self._next.set_result(Response(200, call.event, headers))
        self._next = None
        self._running = call.request_id

    def _handle(self, request: Request) -> Response | asyncio.Future[Response]:
        if request.header("host") != self._address or from_a_page(request):
            return forbidden("this port is for a function's runtime client")  # see access.py
        match request.method, request.path.removeprefix(PREFIX).split("/"):
            case "GET", ["invocation", "next"]:
                if self._running is not None or self._next is not None:
                    return _NOT_NOW
                return self._wait_for_event()
            case "POST", ["invocation", request_id, "response"]:
                self._complete(request_id, _result(request.body))
            case "POST", ["invocation", request_id, "error"]:
                self._complete(request_id, Result(request.body, "Unhandled"))
            case "POST", ["init", "error"]:
                self._on_init_error(request.body)
            case _:
                return _UNKNOWN
        return _ACCEPTED

    def _wait_for_event(self) -> asyncio.Future[Response]:
        self._next = waiting = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(self._waiting_ended)
        self._on_next()
        return waiting

    def _waiting_ended(self, waiting: asyncio.Future[Response]) -> None:
        if waiting.cancelled():  # the server does this when the client disconnects
            self._next = None
            self._on_disconnect()

    def _complete(self, request_id: str, result: Result) -> None:
        if request_id == self._running:
            self._running = None
            self._on_result(request_id, result)


def _result(body: bytes) -> Result:
    if len(body) <= MAX_RESPONSE:
        return Result(body)
    return error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).",
    )


def error(kind: str, message: str) -> Result:
    """Return the result of a failed call, with Lambda's own error document."""
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), "Unhandled")
