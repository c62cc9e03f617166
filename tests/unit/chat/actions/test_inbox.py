"""Inboxes: who reads them, and who writes to them without being there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.identity.grants import Grants
from chat.identity.identity import Identity
from chat.protocol.errors import ChatError, Forbidden, InvalidMessage, NotAMember
from chat.storage.connections import Connection
from tests.unit.chat.actions.conftest import ADA, EVE, FRAMES, change, error_of, fold, history, reply_to

INBOX = "@u1"
WRITING = {"onMessage", "send", "edit", "delete", "react"}
READER = Sender("c1", ADA, "general", Grants.parse("*", "u1"))


def eve(grants: str, *, moderator: bool = True) -> Sender:
    return Sender("c2", EVE, "general", Grants.parse(grants, "u2"), moderator=moderator)


SHOP = eve("@*:write", moderator=False)


@pytest.fixture
def inbox(chat: Context) -> Context:
    """Ada in her inbox, and Eve elsewhere."""
    reply_to(chat, READER, action="join", room=INBOX)
    chat.connections.add(Connection("c2", EVE, 0), ["general"])
    return chat


@pytest.mark.parametrize("action", FRAMES)
@pytest.mark.parametrize("grants", ["*", "", "u1", "@*:read", "@u1:read", "private-*", "@u", "@u11", "@U1"])
def test_no_grant_and_no_role_opens_anothers_inbox(
    inbox: Context, dynamodb: Any, action: str, grants: str
) -> None:
    reply_to(inbox, SHOP, action="send", ref="n1", room=INBOX, message="Your order is on its way")
    before = dynamodb.scan(TableName="MessagesTable")["Items"]
    frame = {"action": action, "room": INBOX} | FRAMES[action]
    assert isinstance(error_of(inbox, eve(grants), **frame), Forbidden)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == before


@pytest.mark.parametrize("action", sorted(set(FRAMES) - WRITING))
@pytest.mark.parametrize("grants", ["@*", "@u1", "@u1*", "* @*"])
def test_whoever_may_write_to_an_inbox_does_nothing_else_there(
    inbox: Context, action: str, grants: str
) -> None:
    reply_to(inbox, SHOP, action="send", ref="n1", room=INBOX, message="Your order is on its way")
    error = error_of(inbox, eve(grants), **{"action": action, "room": INBOX} | FRAMES[action])
    assert isinstance(error, NotAMember if action == "typing" else Forbidden)
    assert reply_to(inbox, eve(grants), action="ping", rooms=[INBOX])["heads"] == {}


@pytest.mark.parametrize("grants", ["@*", "@u1", "@u1*", "@*:write"])
def test_a_writer_sends_and_changes_what_it_has_sent_without_being_there(
    inbox: Context, dynamodb: Any, stream: Any, grants: str
) -> None:
    writer = eve(grants, moderator=False)
    assert change(inbox, "send", writer, room=INBOX, ref="n1")["seq"] == 1
    assert change(inbox, "send", writer, room=INBOX, ref="n1")["seq"] == 1  # counts once
    fold(dynamodb, stream)
    assert change(inbox, "edit", writer, room=INBOX, ref="n2")["of"] == 1
    assert change(inbox, "react", writer, room=INBOX, ref="n3")["of"] == 1
    fold(dynamodb, stream)
    page = reply_to(inbox, READER, action="history", room=INBOX, after=0)
    assert [message["message"] for message in page["messages"]] == ["Ho"]
    assert change(inbox, "delete", writer, room=INBOX, ref="n4")["of"] == 1
    fold(dynamodb, stream)
    page = reply_to(inbox, READER, action="history", room=INBOX, after=0)
    assert [message["deleted"] for message in page["messages"]] == [True]


def test_a_writer_changes_nothing_of_another_writer(inbox: Context, dynamodb: Any, stream: Any) -> None:
    other = Sender("c1", ADA, "general", Grants.parse("@u1", "u1"))
    reply_to(inbox, other, action="send", ref="n1", room=INBOX, message="A note to myself")
    fold(dynamodb, stream)
    for action in ("edit", "delete"):
        assert isinstance(error_of(inbox, SHOP, action=action, room=INBOX, **FRAMES[action]), Forbidden)
    assert isinstance(error_of(inbox, SHOP, action="delete", room=INBOX, ref="n9", seq=7), InvalidMessage)


def test_its_person_needs_a_grant_only_to_write(inbox: Context) -> None:
    for grants, may_write in [("", False), ("*", False), ("u1", False), ("@u1", True), ("@*", True)]:
        sender = replace(READER, grants=Grants.parse(grants, "u1"))
        reply = reply_to(inbox, sender, action="join", room=INBOX)
        assert reply["rules"]["read_only"] is not may_write
        assert reply_to(inbox, sender, action="history", room=INBOX, after=0)["status"] == "ok"
        assert reply_to(inbox, sender, action="presence", room=INBOX)["members"] == [
            {"user": "u1", "name": "Ada"}
        ]
        frame: dict[str, Any] = {"action": "send", "room": INBOX, "ref": grants or "none", "message": "Hi"}
        if may_write:
            assert reply_to(inbox, sender, **frame)["status"] == "ok"
        else:
            assert isinstance(error_of(inbox, sender, **frame), Forbidden)


def test_its_person_writes_as_a_member(inbox: Context) -> None:
    sender = replace(READER, grants=Grants.parse("@*", "u1"))
    reply_to(inbox, sender, action="leave", room=INBOX)
    assert isinstance(error_of(inbox, sender, action="send", room=INBOX, ref="r", message="Hi"), NotAMember)


@pytest.mark.parametrize(
    "user", ["a" * 128, "💬" * 128, "Ada Lovelace", "auth0|5f7c#8%", "@ada", "caf\u00e9"]
)
def test_every_user_in_nfc_has_an_inbox(chat: Context, user: str) -> None:
    identity = Identity(user, "Long", "v1")
    chat.connections.add(Connection("c9", identity, 0), ["general"])
    sender = Sender("c9", identity, "general", Grants.parse("@*", user))
    room = f"@{user}"
    assert reply_to(chat, sender, action="join", room=room)["room"] == room
    assert reply_to(chat, sender, action="send", room=room, ref="r", message="Hi")["seq"] == 1
    assert reply_to(chat, sender, action="presence", room=room)["count"] == 1
    assert reply_to(chat, sender, action="ping", rooms=[room], counts=[room])["heads"][room]["count"] == 1


def test_two_users_who_differ_in_how_an_accent_is_written_share_no_inbox(chat: Context) -> None:
    decomposed = "cafe\u0301"
    identity = Identity(decomposed, "Café", "v1")
    chat.connections.add(Connection("c9", identity, 0), ["general"])
    sender = Sender("c9", identity, "general", Grants.parse("*", decomposed))
    for room in ("@caf\u00e9", f"@{decomposed}"):
        assert isinstance(error_of(chat, sender, action="join", room=room), Forbidden)


def test_a_message_without_a_room_reaches_no_inbox_by_accident(inbox: Context) -> None:
    reader = replace(READER, grants=Grants.parse("* @*", "u1"))
    assert json.dumps(history(inbox)["messages"]) == "[]"
    reply_to(inbox, reader, action="onMessage", message="Hi")
    assert [message["message"] for message in history(inbox)["messages"]] == ["Hi"]
    assert reply_to(inbox, reader, action="history", room=INBOX, after=0)["messages"] == []


@pytest.mark.parametrize("room", ["@", "@\u200b", "@\x00", "@" + "a" * 129, "@line\nbreak"])
def test_an_inbox_without_a_user_is_no_room(inbox: Context, room: str) -> None:
    error: ChatError = error_of(inbox, READER, action="join", room=room)
    assert error.code == "invalid_room"
