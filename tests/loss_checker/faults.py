"""Faults of a local engine: connections are cut, functions die, AWS throttles and fails."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, web

from tests.e2e.support.engine_with_proxies import (
    EngineWithProxies,
    changed_template,
    engine_with_proxies,
    rows,
)
from tests.e2e.support.recording_proxy import Action, Call, Matches, RecordingProxy, operation, writes
from tests.e2e.support.tcp_fault_proxy import TcpFaultProxy, tcp_fault_proxy

FAULT_INTERVAL = 0.7  # seconds between faults, on average
# Rooms with more members than this are broadcast in slices.
LARGE_ROOM = 12
# After a crash a slice waits for the queue's visibility timeout: here, for less.
_QUICK = {"Timeout: 30": "Timeout: 3", "VisibilityTimeout: 32": "VisibilityTimeout: 4"}

_FUNCTIONS = (
    "AuthorizerFunction",
    "ConnectFunction",
    "DisconnectFunction",
    "MessageFunction",
    "FanoutFunction",
    "SliceFunction",
)
# Calls before or after which a function may die, and the functions that make them.
_FATAL_CALLS: dict[str, tuple[Matches, tuple[str, ...]]] = {
    "head": (writes("HEAD"), ("MessageFunction",)),
    "ref": (writes("REF#"), ("MessageFunction", "FanoutFunction")),
    "row": (writes("LOG#"), ("MessageFunction", "FanoutFunction")),
    "reaction": (writes("REACTION#"), ("FanoutFunction",)),
    "summary": (writes("SUMMARY"), ("FanoutFunction",)),
    "subscription": (writes("USER#"), ("MessageFunction", "FanoutFunction")),
    "mention": (lambda call: writes("USER#")(call) and ":mention" in call.text, ("FanoutFunction",)),
    "batch": (operation("BatchGetItem"), ("FanoutFunction",)),
    "query": (operation("Query"), ("FanoutFunction", "SliceFunction", "MessageFunction")),
    "item": (operation("GetItem"), ("MessageFunction", "SliceFunction")),
    "transaction": (
        operation("TransactWriteItems"),
        ("ConnectFunction", "MessageFunction", "FanoutFunction"),
    ),
    "deletion": (operation("DeleteItem"), ("DisconnectFunction",)),
}


class Faults:
    """Inject a random fault per call of `inject`. `counts` are by kind."""

    def __init__(self, engine: EngineWithProxies, network: TcpFaultProxy, rng: random.Random) -> None:
        self._engine = engine
        self._network = network
        self._random = rng
        self.counts: Counter[str] = Counter()
        self._given_up = 0
        # The weight of each kind in the choice.
        self._kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._cut: 4,
            self._cut_all: 1,
            self._silence: 4,
            self._delete: 3,
            self._kill: 2,
            self._kill_in_a_call: 8,
            self._throttle_posts: 3,
            self._fail_posts: 2,
            self._lose_posts: 3,
            self._throttle_dynamodb: 3,
            self._fail_dynamodb: 2,
            self._slow_dynamodb: 2,
        }

    async def inject(self) -> None:
        (kind,) = self._random.choices(list(self._kinds), list(self._kinds.values()))
        await kind()

    def stop(self) -> None:
        """Inject nothing from now on. What is broken stays broken."""
        self._engine.dynamodb.clear_rules()
        self._engine.gateway.clear_rules()

    async def take_counts(self) -> Counter[str]:
        """Return the counts since the last call, with the records that the fan-out's mapping has given up."""
        counts, self.counts = self.counts, Counter()
        given_up = await self._engine.failure_count()
        counts["given up by the fan-out"] = given_up - self._given_up
        self._given_up = given_up
        return counts

    async def slices(self, room: str) -> int:
        """Return the number of a room's slices, 0 for a room that is not large."""
        engine = self._engine.engine
        pk = {":pk": {"S": f"ROOM#{room}"}}
        found = await rows(
            engine, "MessagesTable", "Query", KeyConditionExpression="pk = :pk", ExpressionAttributeValues=pk
        )
        return sum(int(item["slices"]["N"]) for item in found if "slices" in item)

    async def rows(self, room: str) -> list[dict[str, Any]]:
        return await self._engine.rows(room)

    async def stored(self) -> str:
        """Return all that the tables have, as text."""
        tables = [await rows(self._engine.engine, table) for table in ("MessagesTable", "ConnectionsTable")]
        return str(tables)

    def logs(self) -> str:
        """Return what the functions have printed."""
        return "\n".join(self._engine.engine.lines)

    async def deletions(self) -> str:
        """Return the stream's records of messages that were deleted by then, as text.

        Those of before have the texts, and are gone after a day.
        """
        engine = self._engine.engine
        stream = await engine.services.stream(engine.stack.tables["MessagesTable"])
        found: list[Any] = []
        for shard in await stream.shards():
            iterator: str | None = await stream.iterator(shard, position="TRIM_HORIZON")
            records: list[Any] = [None]
            while iterator and records:
                records, iterator = await stream.records(iterator, 1000)
                images = (record["dynamodb"].get("NewImage", {}) for record in records)
                found += [image for image in images if "deleted" in image]
        return str(found)

    # the connections

    async def _cut(self) -> None:
        self.counts["cut"] += self._any_connection(lambda connection: connection.cut())

    async def _cut_all(self) -> None:
        for connection in list(self._network.connections):
            connection.cut()
            self.counts["cut"] += 1

    async def _silence(self) -> None:
        self.counts["silenced"] += self._any_connection(lambda connection: connection.silence())

    def _any_connection(self, act: Callable[[Any], None]) -> int:
        connections = sorted(self._network.connections, key=id)
        if connections:
            act(self._random.choice(connections))
        return len(connections[:1])

    async def _delete(self) -> None:
        """Close a connection by the management API."""
        ids = [key.split()[0][5:] for key in await self._engine.connections() if key.startswith("CONN#")]
        if not ids:
            return
        url = f"{self._engine.engine.url}/prod/@connections/{self._random.choice(ids)}"
        async with ClientSession() as session, session.delete(url) as answer:
            self.counts["closed by the server"] += answer.status == 204

    # the functions

    async def _kill(self) -> None:
        self.counts["kill"] += await self._engine.kill(self._random.choice(_FUNCTIONS), max_kills=1)

    async def _kill_in_a_call(self) -> None:
        what = self._random.choice(list(_FATAL_CALLS))
        matches, functions = _FATAL_CALLS[what]
        function = self._random.choice(functions)

        async def kill(call: Call) -> web.Response | None:
            killed = await self._engine.kill(function, max_kills=1)
            self.counts[f"kill at a {what}"] += killed
            return web.Response(status=500) if killed else None  # most likely to a dead caller

        self._either_side(self._engine.dynamodb, matches, kill, 1)

    # API Gateway's posts

    async def _throttle_posts(self) -> None:
        answer = {"message": "Too Many Requests"}, 429, "LimitExceededException"
        self._posts("throttled post", self._random.randint(1, 40), *answer)

    async def _fail_posts(self) -> None:
        answer = {"message": "Internal server error"}, 500, "InternalServerErrorException"
        self._posts("failed post", self._random.randint(1, 20), *answer)

    async def _lose_posts(self) -> None:
        """Answer as if the post was delivered, and drop it."""
        self._posts("lost post", self._random.randint(1, 5), {}, 200, "")

    def _posts(self, what: str, times: int, body: dict[str, str], status: int, name: str) -> None:
        async def answer(call: Call) -> web.Response:
            self.counts[what] += 1
            return web.json_response(body, status=status, headers={"x-amzn-ErrorType": name})

        self._engine.gateway.before(operation("POST"), answer, times)

    # DynamoDB

    async def _throttle_dynamodb(self) -> None:
        name = self._random.choice(["ProvisionedThroughputExceededException", "ThrottlingException"])
        self._calls("throttled call", 400, name)

    async def _fail_dynamodb(self) -> None:
        self._calls("failed call", 500, "InternalServerError")

    def _calls(self, what: str, status: int, name: str) -> None:
        async def answer(call: Call) -> web.Response:
            self.counts[what] += 1
            error = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "an injected fault"}
            return web.json_response(error, status=status)

        self._either_side(self._engine.dynamodb, lambda call: True, answer, self._random.randint(1, 8))

    async def _slow_dynamodb(self) -> None:
        async def hold(call: Call) -> None:
            self.counts["slow call"] += 1
            await asyncio.sleep(self._random.uniform(0.5, 4))

        self._either_side(self._engine.dynamodb, lambda call: True, hold, self._random.randint(1, 3))

    def _either_side(self, proxy: RecordingProxy, matches: Matches, action: Action, times: int) -> None:
        """Act before the call is carried out, or after: then it is done and its caller does not know."""
        self._random.choice([proxy.before, proxy.after])(matches, action, times)


async def inject(faults: Faults, rng: random.Random, is_running: Callable[[], bool]) -> None:
    """Inject faults at random while the run goes on."""
    try:
        while is_running():
            await asyncio.sleep(rng.expovariate(1 / FAULT_INTERVAL))
            await faults.inject()
    finally:
        faults.stop()


@asynccontextmanager
async def faulty_engine(
    folder: Path, rng: random.Random, *, fast_lane: int = 0
) -> AsyncIterator[tuple[str, Faults]]:
    """Start a local engine; yield its URL and its faults. `folder` is for its template."""
    parameters = {"LargeRoom": str(LARGE_ROOM), "Slices": "4", "FastLane": str(fast_lane)}
    async with (
        engine_with_proxies(changed_template(folder, _QUICK), parameters=parameters) as engine,
        tcp_fault_proxy(urlsplit(engine.url).port or 0) as network,
    ):
        yield f"ws://127.0.0.1:{network.port}/prod", Faults(engine, network, rng)
