"""Subscriptions over real sockets: rooms, reading marks and what is unread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, code_of, frame_client
from tests.e2e.support.jwt_engine import JwtEngine, token_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def places(client: FrameClient) -> dict[str, dict[str, Any]]:
    """Return the client's places, by room."""
    found: dict[str, dict[str, Any]] = {}
    page: dict[str, Any] = {"more": True, "rooms": []}
    while page["more"]:
        after = {"after": page["rooms"][-1]["room"]} if page["rooms"] else {}
        page = await client.request(action="rooms", limit=2, **after)
        found |= {place["room"]: place for place in page["rooms"]}
    return found


async def until(client: FrameClient, room: str, **fields: Any) -> dict[str, Any]:
    """Wait until the client's place in a room has these fields, and return it."""
    async with asyncio.timeout(30):
        while (place := (await places(client))[room]) | fields != place:
            await asyncio.sleep(0.05)
    return place


async def test_a_reader_on_three_devices_has_exact_counts(engine: Engine, room: str) -> None:
    url = engine.socket_url
    async with (
        frame_client(url, room=room, client=f"ada {room}", name="Ada") as ada,
        frame_client(url, room="", client=f"bob {room}", name="Bob") as phone,
        frame_client(url, room=room, client=f"bob {room}", name="Bob") as laptop,
        frame_client(url, room="", client=f"bob {room}", name="Bob") as tablet,
    ):
        subscribed = await phone.request(action="subscribe", room=room)
        assert (subscribed["seq"], subscribed["read"], subscribed["unread"]) == (0, 0, 0)
        refs = [f"{room} {number}" for number in range(4)]
        for ref in refs:
            await ada.send(room, "Hi", ref=ref)
        await ada.send(room, "Hi", ref=refs[0])  # a skipped number
        await ada.request(action="edit", room=room, seq=1, message="Ho", ref=f"c {room}")
        place = await until(tablet, room, unread=4)
        assert (place["read"], place["newest"]["seq"]) == (0, 4)
        marks = await asyncio.gather(
            *(client.request(action="read", room=room, seq=seq) for client, seq in ((phone, 1), (tablet, 3)))
        )
        read = max(mark["read"] for mark in marks if mark["status"] == "ok")
        assert {mark.get("code", "rate_limited") for mark in marks} == {"rate_limited"}
        assert (await places(laptop))[room]["unread"] == 4 - read
        await laptop.send(room, "Me too")  # who writes has read it
        place = await until(phone, room, read=7)
        assert place["unread"] == 0
        assert place["newest"] | {"at": ""} == {
            "seq": 7, "user": place["newest"]["user"], "name": "Bob", "at": "", "message": "Me too",
        }  # fmt: skip
        await phone.request(action="unsubscribe", room=room)
        assert await places(tablet) == {}
        assert await code_of(tablet.request(action="read", room=room, seq=7)) == "not_subscribed"


async def test_rooms_come_in_pages_and_only_those_that_the_token_grants(
    jwt_engine: JwtEngine, room: str
) -> None:
    rooms = [f"{room}-{number}" for number in range(5)]
    user = f"ada-{room}"
    async with frame_client(jwt_engine.url, token=token_of(user, rooms=[f"{room}-*"]), room="") as ada:
        for name in rooms:
            assert await code_of(ada.request(action="subscribe", room=name)) == "ok"
        await ada.request(action="subscribe", room=rooms[1], muted=True)
        assert await code_of(ada.request(action="subscribe", room="elsewhere")) == "forbidden"
        found = await places(ada)
        assert list(found) == rooms
        assert [place["muted"] for place in found.values()] == [False, True, False, False, False]
    async with frame_client(jwt_engine.url, token=token_of(user, rooms=rooms[3:]), room="") as ada:
        page = await ada.request(action="rooms", limit=1)
        assert [place["room"] for place in page["rooms"]] == [rooms[3]]
        assert page["you"]["user"] == user
        assert list(await places(ada)) == rooms[3:]
        assert await code_of(ada.request(action="read", room=rooms[0], seq=1)) == "forbidden"
        assert await code_of(ada.request(action="unsubscribe", room=rooms[0])) == "ok"


async def test_a_ban_ends_the_subscription(jwt_engine: JwtEngine, room: str) -> None:
    eve = f"eve-{room}"
    mia_token = token_of(f"mia-{room}", roles=["moderator"])
    async with (
        frame_client(jwt_engine.url, token=token_of(eve), room=room) as banned,
        frame_client(jwt_engine.url, token=mia_token, room=room) as mia,
    ):
        await banned.request(action="subscribe", room=room)
        await mia.request(action="ban", room=room, user=eve, seconds=60)
        await mia.send(room, "Now we can speak")
        assert await places(banned) == {}
        assert await code_of(banned.request(action="subscribe", room=room)) == "forbidden"
        assert await code_of(banned.request(action="read", room=room, seq=1)) == "not_subscribed"
