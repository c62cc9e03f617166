"""What moderators do over real sockets: what it changes, who is told, and that nobody else can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.support.clients import FrameClient, code_of, frame_client, plain_client, rejected_with
from tests.e2e.support.jwt_engine import JwtEngine, token_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODERATOR = {"roles": ["moderator"]}


@dataclass(frozen=True, slots=True)
class Meeting:
    """A room with two moderators, Mia and Max, and two others, Ada and Bob."""

    jwt_engine: JwtEngine
    room: str
    mia: FrameClient
    max: FrameClient
    ada: FrameClient
    bob: FrameClient

    @property
    def everybody(self) -> tuple[FrameClient, ...]:
        return self.mia, self.max, self.ada, self.bob

    async def all_hear(self, kind: str, **fields: Any) -> None:
        """Waits until everybody has received a frame of this type with these fields."""

        def has_heard(client: FrameClient) -> bool:
            return any(fields.items() <= frame.items() for frame in client.of_type(kind))

        for client in self.everybody:
            await client.until(lambda client=client: has_heard(client))  # type: ignore[misc]

    def logged(self, **fields: Any) -> list[dict[str, Any]]:
        """The log's records of what was done in this room, or those with these fields."""
        records = self.jwt_engine.logs.records("MessageFunction", "moderated")
        wanted = {"room": self.room, **fields}.items()
        return [record for record in records if wanted <= record.items()]


@pytest_asyncio.fixture(loop_scope="session")
async def meeting(jwt_engine: JwtEngine, room: str) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                frame_client(
                    jwt_engine.url, token=token_of(name, **(MODERATOR if name[0] == "m" else {})), room=room
                )
            )
            for name in ("mia", "max", "ada", "bob")
        }
        yield Meeting(jwt_engine, room, **clients)


@pytest.mark.parametrize("newest", [True, False], ids=["the newest", "an older one"])
async def test_a_deleted_message_is_told_of_and_nowhere_any_more(meeting: Meeting, newest: bool) -> None:
    room, text = meeting.room, f"what nobody should read in {meeting.room}"
    sent = await meeting.ada.send(room, text, data={"also": text})
    if not newest:
        await meeting.bob.send(room, "Ada!")
    for client in meeting.everybody:
        await client.until_received(text)
    assert text in await meeting.jwt_engine.stored()

    reply = await meeting.mia.request(action="delete", room=room, seq=sent["seq"])
    number = sent["seq"] + (2 if not newest else 1)
    assert (reply["status"], reply["room"], reply["seq"], reply["of"]) == ("ok", room, number, sent["seq"])
    deleted = {key: sent[key] for key in ("seq", "id", "at")}
    deleted |= {"user": "ada", "name": "Ada", "message": "", "deleted": True, "revision": number}
    for client in meeting.everybody:
        await client.until_changed(number)
        (change,) = client.changes
        assert (change["kind"], change["user"], change["name"]) == ("delete", "mia", "Mia")
        assert change["message"] == deleted
    history = await meeting.bob.request(action="history", room=room, after=0)
    assert history["messages"][0] == deleted
    async with frame_client(meeting.jwt_engine.url, token=token_of("eve"), room="") as late:
        joined = await late.request(action="join", room=room, after=0)
        assert joined["messages"][0] == deleted
        assert joined["seq"] == number
    assert text not in await meeting.jwt_engine.stored()
    (record,) = meeting.logged()
    assert (record["action"], record["moderator"], record["user"], record["seq"]) == (
        "delete",
        "mia",
        "ada",
        1,
    )
    assert text not in str(meeting.jwt_engine.logs.lines)


async def test_who_may_not_write_any_more_may_still_delete_what_they_wrote(meeting: Meeting) -> None:
    room = meeting.room
    await meeting.ada.send(room, "Never mind")
    await meeting.mia.request(action="mute", room=room, user="ada", seconds=600)
    await meeting.mia.request(action="lock", room=room, locked=True)
    edit = meeting.ada.request(action="edit", room=room, seq=1, message="Mind")
    assert await code_of(edit) == "forbidden"
    assert await code_of(meeting.ada.request(action="react", room=room, seq=1, reaction="!")) == "forbidden"
    assert await code_of(meeting.mia.request(action="edit", room=room, seq=1, message="!")) == "forbidden"
    assert await code_of(meeting.ada.request(action="delete", room=room, seq=1)) == "ok"
    await meeting.bob.until_changed(2)
    assert meeting.bob.shown[1]["deleted"]
    assert not meeting.logged(action="delete")


async def test_only_a_message_can_be_deleted(meeting: Meeting) -> None:
    for _ in range(2):
        await meeting.ada.send(meeting.room, "twice", ref="the same")
    for seq in (2, 3):  # a skipped number, and a missing one
        asked = meeting.mia.request(action="delete", room=meeting.room, seq=seq)
        assert await code_of(asked) == "invalid_message"
    assert not meeting.logged()


async def test_a_banned_user_is_out_on_every_connection_and_cannot_come_back(meeting: Meeting) -> None:
    room, elsewhere, url = meeting.room, meeting.room + "-2", meeting.jwt_engine.url
    ada = token_of("ada")
    async with (
        frame_client(url, token=ada, room=[room, elsewhere]) as second_tab,
        plain_client(url, token=ada, room=room) as terminal,
    ):
        ban = {"action": "ban", "room": room, "user": "ada"}
        reply = await meeting.mia.request(**ban, seconds=600)
        assert (reply["status"], reply["user"]) == ("ok", "ada")
        told = {"action": "ban", "moderator": "Mia", "user": "ada", "until": reply["until"]}
        await meeting.all_hear("moderated", room=room, **told)
        await second_tab.until(lambda: bool(second_tab.of_type("moderated")))
        gone = {"user": "ada", "name": "Ada"}
        await meeting.bob.until(
            lambda: any(gone in frame["left"] for frame in meeting.bob.of_type("presence"))
        )

        await meeting.bob.send(room, "Is she gone?")
        await meeting.bob.until_received("Is she gone?")
        assert await code_of(second_tab.send(elsewhere, "I am")) == "ok"  # it is one room's matter
        await second_tab.until_received("I am")
        assert second_tab.texts == ["I am"]
        assert terminal.received == meeting.ada.texts == []
        for action in ("send", "history", "presence", "typing"):
            fields = {"ref": action, "message": "Let me in", "after": 0} if action != "presence" else {}
            assert await code_of(meeting.ada.request(action=action, room=room, **fields)) == "not_a_member"
        assert await code_of(meeting.ada.request(action="join", room=room)) == "forbidden"
        assert await rejected_with(url, token=ada, room=room) == 403

        assert await code_of(meeting.max.request(**ban, seconds=0)) == "ok"
        assert await code_of(meeting.ada.request(action="join", room=room)) == "ok"
    assert [(record["action"], record["moderator"], record["user"]) for record in meeting.logged()] == [
        ("ban", "mia", "ada"),
        ("ban", "max", "ada"),
    ]


async def test_a_ban_and_a_mute_end_by_themselves(meeting: Meeting) -> None:
    room, ends = meeting.room, int(time.time()) + 2
    await meeting.mia.request(action="ban", room=room, user="ada", seconds=2)
    await meeting.mia.request(action="mute", room=room, user="bob", seconds=2)
    while await code_of(meeting.ada.request(action="join", room=room)) == "forbidden":
        await asyncio.sleep(0.1)
    assert time.time() >= ends
    while await code_of(meeting.bob.send(room, "Sorry")) == "forbidden":
        await asyncio.sleep(0.1)
    await meeting.ada.until_received("Sorry")


async def test_who_is_muted_hears_and_cannot_speak(meeting: Meeting) -> None:
    room, mute = meeting.room, {"action": "mute", "room": meeting.room, "user": "ada"}
    async with plain_client(meeting.jwt_engine.url, token=token_of("ada"), room=room) as terminal:
        reply = await meeting.mia.request(**mute, seconds=600)
        assert reply["status"] == "ok"
        told = {"action": "mute", "moderator": "Mia", "user": "ada", "until": reply["until"]}
        await meeting.all_hear("moderated", room=room, **told)
        assert await code_of(meeting.ada.send(room, "But")) == "forbidden"
        await terminal.send_text("But")
        await terminal.until(lambda: any('"code":"forbidden"' in text for text in terminal.received))
        await meeting.bob.send(room, "Poor Ada")
        await asyncio.gather(meeting.ada.until_received("Poor Ada"), meeting.mia.until_received("Poor Ada"))
        assert await code_of(meeting.max.request(**mute, seconds=0)) == "ok"
        assert await code_of(meeting.ada.send(room, "Thanks")) == "ok"
        await meeting.bob.until_received("Thanks")
    assert meeting.bob.texts == ["Poor Ada", "Thanks"]
    assert [(record["moderator"], record["user"]) for record in meeting.logged(action="mute")] == [
        ("mia", "ada"),
        ("max", "ada"),
    ]


async def test_in_slow_mode_each_person_waits_for_retry_after(meeting: Meeting) -> None:
    room = meeting.room
    assert await code_of(meeting.mia.request(action="slow_mode", room=room, seconds=4)) == "ok"
    await meeting.all_hear("moderated", room=room, action="slow_mode", moderator="Mia", seconds=4)
    replies = await asyncio.gather(*(meeting.ada.send(room, f"number {number}") for number in range(5)))
    errors = [reply for reply in replies if reply["status"] == "error"]
    assert {error["code"] for error in errors} == {"rate_limited"}
    assert len(errors) == 4
    assert all(0 < error["retry_after"] <= 4 for error in errors)
    assert await code_of(meeting.bob.send(room, "Each for himself")) == "ok"
    assert {await code_of(meeting.max.send(room, "I may")) for _ in range(3)} == {"ok"}
    await asyncio.sleep(max(error["retry_after"] for error in errors))
    assert await code_of(meeting.ada.send(room, "after a while")) == "ok"

    assert await code_of(meeting.max.request(action="slow_mode", room=room, seconds=0)) == "ok"
    assert {await code_of(meeting.ada.send(room, "fast")) for _ in range(3)} == {"ok"}
    assert [(record["moderator"], record["seconds"]) for record in meeting.logged(action="slow_mode")] == [
        ("mia", 4),
        ("max", 0),
    ]


async def test_a_locked_room_can_be_read_and_only_moderators_write(meeting: Meeting) -> None:
    room = meeting.room
    await meeting.bob.send(room, "before")
    assert await code_of(meeting.mia.request(action="lock", room=room, locked=True)) == "ok"
    await meeting.all_hear("moderated", room=room, action="lock", moderator="Mia", locked=True)
    assert await code_of(meeting.ada.send(room, "Hello?")) == "forbidden"
    assert await code_of(meeting.max.send(room, "We are closed")) == "ok"
    await meeting.ada.until_received("before", "We are closed")
    history = await meeting.ada.request(action="history", room=room, after=0)
    assert [message["message"] for message in history["messages"]] == ["before", "We are closed"]
    assert await code_of(meeting.max.request(action="lock", room=room, locked=False)) == "ok"
    assert await code_of(meeting.ada.send(room, "Hello again")) == "ok"
    assert [(record["moderator"], record["locked"]) for record in meeting.logged(action="lock")] == [
        ("mia", True),
        ("max", False),
    ]


async def test_rules_of_two_moderators_at_once_all_hold(meeting: Meeting) -> None:
    room = meeting.room
    by_mia = [
        meeting.mia.request(action="mute", room=room, user=f"troll-{n}", seconds=600) for n in range(2)
    ] + [meeting.mia.request(action="mute", room=room, user="ada", seconds=600)]
    by_max = [
        meeting.max.request(action="ban", room=room, user="bob", seconds=600),
        meeting.max.request(action="slow_mode", room=room, seconds=600),
    ]
    replies = await asyncio.gather(*by_mia, *by_max)
    assert {reply["status"] for reply in replies} == {"ok"}
    assert await code_of(meeting.ada.send(room, "Hi")) == "forbidden"
    assert await code_of(meeting.bob.request(action="join", room=room)) == "forbidden"
    async with frame_client(meeting.jwt_engine.url, token=token_of("eve"), room=room) as eve:
        assert [await code_of(eve.send(room, text)) for text in ("one", "two")] == ["ok", "rate_limited"]


async def test_nobody_else_can_do_any_of_it(meeting: Meeting) -> None:
    room = meeting.room
    sent = await meeting.bob.send(room, "Hi")
    acts = [
        {"action": "delete", "seq": sent["seq"]},
        {"action": "ban", "user": "bob", "seconds": 600},
        {"action": "mute", "user": "bob", "seconds": 600},
        {"action": "slow_mode", "seconds": 600},
        {"action": "lock", "locked": True},
    ]
    claimed = {"roles": ["moderator"], "requestContext": {"authorizer": {"roles": "moderator"}}}
    by_name = token_of("moderator", roles=["moderators", "Moderator", "not moderator"], rooms="* moderator")
    async with frame_client(meeting.jwt_engine.url, token=by_name, room=room) as eve:
        for act in acts:
            assert await code_of(meeting.ada.request(room=room, **act, **claimed)) == "forbidden"
            assert await code_of(eve.request(room=room, **act)) == "forbidden"
    assert {await code_of(meeting.bob.send(room, "Hi again")) for _ in range(2)} == {"ok"}
    history = await meeting.bob.request(action="history", room=room, after=0)
    assert history["messages"][0]["message"] == "Hi"
    assert not meeting.logged()
    assert not meeting.bob.of_type("moderated") + meeting.bob.changes
