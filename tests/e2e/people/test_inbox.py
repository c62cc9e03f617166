"""Inboxes over real sockets: whose they are, who writes to them, and attempts of others."""

from __future__ import annotations

from typing import Any

import pytest

from local.engine import Engine
from tests.e2e.support.clients import code_of, frame_client, plain_client, rejected_with, user_of
from tests.e2e.support.jwt_engine import JwtEngine, token_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

READING: dict[str, dict[str, Any]] = {
    "join": {},
    "history": {"after": 0},
    "presence": {},
    "reactions": {"seq": 1},
}


async def test_a_backend_writes_to_an_inbox_and_its_person_alone_reads_it_on_all_devices(
    jwt_engine: JwtEngine, room: str
) -> None:
    ada, shop = f"ada {room}", token_of(f"shop-{room}", rooms=["@*:write"])
    inbox = f"@{ada}"
    async with (
        frame_client(jwt_engine.url, token=shop, room="") as backend,
        frame_client(jwt_engine.url, token=token_of(ada), room="", inbox="1") as phone,
        plain_client(jwt_engine.url, token=token_of(ada), room=room, inbox="1") as terminal,
        frame_client(jwt_engine.url, token=token_of(f"eve-{room}", roles="moderator"), room=room) as eve,
    ):
        assert (await backend.send(inbox, "Your order is on its way", data={"order": 17}))["seq"] == 1
        await phone.until_received("Your order is on its way")
        await terminal.receives("Your order is on its way")
        reply = await phone.request(action="join", room=inbox, after=0)
        assert reply["rules"]["read_only"] is True
        assert [message["data"] for message in reply["messages"]] == [{"order": 17}]
        assert await code_of(phone.send(inbox, "Hi")) == "forbidden"
        for other in (backend, eve):
            for action, fields in READING.items():
                asked = other.request(**{"action": action, "room": inbox, **fields})
                assert await code_of(asked) == "forbidden"
        assert await code_of(eve.send(inbox, "I am the shop")) == "forbidden"
        lock = {"action": "lock", "room": inbox, "ref": "l1"}
        assert await code_of(eve.request(**lock)) == "forbidden"
        change = await backend.request(
            action="edit", room=inbox, ref="e1", seq=1, message="Your order is here"
        )
        await phone.until_changed(change["seq"])
        assert phone.shown[1]["message"] == "Your order is here"
        for other in (backend, eve):
            assert not [
                frame for frame in other.frames if frame["type"] != "reply" and frame["room"] == inbox
            ]
    for token in (token_of(f"eve-{room}"), shop, token_of(f"eve-{room}", rooms=["*", "@*", inbox])):
        assert await rejected_with(jwt_engine.url, token=token, room=["", inbox][1:]) == 403


async def test_in_an_open_chat_everybody_has_an_inbox_and_nobody_writes_to_one(
    engine: Engine, room: str
) -> None:
    client = f"secret-of-{room}"
    inbox = f"@{user_of(client)}"
    async with (
        frame_client(engine.socket_url, client=client, room=room, inbox="1") as ada,
        frame_client(engine.socket_url, room=room) as eve,
    ):
        assert (await ada.request(action="ping", rooms=[room, inbox]))["heads"].keys() == {room, inbox}
        for each in (ada, eve):
            assert await code_of(each.send(inbox, "Hi")) == "forbidden"
        assert await code_of(eve.request(action="join", room=inbox)) == "forbidden"
    assert await rejected_with(engine.socket_url, room=inbox) == 403
