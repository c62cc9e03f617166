"""The Runtime API, spoken to as a runtime client, a confused one and a page would."""

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
class Rig:
    """A Runtime API, what it has told its owner, and a client."""

    heard: asyncio.Queue[tuple[str, ...]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.api = RuntimeApi(
            on_next=lambda: self.heard.put_nowait(("asked",)),
            on_disconnect=lambda: self.heard.put_nowait(("left",)),
            on_result=lambda request_id, result: self.heard.put_nowait(("answered", request_id)),
            on_init_error=lambda document: self.heard.put_nowait(("failed",)),
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
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    async with aiohttp.ClientSession() as http:
        await rig.start(http)
        yield rig
    rig.api.stop()


async def test_a_client_that_is_in_a_call_gets_no_other_event_and_is_not_taken_for_idle(rig: Rig) -> None:
    first = asyncio.create_task(rig.next())
    assert await rig.heard.get() == ("asked",)
    rig.api.deliver(a_call())
    assert await first == 200
    assert await rig.next() == 403
    assert not rig.api.waiting
    await rig.respond("r1")
    assert await rig.heard.get() == ("answered", "r1")  # and nothing was asked in between
    again = asyncio.create_task(rig.next())
    assert await rig.heard.get() == ("asked",)
    rig.api.deliver(a_call("r2"))
    assert await again == 200


async def test_a_second_request_for_the_next_event_does_not_take_the_first_ones(rig: Rig) -> None:
    first = asyncio.create_task(rig.next())
    assert await rig.heard.get() == ("asked",)
    assert await rig.next() == 403
    rig.api.deliver(a_call())
    assert await first == 200


async def test_a_client_that_goes_away_waits_for_nothing_any_more(rig: Rig) -> None:
    waiting = asyncio.create_task(rig.next())
    assert await rig.heard.get() == ("asked",)
    waiting.cancel()  # which closes its connection
    assert await rig.heard.get() == ("left",)
    assert not rig.api.waiting


async def test_an_answer_to_another_call_is_not_one_to_this(rig: Rig) -> None:
    waiting = asyncio.create_task(rig.next())
    assert await rig.heard.get() == ("asked",)
    rig.api.deliver(a_call())
    await waiting
    await rig.respond("r0")
    await rig.respond("r1")
    assert await rig.heard.get() == ("answered", "r1")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "localhost"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=str,
)
async def test_a_page_gets_no_event(rig: Rig, headers: dict[str, str]) -> None:
    assert await rig.next(**headers) == 403
    assert rig.heard.empty()


def test_a_call_settles_once() -> None:
    async def main() -> Result:
        call = a_call()
        call.complete(Result(b"1"))
        call.complete(Result(b"2"))
        return await call.result

    assert asyncio.run(main()).payload == b"1"
