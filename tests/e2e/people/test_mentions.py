"""Mentions and notices over real sockets: on all connections of a person, and of nobody else."""

from __future__ import annotations

import pytest

from local.engine import Engine
from tests.e2e.support.clients import frame_client, user_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_mention_reaches_its_person_on_all_connections(engine: Engine, room: str) -> None:
    url, bob_client = engine.socket_url, f"bob {room}"
    async with (
        frame_client(url, room=room, client=f"ada {room}", name="Ada") as ada,
        frame_client(url, room="", client=bob_client) as phone,
        frame_client(url, room="", client=bob_client) as laptop,
    ):
        await phone.request(action="subscribe", room=room)
        await laptop.until(lambda: len(laptop.of_type("notice")) == 1)
        mentions = [user_of(bob_client), user_of(f"eve {room}")]
        sent = await ada.send(room, "Bob?", mentions=mentions)
        for device in (phone, laptop):
            await device.until(lambda device=device: len(device.of_type("notice")) >= 2)
            notice = device.of_type("notice")[-1]
            assert (notice["room"], notice["unread"], notice["mentions"]) == (room, 1, 1)
            assert (notice["mention"]["seq"], notice["mention"]["name"]) == (sent["seq"], "Ada")
        await ada.until_received("Bob?")
        assert ada.messages[-1]["mentions"] == mentions
        await laptop.request(action="read", room=room, seq=sent["seq"])
        await phone.until(lambda: len(phone.of_type("notice")) >= 3)
        notice = phone.of_type("notice")[-1]
        assert (notice["read"], notice["unread"], notice["mentions"]) == (sent["seq"], 0, 0)
        assert "mention" not in notice
        await phone.request(action="unsubscribe", room=room)
        ended = {"type": "notice", "room": room, "subscribed": False}
        await laptop.until(lambda: laptop.of_type("notice")[-1:] == [ended])
        assert ada.of_type("notice") == []
