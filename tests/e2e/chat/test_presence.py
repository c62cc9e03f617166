"""Presence and typing over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, plain_client, user_of
from tests.e2e.support.members import write_members

pytestmark = pytest.mark.asyncio(loop_scope="session")


def changes(client: FrameClient) -> list[tuple[list[str], list[str], int]]:
    """Return the presence frames of a client: names that joined, names that left, the count."""
    return [
        (names(frame["joined"]), names(frame["left"]), frame["count"]) for frame in client.of_type("presence")
    ]


def names(people: list[dict[str, str]]) -> list[str]:
    return [person["name"] for person in people]


async def here(client: FrameClient, room: str, **fields: Any) -> list[str]:
    """Return the names of the people in the room."""
    reply = await client.request(action="presence", room=room, **fields)
    assert not reply["more"]
    return sorted(names(reply["members"]))


async def test_a_person_joins_with_the_first_tab_and_leaves_with_the_last(engine: Engine, room: str) -> None:
    async with frame_client(engine.socket_url, room=room, name="Grace") as grace:
        ada = {"room": room, "name": "Ada", "client": "ada"}
        async with frame_client(engine.socket_url, **ada) as first:
            async with frame_client(engine.socket_url, **ada):
                # A slow fan-out may tell of both tabs at once, and of Grace.
                await grace.until(lambda: any("Ada" in joined for joined, _, _ in changes(grace)))
                assert await here(grace, room) == ["Ada", "Grace"]
                told = len(changes(grace))
            await grace.until(lambda: len(changes(grace)) > told)  # of the second tab's end
            assert changes(grace)[-1] == (["Ada"], [], 2)
            await first.abort()
        await grace.until(lambda: changes(grace)[-1] == ([], ["Ada"], 1))
        assert [left for _, left, _ in changes(grace) if left] == [["Ada"]]
        assert await here(grace, room) == ["Grace"]


async def test_joins_and_leaves_are_sent_like_connects(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, name="Grace") as grace,
        frame_client(engine.socket_url, room="", name="Ada") as ada,
    ):
        assert (await ada.request(action="presence", room=room))["code"] == "not_a_member"
        await ada.request(action="join", room=room)
        await grace.until(lambda: (["Ada"], [], 2) in changes(grace))
        assert await here(ada, room) == ["Ada", "Grace"]
        await ada.request(action="leave", room=room)
        await grace.until(lambda: changes(grace)[-1] == ([], ["Ada"], 1))
        assert (await ada.request(action="presence", room=room))["code"] == "not_a_member"


async def test_plain_clients_are_listed_and_receive_no_presence(engine: Engine, room: str) -> None:
    async with (
        plain_client(engine.socket_url, room=room, name="Bob") as bob,
        frame_client(engine.socket_url, room=room, name="Ada") as ada,
    ):
        await ada.until(lambda: (["Ada"], [], 2) in changes(ada))
        assert await here(ada, room) == ["Ada", "Bob"]
        await ada.request(action="typing", room=room)
        await ada.send(room, "Hi")
        await bob.receives("Hi")


async def test_the_list_continues_after_a_user_and_has_the_latest_names(engine: Engine, room: str) -> None:
    first, second = sorted(["one", "two"], key=user_of)
    async with (
        frame_client(engine.socket_url, room=room, client=first, name="Ada") as ada,
        frame_client(engine.socket_url, room=room, client=second, name="Bob"),
        frame_client(engine.socket_url, room=room, client=second, name="Bobby"),
    ):
        assert await here(ada, room) == ["Ada", "Bobby"]
        assert await here(ada, room, after=user_of(first)) == ["Bobby"]
        assert await here(ada, room, after=user_of(second)) == []


async def test_typing_is_sent_to_the_others_only(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada", name="Ada") as ada,
        frame_client(engine.socket_url, room=room, client="ada", name="Ada") as second_tab,
        frame_client(engine.socket_url, room=room, name="Grace") as grace,
    ):
        assert (await ada.request(action="typing", room=room))["status"] == "ok"
        await grace.until(lambda: bool(grace.of_type("typing")))
        assert grace.of_type("typing") == [
            {"type": "typing", "room": room, "user": user_of("ada"), "name": "Ada"}
        ]
        await grace.send(room, "Well?")
        await asyncio.gather(ada.until_received("Well?"), second_tab.until_received("Well?"))
        assert not ada.of_type("typing") + second_tab.of_type("typing")
        history = await ada.request(action="history", room=room, after=0)
        assert [message["message"] for message in history["messages"]] == ["Well?"]


async def test_above_the_presence_limit_there_is_a_number_and_no_frame_of_a_join(
    engine: Engine, room: str
) -> None:
    async with frame_client(engine.socket_url, room=room, name="Ada") as ada:
        await ada.until(lambda: bool(changes(ada)))
        await write_members(engine, room, 400)
        told = len(changes(ada))
        async with frame_client(engine.socket_url, room=room, name="Grace") as grace:
            reply = await ada.request(action="presence", room=room)
            assert (reply["approximate"], reply["members"], reply["more"]) == (True, [], False)
            assert reply["count"] == pytest.approx(402, rel=0.3)
            await grace.request(action="typing", room=room)
            await grace.send(room, "So many of us")
            await ada.until_received("So many of us")
        # The change is told, to the others too, and nothing after it.
        assert [frame.get("approximate") for frame in ada.of_type("presence")[told:]] == [True]
        assert not ada.of_type("typing")
