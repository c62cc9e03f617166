"""A connection ends with its token: at the first frame that it sends or would receive.

The clocks of the issuer and of AWS may differ by the leeway, so a token is accepted for so long after its
`exp`. So long does its connection last, too.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.e2e.support.clients import FrameClient, code_of, frame_client, plain_client
from tests.e2e.support.engine_with_proxies import rows
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEEWAY = 60  # seconds, the default of JwtLeeway
LIFE = 6  # seconds; enough to connect everybody on a busy machine
DISCONNECT = {"type": "disconnect", "code": "token_expired", "reconnect": True}


async def is_disconnected(client: FrameClient) -> None:
    await client.until_closed()
    assert DISCONNECT in client.frames


async def users_of(jwt_engine: JwtEngine, room: str) -> list[str]:
    """Return the users whose connection or membership is stored with this room."""
    stored = await rows(jwt_engine.engine, "ConnectionsTable")
    return sorted(
        row["user"]["S"]
        for row in stored
        if row["pk"]["S"] == f"ROOM#{room}" or room in row.get("rooms", {}).get("SS", [])
    )


async def test_a_connection_ends_with_its_token(jwt_engine: JwtEngine, room: str) -> None:
    async def are_forgotten() -> bool:
        return await users_of(jwt_engine, room) == ["grace", "grace"]

    url, end = jwt_engine.url, int(time.time()) + LIFE
    short = token_of("ada", exp=end - LEEWAY)
    async with (
        frame_client(url, token=token_of("grace"), room=room) as grace,
        frame_client(url, token=short, room=room) as says,
        frame_client(url, token=short, room=room) as joins,
        frame_client(url, token=short, room=room) as reader,
        plain_client(url, token=short, room=room) as speaks,
        plain_client(url, token=short, room=room) as listens,
    ):
        adas = says, joins, reader, speaks, listens
        await says.send(room, "in time")
        for client in adas:
            await client.until(lambda client=client: any("in time" in text for text in client.received))
        assert await code_of(grace.request(action="presence", room=room)) == "ok"
        await asyncio.sleep(max(0, end + 0.1 - time.time()))

        # The first frame that it sends.
        await says.send_frame({"action": "send", "ref": "late", "room": room, "message": "too late"})
        await joins.send_frame({"action": "join", "ref": "late", "room": f"{room}-2"})
        await speaks.send_text("too late")
        await asyncio.gather(is_disconnected(says), is_disconnected(joins), speaks.until_closed())
        # The first frame that it would receive.
        await grace.send(room, "They are gone")
        await grace.until_received("They are gone")
        await asyncio.gather(is_disconnected(reader), listens.until_closed())
        assert grace.texts == [*reader.texts, "They are gone"] == ["in time", "They are gone"]
        assert listens.received == ["in time"]

        # Their rows are deleted, the others get a presence frame, and a new token connects again.
        gone = {"user": "ada", "name": "Ada"}
        await grace.until(lambda: any(gone in frame["left"] for frame in grace.of_type("presence")))
        await until(are_forgotten)
        async with frame_client(url, token=token_of("ada"), room=room) as ada:
            assert await code_of(ada.send(room, "Here I am")) == "ok"
            await grace.until_received("Here I am")


FIRST: dict[str, dict[str, Any]] = {
    "ping": {},
    "send": {"message": "Hi"},
    "join": {},
    "leave": {},
    "history": {"after": 0},
    "presence": {},
    "typing": {},
    "edit": {"seq": 1, "message": "Hi"},
    "delete": {"seq": 1},
    "react": {"seq": 1, "reaction": "!"},
    "reactions": {"seq": 1},
    "ban": {"user": "bob", "seconds": 60},
    "mute": {"user": "bob", "seconds": 60},
    "slow_mode": {"seconds": 60},
    "lock": {"locked": True},
    "onMessage": {"message": "Hi"},
}


async def test_the_first_frame_after_the_token_expired_is_the_last(jwt_engine: JwtEngine, room: str) -> None:
    end = int(time.time()) + LIFE
    late = token_of("mia", exp=end - LEEWAY, roles=["moderator"])
    async with AsyncExitStack() as stack:  # in no room, so nothing is received
        clients = {
            first: await stack.enter_async_context(frame_client(jwt_engine.url, token=late, room=""))
            for first in FIRST
        }
        await asyncio.sleep(max(0, end + 0.1 - time.time()))
        for first, mia in clients.items():
            await mia.send_frame({"action": first, "ref": "first", "room": room, **FIRST[first]})
        await asyncio.gather(*(is_disconnected(mia) for mia in clients.values()))
        codes = {first: [frame["code"] for frame in mia.of_type("reply")] for first, mia in clients.items()}
        assert codes == {first: ["not_connected"] for first in FIRST}
    assert room not in await jwt_engine.stored()
