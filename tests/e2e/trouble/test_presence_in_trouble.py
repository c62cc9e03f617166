"""Tabs that come and go, and $disconnects that are lost: everybody knows who is there all the same."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from local.engine import Engine
from tests.e2e.support.clients import TIMEOUT, FrameClient, frame_client, user_of
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, rows
from tests.e2e.support.presence_clients import PresenceClient
from tests.e2e.support.recording_proxy import Call, RecordingProxy, operation
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port

USERS, TABS = 50, 3
TROUBLE = 60.0  # seconds for which tabs come and go
AT_ONCE = 6  # tabs that do so at the same time
RIGHT_AFTER = 15.0  # seconds after which every list has to be right


class Users:
    """Users with several tabs each, all in one room."""

    def __init__(self, url: str, room: str, chance: random.Random) -> None:
        self._url = url
        self._room = room
        self._chance = chance
        self._places = [(user, tab) for user in range(USERS) for tab in range(TABS)]  # with nobody busy
        self.open: dict[tuple[int, int], PresenceClient] = {}
        self.did: Counter[str] = Counter()

    @property
    def truth(self) -> dict[str, str]:
        """Who is there, by user."""
        return {user_of(client): f"User {client}" for client in sorted({str(user) for user, _ in self.open})}

    @property
    def wrong(self) -> list[PresenceClient]:
        truth = self.truth
        return [tab for tab in self.open.values() if tab.people != truth]

    async def open_all(self) -> None:
        """Opens every tab."""

        async def work() -> None:
            while self._places:
                await self._open(self._places.pop())

        await at_once(work)
        self._places = sorted(self.open)

    async def act(self, seconds: float) -> None:
        """For so long tabs are killed, reloaded and cut off, and come back or not."""
        end = time.monotonic() + seconds

        async def work() -> None:
            while time.monotonic() < end:
                place = self._places.pop(self._chance.randrange(len(self._places)))
                await self._happen(place)
                self._places.append(place)
                await asyncio.sleep(self._chance.uniform(0, 2))

        await at_once(work)

    async def cut_off(self, users: int) -> None:
        """Some users lose all their tabs at once."""
        lost = self._chance.sample(range(USERS), users)
        for place in [place for place in self.open if place[0] in lost]:
            await self.open.pop(place).abort()

    async def send_messages(self) -> None:
        """Somebody says something each second, so that sockets are found out that died without a word."""
        while True:
            talker = self._chance.choice(list(self.open.values()))
            await talker.send(f"{time.monotonic()}")
            await asyncio.sleep(1)

    async def close_all(self) -> None:
        for tab in self.open.values():
            await tab.close()

    async def _open(self, place: tuple[int, int]) -> None:
        client = str(place[0])
        self.open[place] = await PresenceClient.open(
            self._url, self._room, client=client, name=f"User {client}"
        )

    async def _happen(self, place: tuple[int, int]) -> None:
        tab = self.open.pop(place, None)
        if tab is None:
            what = self._chance.choice(["came", "stayed away"])
        else:
            what = self._chance.choice(["was killed", "was killed", "was reloaded", "was cut off"])
            await (tab.close() if what == "was reloaded" else tab.abort())
        if what in {"was reloaded", "was cut off"}:
            await asyncio.sleep(self._chance.uniform(0, 3))
        if what in {"was reloaded", "was cut off", "came"}:
            await self._open(place)
        self.did[what] += 1


async def at_once(work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


@asynccontextmanager
async def engine_that_loses_disconnects(
    is_lost: Callable[[], bool],
) -> AsyncIterator[tuple[Engine, Counter[str]]]:
    """An engine of which work $disconnects come to nothing, for on AWS they are best effort."""
    lost: Counter[str] = Counter()

    async def lose(call: Call) -> web.Response | None:
        if not is_lost():
            return None
        lost["$disconnects lost"] += 1
        return web.json_response({"__type": "AccessDeniedException", "message": "lost"}, status=400)

    port = free_port()
    async with RecordingProxy(f"http://127.0.0.1:{port}") as proxy:
        proxy.before(operation("DeleteItem", "CONN#"), lose, times=10**9)
        async with LoggedEngine(
            service_port=port,
            parameters=HIGH_LIMITS,
            environment={"DisconnectFunction": {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url}},
        ) as engine:
            yield engine, lost


async def test_who_goes_without_a_word_is_missed_by_the_next_message(room: str) -> None:
    async with (
        engine_that_loses_disconnects(lambda: True) as (engine, lost),
        frame_client(engine.socket_url, room=room, name="Grace") as grace,
    ):
        async with frame_client(engine.socket_url, room=room, name="Ada", client="ada") as ada:
            await grace.until(
                lambda: any(names(frame["joined"]) == ["Ada"] for frame in presence_frames(grace))
            )
            await ada.abort()
        async with asyncio.timeout(TIMEOUT):
            while not lost:
                await asyncio.sleep(0.02)
        members = (await grace.request(action="presence", room=room))["members"]
        assert sorted(names(members)) == ["Ada", "Grace"]  # for all that anybody can know
        await age_connections(engine, room)
        await grace.send(room, "Ada?")
        await grace.until(lambda: names(presence_frames(grace)[-1]["left"]) == ["Ada"])
        assert presence_frames(grace)[-1]["count"] == 1


def presence_frames(client: FrameClient) -> list[dict[str, Any]]:
    return client.of_type("presence")


def names(people: list[dict[str, str]]) -> list[str]:
    return [person["name"] for person in people]


async def age_connections(engine: Engine, room: str) -> None:
    """Makes a room's connections so old that a 410 cannot mean that one is not open yet."""
    for row in await rows(engine, "ConnectionsTable"):
        if row["pk"]["S"] == f"ROOM#{room}":
            await engine.services.dynamodb(
                "UpdateItem",
                {
                    "TableName": engine.stack.tables["ConnectionsTable"].name,
                    "Key": {"pk": row["pk"], "sk": row["sk"]},
                    "UpdateExpression": "SET connected_at = :old",
                    "ExpressionAttributeValues": {":old": {"N": "1000"}},
                },
            )


@pytest.mark.timeout(300)
async def test_everybody_knows_who_is_there_after_a_minute_of_trouble(room: str) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with engine_that_loses_disconnects(lambda: chance.random() < 1 / 3) as (engine, lost):
        users = Users(engine.socket_url, room, chance)
        await users.open_all()
        sending = asyncio.create_task(users.send_messages())
        await users.act(TROUBLE)
        await users.cut_off(10)
        began = time.monotonic()
        while (took := time.monotonic() - began) < RIGHT_AFTER and users.wrong:
            await asyncio.sleep(0.1)
        asked = sum(tab.asked for tab in users.open.values())
        print(f"{dict(users.did | lost)}, {asked} times asked, settled in {took:.1f} s")
        print(f"{len(users.open)} tabs of {len(users.truth)} users are left")
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        assert not users.wrong
        assert len(users.truth) < USERS
        await users.close_all()
