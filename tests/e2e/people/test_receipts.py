"""Read receipts over real sockets: told to the room's members, and off by a parameter."""

from __future__ import annotations

import pytest

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, user_of
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS
from tests.support.logged_engine import LoggedEngine

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until_noticed(client: FrameClient, read: int) -> None:
    """Wait until a device of a person is told how far the person has read."""
    await client.until(lambda: any(notice.get("read") == read for notice in client.of_type("notice")))


async def test_members_are_told_what_a_member_has_read_and_outsiders_tell_and_hear_nothing(
    engine: Engine, room: str
) -> None:
    url = engine.socket_url
    async with (
        frame_client(url, room=room, client=f"ada {room}", name="Ada") as ada,
        frame_client(url, room=room, client=f"bob {room}", name="Bob") as bob,
        frame_client(url, room="", client=f"eve {room}", name="Eve") as eve,
    ):
        for reader in (bob, eve):
            await reader.request(action="subscribe", room=room)
        for number in range(3):
            await ada.send(room, f"Hi {number}")
        await bob.until_received("Hi 0", "Hi 1", "Hi 2")
        await eve.request(action="read", room=room, seq=2)
        await until_noticed(eve, 2)
        await bob.request(action="read", room=room, seq=3)
        receipt = {"type": "read", "room": room, "user": user_of(f"bob {room}"), "name": "Bob", "seq": 3}
        for member in (ada, bob):
            await member.until(lambda member=member: receipt in member.of_type("read"))
        await bob.send(room, "Me too")  # who writes has read it, and gives no receipt
        await ada.until_received("Hi 0", "Hi 1", "Hi 2", "Me too")
        assert {str(each) for each in ada.of_type("read") + bob.of_type("read")} == {str(receipt)}
        assert eve.of_type("read") == []


async def test_receipts_can_be_switched_off(room: str) -> None:
    async with (
        LoggedEngine(port=0, parameters=HIGH_LIMITS | {"Receipts": "off"}) as engine,
        frame_client(engine.socket_url, room=room, client="ada", name="Ada") as ada,
        frame_client(engine.socket_url, room=room, client="bob", name="Bob") as bob,
    ):
        await bob.request(action="subscribe", room=room)
        await ada.send(room, "Hi")
        await bob.until_received("Hi")
        await bob.request(action="read", room=room, seq=1)
        await until_noticed(bob, 1)
        await ada.send(room, "Ho")
        for member in (ada, bob):
            await member.until_received("Hi", "Ho")
            assert member.of_type("read") == []
