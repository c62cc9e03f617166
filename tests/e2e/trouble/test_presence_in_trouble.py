"""Tabs come and go, and some $disconnects fail: every list of members is right in the end."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, user_of
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, rows
from tests.e2e.support.presence_clients import PresenceClient
from tests.e2e.support.recording_proxy import Call, RecordingProxy, operation
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port
from tests.support.waiting import until

USERS, TABS = 50, 3
TROUBLE = 30.0  # seconds for which tabs come and go
AT_ONCE = 6  # tabs that do so at the same time
MAX_RECOVERY = 15.0  # seconds after which every list has to be right


class Users:
    """Users with several tabs each, all in one room. `open` are the tabs by their places."""

    def __init__(self, url: str, room: str, rng: random.Random) -> None:
        self._url = url
        self._room = room
        self._random = rng
        # The places that no task is busy with: a user and the number of a tab.
        self._places = [(user, tab) for user in range(USERS) for tab in range(TABS)]
        self.open: dict[tuple[int, int], PresenceClient] = {}
        self.did: Counter[str] = Counter()

    @property
    def truth(self) -> dict[str, str]:
        """The name of each user who has a tab."""
        return {user_of(client): f"User {client}" for client in sorted({str(user) for user, _ in self.open})}

    @property
    def wrong(self) -> list[PresenceClient]:
        truth = self.truth
        return [tab for tab in self.open.values() if tab.people != truth]

    async def open_all(self) -> None:
        """Open every tab."""

        async def work() -> None:
            while self._places:
                await self._open(self._places.pop())

        await at_once(work)
        self._places = sorted(self.open)

    async def act(self, seconds: float) -> None:
        """Kill, reload and cut off tabs for so long; some come back."""
        end = time.monotonic() + seconds

        async def work() -> None:
            while time.monotonic() < end:
                place = self._places.pop(self._random.randrange(len(self._places)))
                await self._happen(place)
                self._places.append(place)
                await asyncio.sleep(self._random.uniform(0, 1))

        await at_once(work)

    async def cut_off(self, users: int) -> None:
        """Kill all tabs of some users at once."""
        lost = self._random.sample(range(USERS), users)
        for place in [place for place in self.open if place[0] in lost]:
            await self.open.pop(place).abort()

    async def send_messages(self) -> None:
        """Send a message per second: its broadcast finds the sockets that are dead."""
        while True:
            tab = self._random.choice(list(self.open.values()))
            await tab.send(f"{time.monotonic()}")
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
            what = self._random.choice(["came", "stayed away"])
        else:
            what = self._random.choice(["was killed", "was killed", "was reloaded", "was cut off"])
            await (tab.close() if what == "was reloaded" else tab.abort())
        if what in {"was reloaded", "was cut off"}:
            await asyncio.sleep(self._random.uniform(0, 1.5))
        if what in {"was reloaded", "was cut off", "came"}:
            await self._open(place)
        self.did[what] += 1


async def at_once(work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


@asynccontextmanager
async def engine_that_loses_disconnects(
    is_lost: Callable[[], bool],
) -> AsyncIterator[tuple[Engine, Counter[str]]]:
    """An engine on which some $disconnects fail: on AWS they are best effort."""
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


async def test_a_message_finds_a_tab_that_ended_without_a_disconnect(room: str) -> None:
    async with (
        engine_that_loses_disconnects(lambda: True) as (engine, lost),
        frame_client(engine.socket_url, room=room, name="Grace") as grace,
    ):
        async with frame_client(engine.socket_url, room=room, name="Ada", client="ada") as ada:
            await grace.until(
                lambda: any("Ada" in names(frame["joined"]) for frame in presence_frames(grace))
            )
            await ada.abort()
        await until(lambda: lost)
        members = (await grace.request(action="presence", room=room))["members"]
        assert sorted(names(members)) == ["Ada", "Grace"]  # nothing has shown yet that the socket is dead
        await age_connections(engine, room)
        await grace.send(room, "Ada?")
        await grace.until(lambda: names(presence_frames(grace)[-1]["left"]) == ["Ada"])
        assert presence_frames(grace)[-1]["count"] == 1


def presence_frames(client: FrameClient) -> list[dict[str, Any]]:
    return client.of_type("presence")


def names(people: list[dict[str, str]]) -> list[str]:
    return [person["name"] for person in people]


async def age_connections(engine: Engine, room: str) -> None:
    """Make a room's connections so old that a 410 cannot mean that one is not open yet."""
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


async def test_every_list_is_right_after_half_a_minute_of_trouble(room: str) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    async with engine_that_loses_disconnects(lambda: rng.random() < 1 / 3) as (engine, lost):
        users = Users(engine.socket_url, room, rng)
        await users.open_all()
        sending = asyncio.create_task(users.send_messages())
        await users.act(TROUBLE)
        await users.cut_off(10)
        began = time.monotonic()
        while (took := time.monotonic() - began) < MAX_RECOVERY and users.wrong:
            await asyncio.sleep(0.1)
        asked = sum(tab.asked for tab in users.open.values())
        print(f"{dict(users.did | lost)}, {asked} times asked, right after {took:.1f} s")
        print(f"{len(users.open)} tabs of {len(users.truth)} users are left")
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        assert not users.wrong
        assert len(users.truth) < USERS
        await users.close_all()
