"""Who may read and write where, over real sockets, and attempts without a grant."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local.engine import Engine
from smoke.checks import CHECKS, check
from smoke.client import Chat
from tests.e2e.support.clients import FrameClient, code_of, frame_client, plain_client, rejected_with, user_of
from tests.e2e.support.jwt_engine import JwtEngine, token_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

READING: dict[str, dict[str, Any]] = {
    "join": {},
    "history": {"after": 0},
    "presence": {},
}
WRITING: dict[str, dict[str, Any]] = {
    "send": {"ref": "a-ref", "message": "Hi"},
    "typing": {},
}


async def codes(client: FrameClient, room: str, actions: dict[str, dict[str, Any]]) -> set[str]:
    return {
        await code_of(client.request(**{"action": action, "room": room, "ref": f"{action}-{room}", **fields}))
        for action, fields in actions.items()
    }


async def one_way(client: FrameClient, room: str) -> str:
    """Return the code that answers a one-way message."""
    ref = f"one-way-{room}"
    await client.send_frame({"action": "onMessage", "room": room, "message": "Hi", "ref": ref})

    def errors() -> list[str]:
        return [reply["code"] for reply in client.replies if reply["ref"] == ref]

    await client.until(lambda: bool(errors()))
    return errors()[0]


async def test_nobody_gets_into_a_private_room_of_an_open_chat(engine: Engine, room: str) -> None:
    url, private = engine.socket_url, f"private-{room}"
    assert await rejected_with(url, room=private) == 403
    assert await rejected_with(url, room=[room, private]) == 403
    async with frame_client(url, room=room) as ada:
        assert await codes(ada, private, READING | WRITING) == {"forbidden"}
        assert await one_way(ada, private) == "forbidden"
        assert await code_of(ada.send(room, "Hi")) == "ok"


async def test_a_token_opens_the_rooms_that_it_names_and_no_others(jwt_engine: JwtEngine, room: str) -> None:
    grants = [f"{room}-hall", f"{room}-team-*", f"private-{room}-board"]
    granted = [f"{room}-hall", f"{room}-team-", f"{room}-team-a", f"private-{room}-board"]
    others = ["lobby", room, f"{room}-hal", f"{room}-halls", f"private-{room}-team-a", f"{room}-team"]
    others += [f"private-{room}-board-2", f"private-{room}-hall", f"{room}-team-*".upper()]
    token = token_of("ada", rooms=grants)
    async with frame_client(jwt_engine.url, token=token, room=granted[0]) as ada:
        for name in granted:
            assert await codes(ada, name, READING | WRITING) == {"ok"}
        for name in others:
            assert await codes(ada, name, READING | WRITING) == {"forbidden"}
            assert await one_way(ada, name) == "forbidden"
    for name in others:
        assert await rejected_with(jwt_engine.url, token=token, room=[granted[0], name]) == 403
    assert await rejected_with(jwt_engine.url, token=token) == 403  # the lobby


@pytest.mark.parametrize("rooms", [{}, {"rooms": "*"}, {"rooms": ["*"]}], ids=["no claim", "*", "[*]"])
async def test_every_room_is_not_a_private_one(
    jwt_engine: JwtEngine, room: str, rooms: dict[str, Any]
) -> None:
    token = token_of("ada", **rooms)
    assert await rejected_with(jwt_engine.url, token=token, room=f"private-{room}") == 403
    async with frame_client(jwt_engine.url, token=token, room=room) as ada:
        assert await codes(ada, room, READING | WRITING) == {"ok"}
        assert await codes(ada, f"private-{room}", READING | WRITING) == {"forbidden"}


async def test_a_token_that_names_no_rooms_opens_none(jwt_engine: JwtEngine, room: str) -> None:
    token = token_of("ada", rooms=[])
    assert await rejected_with(jwt_engine.url, token=token, room=room) == 403
    async with frame_client(jwt_engine.url, token=token, room="") as ada:
        assert await codes(ada, room, READING | WRITING) == {"forbidden"}


async def test_a_reader_receives_and_cannot_send(jwt_engine: JwtEngine, room: str) -> None:
    reader = token_of("ada", rooms=f"{room}:read")
    async with (
        frame_client(jwt_engine.url, token=reader, room=room) as ada,
        frame_client(jwt_engine.url, token=token_of("bob"), room=room) as bob,
        plain_client(jwt_engine.url, token=reader, room=room) as terminal,
    ):
        assert await codes(ada, room, READING) == {"ok"}
        assert await codes(ada, room, WRITING) == {"forbidden"}
        assert await one_way(ada, room) == "forbidden"
        await terminal.send_text("Hi")
        await terminal.until(lambda: any('"code":"forbidden"' in text for text in terminal.received))
        await bob.send(room, "News")
        await asyncio.gather(ada.until_received("News"), bob.until_received("News"))
        assert bob.texts == ["News"]
        assert not bob.of_type("typing")


async def test_a_grant_to_write_alone_neither_joins_nor_reads(jwt_engine: JwtEngine, room: str) -> None:
    writer = token_of("ada", rooms=f"{room}:write {room}-2")
    assert await rejected_with(jwt_engine.url, token=writer, room=room) == 403
    async with frame_client(jwt_engine.url, token=writer, room=f"{room}-2") as ada:
        assert await codes(ada, room, READING) == {"forbidden"}


async def test_the_history_of_a_room_is_for_its_members_only(jwt_engine: JwtEngine, room: str) -> None:
    async with (
        frame_client(jwt_engine.url, token=token_of("ada"), room=room) as ada,
        frame_client(jwt_engine.url, token=token_of("bob"), room=room) as bob,
        frame_client(jwt_engine.url, token=token_of("eve"), room="") as eve,
    ):
        await ada.send(room, "between us")
        await bob.until_received("between us")
        await bob.request(action="leave", room=room)
        for client in (bob, eve):
            for page in ({"after": 0}, {"before": 9}):
                asked = client.request(action="history", room=room, **page)
                assert await code_of(asked) == "not_a_member"
            assert await code_of(client.request(action="presence", room=room)) == "not_a_member"
            reply = await client.request(action="ping", rooms=[room])
            assert reply["heads"] == {}
        assert "between us" not in str(eve.received)


@pytest.mark.parametrize("mode", ["open", "jwt"])
async def test_nobody_sends_as_somebody_else(
    engine: Engine, jwt_engine: JwtEngine, room: str, mode: str
) -> None:
    somebody = {"user": "bob", "name": "Bob", "sub": "bob", "roles": "moderator", "grants": "private-*"}
    claims = {**somebody, "principalId": "bob", "authorizer": {**somebody, "expires_at": ""}}
    forged = {**claims, "requestContext": {**claims, "connectionId": "bobs", "routeKey": "$connect"}}
    url = engine.socket_url if mode == "open" else jwt_engine.url
    token = {} if mode == "open" else {"token": token_of("eve")}
    another = {} if mode == "open" else {"token": token_of("witness")}
    me = (user_of("eve"), "Mallory") if mode == "open" else ("eve", "Eve")
    query = {**somebody, "room": room, "client": "eve", "name": "Mallory"}
    async with frame_client(url, **token, **query) as eve, frame_client(url, **another, room=room) as witness:
        joined = await eve.request(**{**forged, "action": "join", "room": room})
        assert (joined["user"], joined["name"]) == me
        assert (
            await code_of(eve.request(**{**forged, "action": "send", "room": room, "message": "Hi"})) == "ok"
        )
        await eve.send_frame({**forged, "action": "onMessage", "message": "Ho"})
        await witness.until_received("Hi", "Ho")
        assert {(message["user"], message["name"]) for message in witness.messages} == {me}
        who = await eve.request(**{**forged, "action": "presence", "room": room})
        assert "bob" not in {person["user"] for person in who["members"]}
        # Neither can the grants of another be claimed.
        private = {**forged, "room": f"private-{room}", "message": "Hi", "after": 0}
        for action in ("join", "send", "history", "typing", "presence"):
            assert await code_of(eve.request(**{**private, "action": action})) == "forbidden"
        theirs = await witness.send(room, "mine")
        for action in ("delete", "edit"):
            change = {**forged, "action": action, "room": room, "seq": theirs["seq"], "message": "yours"}
            assert await code_of(eve.request(**change)) == "forbidden"
        for route in ("$connect", "$disconnect", "$default"):
            assert await code_of(eve.request(**{**forged, "action": route, "room": room})) == "unknown_action"
        assert await code_of(eve.send(room, "still here")) == "ok"


async def test_a_ref_belongs_to_the_user_who_sent_it(jwt_engine: JwtEngine, room: str) -> None:
    async with (
        frame_client(jwt_engine.url, token=token_of("ada"), room=room) as ada,
        frame_client(jwt_engine.url, token=token_of("ada"), room=room) as adas_other_tab,
        frame_client(jwt_engine.url, token=token_of("eve"), room=[room, f"{room}-2"]) as eve,
    ):
        first = await ada.send(room, "I am Ada", ref="adas")
        assert await code_of(eve.send(room, "I am Ada", ref="adas")) == "invalid_ref"
        assert await code_of(eve.send(room, "I am Eve", ref="adas")) == "invalid_ref"
        again = await adas_other_tab.send(room, "I am Ada", ref="adas")
        assert (again["seq"], again["id"]) == (first["seq"], "adas")
        assert await code_of(eve.send(f"{room}-2", "in another room", ref="adas")) == "ok"
        await ada.send(room, "the end")
        await eve.until_received("the end", "in another room")
        history = await eve.request(action="history", room=room, after=0)
        said = [(message["user"], message["message"]) for message in history["messages"]]
        assert said == [("ada", "I am Ada"), ("ada", "the end")]
        assert history["skipped"] == [2, 3, 4]
        assert eve.texts.count("I am Ada") == 1


async def test_a_moderator_moderates_only_where_they_may_read(jwt_engine: JwtEngine, room: str) -> None:
    mia = token_of("mia", roles=["moderator"], rooms=[f"{room}-hall"])
    async with frame_client(jwt_engine.url, token=mia, room=f"{room}-hall") as moderator:
        lock = {"action": "lock", "locked": True}
        assert await code_of(moderator.request(**lock, room=f"{room}-hall")) == "ok"
        assert await code_of(moderator.request(**lock, room=room)) == "forbidden"
        assert await code_of(moderator.request(**lock, room=f"private-{room}")) == "forbidden"
    async with frame_client(jwt_engine.url, token=token_of("ada"), room=room) as ada:
        assert await code_of(ada.send(room, "Open")) == "ok"


async def test_an_error_says_nothing_of_what_was_sent(jwt_engine: JwtEngine, room: str) -> None:
    async with frame_client(jwt_engine.url, token=token_of("ada", rooms=[room]), room=room) as ada:
        for action, fields in (READING | WRITING).items():
            frame = {"action": action, "room": "private-hush", "ref": "r", **fields}
            assert await code_of(ada.request(**frame)) == "forbidden"
        assert "hush" not in json.dumps(ada.replies)


async def test_the_smoke_check_needs_a_token_that_may_read_and_write(
    jwt_engine: JwtEngine, room: str
) -> None:
    async def passed(token: str) -> list[bool | None]:
        return [finding.passed async for finding in check(Chat(jwt_engine.url, token, room, 60), CHECKS[:5])]

    assert await passed(token_of("ada", rooms=[room])) == [True] * 5
    assert await passed(token_of("ada", rooms=f"{room}:read")) == [True] * 3 + [False] * 2
    assert await passed("") == [False] + [None] * 4
