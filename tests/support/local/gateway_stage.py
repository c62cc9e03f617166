"""A gateway on loopback, with functions that return given answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from websockets.asyncio.client import ClientConnection, connect

from local.aws_defaults import Limits
from local.gateway.gateway import Gateway
from local.invocation import Result
from local.net.access import AccessPolicy
from local.stack import Api, Route
from tests.support.waiting import TIMEOUT

type Answer = Result | dict[str, Any] | Callable[[dict[str, Any]], Any] | None

OK = {"statusCode": 200}
UNLIMITED = Limits(connect_rate=1e6, connect_burst=1e6, request_rate=1e6, request_burst=1e6)


def failed(message: str = "boom") -> Result:
    return Result(json.dumps({"errorMessage": message, "errorType": "Exception"}).encode(), "Unhandled")


def allow(**fields: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An authorizer that allows the ARN of its event."""
    return lambda event: {
        "principalId": "u1",
        "policyDocument": policy("Allow", event["methodArn"]),
        **fields,
    }


def policy(effect: str, resource: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


class Functions:
    """Records what it is called with; returns 200 unless `answers` says otherwise.

    An answer may be a value, a Result, or a function of the event, awaited if need be.
    """

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._called = asyncio.Condition()

    async def __call__(self, name: str, event: dict[str, Any]) -> Result:
        self.events.append((name, json.loads(json.dumps(event))))
        async with self._called:
            self._called.notify_all()
        answer = self.answers.get(name, OK)
        if callable(answer):
            answer = answer(event)
        if isinstance(answer, Awaitable):
            answer = await answer
        return answer if isinstance(answer, Result) else Result(json.dumps(answer).encode())

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for called, event in self.events if called == name]

    async def called(self, name: str, times: int = 1) -> dict[str, Any]:
        """Wait for the call of that number and return its event."""
        async with self._called:
            await self._called.wait_for(lambda: len(self.of(name)) >= times)
        return self.of(name)[times - 1]


def an_api(*, authorizer: bool = False, default: bool = True, **fields: Any) -> Api:
    routes = [
        Route("$connect", "Connect", False, 29),
        Route("$disconnect", "Disconnect", False, 29),
        Route("say", "Say", False, 29),
        Route("ask", "Ask", True, 29),
    ]
    if default:
        routes.append(Route("$default", "Default", True, 29))
    settings: dict[str, Any] = {"throttle_rate": None, "throttle_burst": None} | fields
    return Api(
        name="ChatApi",
        stage="prod",
        selection=settings.pop("selection", "$request.body.action"),
        routes={route.key: route for route in routes},
        authorizer="Authorizer" if authorizer else None,
        **settings,
    )


@dataclass
class Stage:
    """A running gateway, with requests to it."""

    gateway: Gateway
    functions: Functions
    port: int
    http: aiohttp.ClientSession

    def connect(self, query: str = "", path: str = "/prod", **options: Any) -> connect:
        return connect(
            f"ws://127.0.0.1:{self.port}{path}{query}", proxy=None, open_timeout=TIMEOUT, **options
        )

    @asynccontextmanager
    async def client(self, query: str = "", **options: Any) -> AsyncIterator[tuple[ClientConnection, str]]:
        """A connected client and its connection id."""
        before = len(self.functions.of("Connect"))
        async with self.connect(query, **options) as socket:
            event = self.functions.of("Connect")[before]
            yield socket, event["requestContext"]["connectionId"]

    def request(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = yarl.URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        return self.http.request(method, url, data=data, headers=headers, allow_redirects=False)

    async def post(self, connection_id: str, data: bytes) -> int:
        """Post to a connection and return the status."""
        escaped = connection_id.replace("=", "%3D")
        async with self.request("POST", f"/prod/@connections/{escaped}", data) as answer:
            await answer.read()
            return answer.status


@asynccontextmanager
async def running(
    functions: Functions | None = None,
    *,
    api: Api | None = None,
    limits: Limits = UNLIMITED,
    web: Path | None = None,
    access: AccessPolicy = AccessPolicy(),  # noqa: B008 - never changes
    stop_timeout: float = 1,
    post_latency: float = 0,
) -> AsyncIterator[Stage]:
    functions = functions or Functions()
    gateway = Gateway(
        api or an_api(),
        functions,
        web=web,
        limits=limits,
        access=access,
        post_latency=post_latency,
    )
    port = await gateway.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        try:
            yield Stage(gateway, functions, port, http)
        finally:
            await gateway.stop(timeout=stop_timeout)
