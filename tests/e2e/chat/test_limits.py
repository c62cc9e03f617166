"""Limits over real sockets: breaking one is an error for the client and nothing for the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from websockets.exceptions import InvalidStatus

from tests.e2e.support.clients import frame_client, plain_client, rejected_with
from tests.support.logged_engine import LoggedEngine
from tests.support.waiting import until

RATE, BURST, MAX_ROOMS, MAX_CONNECTIONS = 1, 5, 4, 3
LOW_LIMITS = {
    "MessageRate": str(RATE),
    "MessageBurst": str(BURST),
    "MaxRooms": str(MAX_ROOMS),
    "MaxConnections": str(MAX_CONNECTIONS),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """A chat with narrow limits."""
    async with LoggedEngine(parameters=LOW_LIMITS) as engine:
        yield engine.socket_url


@pytest.mark.asyncio(loop_scope="module")
async def test_a_client_that_waits_as_long_as_it_is_told_gets_no_more_errors(url: str, room: str) -> None:
    async with frame_client(url, room=room) as ada:
        replies = await asyncio.gather(*(ada.send(room, "Hi", ref=f"{room}-{n}") for n in range(20)))
        errors = [reply for reply in replies if reply["status"] == "error"]
        assert {error["code"] for error in errors} == {"rate_limited"}
        assert len(errors) <= 20 - BURST
        # Those of the flood that got in after an error took the turn it promised.
        # Nobody sends beside this one.
        again = await ada.send(room, "Hi", ref=errors[-1]["ref"])
        if again["status"] == "error":
            await asyncio.sleep(again["retry_after"])
            again = await ada.send(room, "Hi", ref=errors[-1]["ref"])
        assert (again["status"], again["id"]) == ("ok", errors[-1]["ref"])


@pytest.mark.asyncio(loop_scope="module")
async def test_one_way_messages_are_limited_with_an_error_too(url: str, room: str) -> None:
    async with plain_client(url, room=room) as ada:
        for _ in range(20):
            await ada.send_text("Hi")
        await ada.until(lambda: len(ada.received) == 20)  # each is received or an error
        assert any('"code":"rate_limited"' in text for text in ada.received)
        assert ada.received.count("Hi") >= BURST


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("action", ["presence", "typing"])
async def test_presence_and_typing_count_as_messages(url: str, room: str, action: str) -> None:
    async with frame_client(url, room=room) as ada:
        await asyncio.gather(*(ada.request(action=action, room=room) for _ in range(20)))
        replies = await asyncio.gather(*(ada.send(room, "Hi") for _ in range(BURST)))
        assert {reply["code"] for reply in replies if reply["status"] == "error"} == {"rate_limited"}


@pytest.mark.asyncio(loop_scope="module")
async def test_typing_is_sent_once_in_three_seconds(url: str, room: str) -> None:
    async with frame_client(url, room=room) as ada, frame_client(url, room=room) as grace:
        typing = {"action": "typing", "room": room}
        replies = await asyncio.gather(ada.request(**typing), ada.request(**typing))
        error, accepted = sorted(replies, key=lambda reply: reply["status"] == "ok")
        assert (error.get("code"), accepted["status"]) == ("rate_limited", "ok")
        await grace.until(lambda: len(grace.of_type("typing")) == 1)
        await asyncio.sleep(error["retry_after"])
        assert (await ada.request(**typing))["status"] == "ok"
        await grace.until(lambda: len(grace.of_type("typing")) == 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_user_has_so_many_connections_and_no_more(url: str, room: str) -> None:
    ada = f"ada-{room}"
    async with AsyncExitStack() as tabs:
        for _ in range(MAX_CONNECTIONS - 1):
            await tabs.enter_async_context(frame_client(url, room=room, client=ada))
        async with frame_client(url, room=room, client=ada) as last:
            assert await rejected_with(url, room=room, client=ada) == 429
            async with frame_client(url, room=room, client=f"grace-{room}"):
                pass  # another user may have as many
            await last.abort()
        await until(lambda: has_room(url, room, ada))  # the $disconnect of the last has been there


@pytest.mark.asyncio(loop_scope="module")
async def test_half_dead_sockets_never_keep_out_the_person_in_front_of_the_screen(
    url: str, room: str
) -> None:
    ada = f"ada-{room}"
    async with AsyncExitStack() as tabs:
        dead, half_dead, alive = [
            await tabs.enter_async_context(frame_client(url, room=room, client=ada)) for _ in range(3)
        ]
        dead.lose_network()
        half_dead.lose_network()
        async with frame_client(url, room=room, client=ada) as newest:
            assert alive.of_type("check")
            assert (await alive.send(room, "I am still here"))["status"] == "ok"
            await newest.until_received("I am still here")
        await asyncio.gather(dead.abort(), half_dead.abort())


async def has_room(url: str, room: str, client: str) -> bool:
    try:
        async with frame_client(url, room=room, client=client):
            return True
    except InvalidStatus as rejection:
        assert rejection.response.status_code == 429
        return False


@pytest.mark.asyncio(loop_scope="module")
async def test_a_connection_is_in_so_many_rooms_and_no_more(url: str, room: str) -> None:
    rooms = [f"{room}-{number}" for number in range(MAX_ROOMS + 1)]
    assert await rejected_with(url, room=rooms) == 403
    async with frame_client(url, room=rooms[1:]) as ada:
        error = await ada.request(action="join", room=rooms[0])
        assert (error["code"], f"{MAX_ROOMS} rooms" in error["detail"]) == ("forbidden", True)
        assert (await ada.request(action="join", room=rooms[1]))["status"] == "ok"  # it is in there
        await ada.request(action="leave", room=rooms[1])
        assert (await ada.request(action="join", room=rooms[0]))["status"] == "ok"
