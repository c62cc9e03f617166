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
from local.http import HttpServer, Request, Response
from local.invocation import Result

PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = Response(202, b'{"status":"OK"}', (("Content-Type", "application/json"),))
_UNKNOWN = Response(404, b'{"errorType":"NotFound"}', (("Content-Type", "application/json"),))


@dataclass(frozen=True, slots=True)
class Call:
    """One event for one function, and where its result goes."""

    request_id: str
    arn: str
    event: bytes
    trace: str
    timeout: float  # seconds
    result: asyncio.Future[Result]

    def settle(self, result: Result) -> None:
        if not self.result.done():  # its caller may have gone
            self.result.set_result(result)


class RuntimeApi:
    """Serves one instance: `asked` when it wants an event, `answered` with a call's result, `failed` with the
    error document of a failed initialization."""

    def __init__(
        self,
        *,
        asked: Callable[[], None],
        answered: Callable[[str, Result], None],
        failed: Callable[[bytes], None],
    ) -> None:
        self._asked = asked
        self._answered = answered
        self._failed = failed
        self._next: asyncio.Future[Response] | None = None
        self._server = HttpServer(self._handle)

    async def start(self) -> str:
        """The address to give to the instance, as AWS_LAMBDA_RUNTIME_API has it."""
        return f"127.0.0.1:{await self._server.start('127.0.0.1', 0)}"

    def stop(self) -> None:
        self._server.close()

    def deliver(self, call: Call) -> None:
        """Answers the waiting request for the next event; there has to be one."""
        assert self._next is not None and not self._next.done()
        deadline = int((time.time() + call.timeout) * 1000)
        headers = (
            # The runtime client hands the handler bytes for any other type.
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", call.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", call.arn),
            ("Lambda-Runtime-Trace-Id", call.trace),
        )
        self._next.set_result(Response(200, call.event, headers))
        self._next = None

    def _handle(self, request: Request) -> Response | asyncio.Future[Response]:
        match request.method, request.path.removeprefix(PREFIX).split("/"):
            case "GET", ["invocation", "next"]:
                self._next = asyncio.get_running_loop().create_future()
                waiting = self._next
                self._asked()
                return waiting
            case "POST", ["invocation", request_id, "response"]:
                self._answered(request_id, _result(request.body))
            case "POST", ["invocation", request_id, "error"]:
                self._answered(request_id, Result(request.body, "Unhandled"))
            case "POST", ["init", "error"]:
                self._failed(request.body)
            case _:
                return _UNKNOWN
        return _ACCEPTED


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
