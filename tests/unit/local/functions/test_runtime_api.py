"""The Runtime API, with requests of a runtime client, a confused client and a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from local.functions.runtime_api import PREFIX, Call, RuntimeApi
from local.invocation import Result
from local.traces.lambda_segments import CallTrace


def a_call(request_id: str = "r1") -> Call:
    trace = CallTrace(
        function="f", arn="arn", request_id=request_id, sampled=False, record=lambda segment: None
    )
    return Call(request_id, "arn", b"{}", trace, 3, asyncio.get_running_loop().create_future())


@dataclass
class Instance:
    """A Runtime API, its callbacks as events, and a client."""

    events: asyncio.Queue[tuple[str, ...]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.api = RuntimeApi(
            on_next=lambda: self.events.put_nowait(("next",)),
            on_disconnect=lambda: self.events.put_nowait(("disconnect",)),
            on_result=lambda request_id, result: self.events.put_nowait(("result", request_id)),
            on_init_error=lambda document: self.events.put_nowait(("init error",)),
        )

    async def start(self, http: aiohttp.ClientSession) -> None:
        self.http, self.url = http, f"http://{await self.api.start()}{PREFIX}"

    async def next(self, **headers: str) -> int:
        async with self.http.get(f"{self.url}invocation/next", headers=headers) as answer:
            await answer.read()
            return answer.status

    async def respond(self, request_id: str) -> None:
        async with self.http.post(f"{self.url}invocation/{request_id}/response", data=b"null") as answer:
            assert answer.status == 202


@pytest.fixture
async def instance() -> AsyncIterator[Instance]:
    instance = Instance()
    async with aiohttp.ClientSession() as http:
        await instance.start(http)
        yield instance
    instance.api.stop()


async def test_a_client_in_a_call_gets_no_other_event_and_does_not_count_as_idle(instance: Instance) -> None:
    first = asyncio.create_task(instance.next())
    assert await instance.events.get() == ("next",)
    instance.api.deliver(a_call())
    assert await first == 200
    assert await instance.next() == 403
    assert not instance.api.waiting
    await instance.respond("r1")
    assert await instance.events.get() == ("result", "r1")  # and no event was requested in between
    again = asyncio.create_task(instance.next())
    assert await instance.events.get() == ("next",)
    instance.api.deliver(a_call("r2"))
    assert await again == 200


async def test_a_second_request_for_the_next_event_does_not_take_the_first_ones(instance: Instance) -> None:
    first = asyncio.create_task(instance.next())
    assert await instance.events.get() == ("next",)
    assert await instance.next() == 403
    instance.api.deliver(a_call())
    assert await first == 200


async def test_a_client_that_goes_away_no_longer_waits(instance: Instance) -> None:
    waiting = asyncio.create_task(instance.next())
    assert await instance.events.get() == ("next",)
    waiting.cancel()  # which closes its connection
    assert await instance.events.get() == ("disconnect",)
    assert not instance.api.waiting


async def test_a_result_of_another_call_is_ignored(instance: Instance) -> None:
    waiting = asyncio.create_task(instance.next())
    assert await instance.events.get() == ("next",)
    instance.api.deliver(a_call())
    await waiting
    await instance.respond("r0")
    await instance.respond("r1")
    assert await instance.events.get() == ("result", "r1")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "localhost"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
async def test_a_page_gets_no_event(instance: Instance, headers: dict[str, str]) -> None:
    assert await instance.next(**headers) == 403
    assert instance.events.empty()


def test_a_call_completes_once() -> None:
    async def main() -> Result:
        call = a_call()
        call.complete(Result(b"1"))
        call.complete(Result(b"2"))
        return await call.result

    assert asyncio.run(main()).payload == b"1"
