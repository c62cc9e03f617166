"""The Lambda Runtime API, as one function instance sees it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Every instance has a port of its own, so
that a request needs no other sign of who sent it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from local.aws_defaults import MAX_RESPONSE
from local.invocation import Result
from local.net.access import from_a_page, refused
from local.net.http_server import HttpServer, Request, Response
from local.traces.lambda_segments import CallTrace

PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = Response(202, b'{"status":"OK"}', (("Content-Type", "application/json"),))
# AWS's own: internal/lambda/rapi/handler/invocationnext.go of
# https://github.com/aws/aws-lambda-runtime-interface-emulator
_NOT_NOW = Response(
    403,
    b'{"errorType":"InvalidStateTransition","errorMessage":"it has an event, or waits for one"}',
    (("Content-Type", "application/json"),),
)
_UNKNOWN = Response(404, b'{"errorType":"NotFound"}', (("Content-Type", "application/json"),))


@dataclass(frozen=True, slots=True)
class Call:
    """One event for one function, and where its result goes."""

    request_id: str
    arn: str
    event: bytes
    trace: CallTrace
    timeout: float  # seconds
    result: asyncio.Future[Result]

    def settle(self, result: Result) -> None:
        self.trace.ended(result)
        if not self.result.done():  # its caller may have gone
            self.result.set_result(result)


class RuntimeApi:
    """Serves one instance: `asked` when it wants an event, `left` when it no longer waits for one, `answered`
    with a call's result, `failed` with the error document of a failed initialization.
    """

    def __init__(
        self,
        *,
        asked: Callable[[], None],
        left: Callable[[], None],
        answered: Callable[[str, Result], None],
        failed: Callable[[bytes], None],
    ) -> None:
        self._asked = asked
        self._left = left
        self._answered = answered
        self._failed = failed
        self._address = ""
        self._next: asyncio.Future[Response] | None = None
        self._running: str | None = None  # the request id of the event that it has not answered yet
        self._server = HttpServer(self._handle)

    async def start(self) -> str:
        """The address to give to the instance, as AWS_LAMBDA_RUNTIME_API has it."""
        self._address = f"127.0.0.1:{await self._server.start('127.0.0.1', 0)}"
        return self._address

    def stop(self) -> None:
        self._server.close()

    @property
    def waiting(self) -> bool:
        """Whether a request for the next event waits to be answered."""
        return self._next is not None and not self._next.done()

    def deliver(self, call: Call) -> None:
        """Answers the waiting request for the next event; there has to be one."""
        assert self._next is not None and self.waiting
        deadline = int((time.time() + call.timeout) * 1000)
        headers = (
            # The runtime client hands the handler bytes for any other type.
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
            return refused("this is for a function's runtime client")  # what it may not do: callers.py
        match request.method, request.path.removeprefix(PREFIX).split("/"):
            case "GET", ["invocation", "next"]:
                if self._running is not None or self._next is not None:
                    return _NOT_NOW
                return self._wait_for_event()
            case "POST", ["invocation", request_id, "response"]:
                self._settle(request_id, _result(request.body))
            case "POST", ["invocation", request_id, "error"]:
                self._settle(request_id, Result(request.body, "Unhandled"))
            case "POST", ["init", "error"]:
                self._failed(request.body)
            case _:
                return _UNKNOWN
        return _ACCEPTED

    def _wait_for_event(self) -> asyncio.Future[Response]:
        self._next = waiting = asyncio.get_running_loop().create_future()
        waiting.add_done_callback(self._no_longer_waits)
        self._asked()
        return waiting

    def _no_longer_waits(self, waiting: asyncio.Future[Response]) -> None:
        if waiting.cancelled():  # by the server, whose client has gone
            self._next = None
            self._left()

    def _settle(self, request_id: str, result: Result) -> None:
        if request_id == self._running:
            self._running = None
            self._answered(request_id, result)


def _result(body: bytes) -> Result:
    if len(body) <= MAX_RESPONSE:
        return Result(body)
    return error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).",
    )


def error(kind: str, message: str) -> Result:
    """A failed call, with Lambda's own error document."""
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), "Unhandled")
