"""An HTTP proxy between the functions and what they call.

A test sees each call, and can hold it, answer it or kill the caller.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector, web


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the operation and request of DynamoDB, or the method and path of a post."""

    operation: str
    body: dict[str, Any]
    # That calls DynamoDB with boto3 by `RecordingProxy.url_of`. The fan-out reads members without boto3.
    function: str = ""

    @property
    def text(self) -> str:
        return json.dumps(self.body)


type Matches = Callable[[Call], bool]
# Runs before or after the call is forwarded. An answer that it returns replaces the real one.
type Action = Callable[[Call], Awaitable[web.Response | None]]
# Is called with each call that DynamoDB has answered.
type OnAnswer = Callable[[Call, dict[str, Any]], None]


class Hold:
    """An action that holds calls up until they are released."""

    def __init__(self) -> None:
        self._released = asyncio.Event()

    async def __call__(self, call: Call) -> None:
        await self._released.wait()

    def release(self) -> None:
        self._released.set()


@dataclass(slots=True)
class Rule:
    matches: Matches
    action: Action
    after: bool
    times: int
    hits: int = 0
    # Set when the action has run `times` times.
    happened: asyncio.Event = field(default_factory=asyncio.Event)


class RecordingProxy:
    """`before` and `after` add a rule: an action for the next calls that match."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._rules: list[Rule] = []
        self.url = ""
        self.added_fields: dict[str, Any] = {}  # to every request to DynamoDB
        self.on_answer: OnAnswer | None = None

    async def __aenter__(self) -> RecordingProxy:
        self._session = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def url_of(self, function: str) -> str:
        """Return the URL by which the proxy knows this function's calls."""
        return f"{self.url}/{function}"

    def before(self, matches: Matches, action: Action, times: int = 1) -> Rule:
        return self._add(Rule(matches, action, False, times))

    def after(self, matches: Matches, action: Action, times: int = 1) -> Rule:
        return self._add(Rule(matches, action, True, times))

    def clear_rules(self) -> None:
        """Remove all rules. Actions that run are not stopped."""
        self._rules.clear()

    def _add(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        return rule

    async def _forward(self, request: web.Request) -> web.Response:
        try:
            raw = await request.read()
        except ConnectionError:  # the caller has died
            return web.Response(status=400)
        target = request.headers.get("X-Amz-Target", "")
        if target:
            call = Call(target.rpartition(".")[2], json.loads(raw), request.path.strip("/"))
            raw = json.dumps(call.body | self.added_fields).encode() if self.added_fields else raw
        else:
            call = Call(request.method, {"path": request.path, "frame": raw.decode()})
        if (answer := await self._apply(call, after=False)) is not None:
            return answer
        path = "/" if target else request.raw_path
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length", "accept-encoding"}
        }
        try:
            async with self._session.request(
                request.method, self._upstream + path, data=raw, headers=headers
            ) as upstream:
                body = await upstream.read()
        except ClientError:  # the engine is stopping
            return web.Response(status=503)
        forwarded = web.Response(status=upstream.status, body=body)
        for name in ("Content-Type", "x-amzn-ErrorType", "x-amzn-RequestId", "x-amz-crc32"):
            if name in upstream.headers:
                forwarded.headers[name] = upstream.headers[name]
        if self.on_answer and target:
            self.on_answer(call, json.loads(body))
        return await self._apply(call, after=True) or forwarded

    async def _apply(self, call: Call, *, after: bool) -> web.Response | None:
        for rule in self._rules:
            if rule.after == after and rule.matches(call):
                rule.hits += 1
                if rule.hits >= rule.times:
                    self._rules.remove(rule)
                answer = await rule.action(call)
                if rule.hits >= rule.times:
                    rule.happened.set()
                return answer
        return None


def writes(part: str, operation: str | None = None) -> Matches:
    """Match a write of an item whose key contains `part`, such as `"HEAD"` or `"REF#"`."""

    def matches(call: Call) -> bool:
        if call.operation not in {"UpdateItem", "PutItem"} or operation not in {None, call.operation}:
            return False
        return part in json.dumps(call.body.get("Key") or call.body.get("Item"))

    return matches


def by(function: str, matches: Matches) -> Matches:
    """Match only calls of one function: what one writes, another may have written before it."""
    return lambda call: call.function == function and matches(call)


def operation(name: str, part: str = "") -> Matches:
    return lambda call: call.operation == name and part in call.text


async def unavailable(call: Call) -> web.Response:
    """Answer with an error of DynamoDB that its clients do not retry."""
    return web.json_response(
        {"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message": "told to fail"},
        status=400,
    )
