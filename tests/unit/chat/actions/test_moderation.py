"""The actions ban, mute, slow_mode and lock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.identity.identity import Identity
from chat.protocol.errors import (
    Forbidden,
    InvalidFrame,
    InvalidRef,
    NotAMember,
    RateLimited,
)
from chat.storage.connections import Connection
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.stream import Stream
from tests.unit.chat.actions.conftest import (
    EVES,
    FRAMES,
    MODERATOR,
    SENDER,
    error_of,
    notices,
    reply_to,
    seqs,
)


@pytest.mark.parametrize("action", ["ban", "mute", "slow_mode", "lock"])
def test_only_a_moderator_moderates(three: Context, stream: Stream, action: str) -> None:
    reply_to(three, EVES, action="send", ref="r0", room="general", message="Hi")
    frame = {"action": action, "room": "general"} | FRAMES[action]
    assert isinstance(error_of(three, **frame, roles="moderator", moderator=True), Forbidden)
    assert notices(stream) == []
    assert reply_to(three, MODERATOR, **frame)["status"] == "ok"
    assert len(notices(stream)) == 1


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("ban", {"user": ...}),
        ("ban", {"user": ""}),
        ("ban", {"user": "u" * 129}),
        ("ban", {"user": "u\n2"}),
        ("ban", {"user": 7}),
        ("ban", {"seconds": ...}),
        ("mute", {"seconds": -1}),
        ("mute", {"seconds": 366 * 24 * 3600 + 1}),
        ("mute", {"seconds": 1.5}),
        ("mute", {"user": None}),
        ("slow_mode", {"seconds": ...}),
        ("slow_mode", {"seconds": True}),
        ("lock", {"locked": "yes"}),
        ("lock", {"locked": None}),
    ],
    ids=str,
)
def test_an_act_with_an_invalid_field_is_not_done(
    three: Context, stream: Stream, action: str, fields: dict[str, Any]
) -> None:
    frame = {"action": action, "room": "general"} | FRAMES[action] | fields
    frame = {name: value for name, value in frame.items() if value is not ...}
    assert isinstance(error_of(three, MODERATOR, **frame), InvalidFrame)
    assert stream.records() == []


@pytest.mark.parametrize("action", ["ban", "mute", "slow_mode", "lock"])
def test_an_act_with_an_invalid_ref_is_not_done(three: Context, stream: Stream, action: str) -> None:
    reply_to(three, action="send", ref="r0", room="general", message="Hi")
    stream.records()
    frame = {"action": action, "room": "general", "ref": 7} | FRAMES[action]
    assert isinstance(error_of(three, MODERATOR, **frame), InvalidRef)
    assert stream.records() == []


def test_a_banned_user_can_neither_stay_nor_come_back(
    three: Context, sockets: FakeManagementClient, stream: Stream
) -> None:
    until = reply_to(three, MODERATOR, action="ban", ref="k1", room="general", user="u2", seconds=60)["until"]
    (notice,) = notices(stream)
    assert notice == {
        "type": "moderated", "room": "general", "action": "ban", "moderator": "Grace", "user": "u2",
        "seconds": 60, "until": until, "expires_in": notice["expires_in"],
    }  # fmt: skip
    assert 58 <= notice["expires_in"] <= 60
    assert [(each, json.loads(frame)) for each, frame in sockets.posted] == [("c2", notice)]
    for frame in (
        {"action": "send", "ref": "r1", "message": "Hi"},
        {"action": "history", "after": 0},
        {"action": "presence"},
    ):
        assert isinstance(error_of(three, EVES, **frame, room="general"), NotAMember)
    assert isinstance(error_of(three, EVES, action="join", room="general"), Forbidden)
    with pytest.raises(Forbidden):  # as $connect asks
        three.rules.require_not_banned("u2", ["general"])
    reply_to(three, EVES, action="join", room="elsewhere")
    reply_to(three, MODERATOR, action="ban", room="general", user="u2", seconds=0)
    assert reply_to(three, EVES, action="join", room="general")["status"] == "ok"


def test_a_muted_user_can_read_but_not_send(three: Context) -> None:
    reply = reply_to(three, MODERATOR, action="mute", room="general", user="u2", seconds=60)
    assert reply.keys() == {"type", "ref", "status", "room", "user", "until", "expires_in"}
    assert 58 <= reply["expires_in"] <= 60
    send = {"action": "send", "room": "general", "message": "Hi"}
    assert isinstance(error_of(three, EVES, **send, ref="r1"), Forbidden)
    assert reply_to(three, EVES, action="join", room="general", after=0)["status"] == "ok"
    reply_to(three, **send, ref="r2")
    reply_to(three, MODERATOR, action="mute", room="general", user="u2", seconds=0)
    assert reply_to(three, EVES, **send, ref="r1")["seq"] == 2


def test_in_slow_mode_each_user_waits_but_moderators_do_not(three: Context) -> None:
    assert reply_to(three, MODERATOR, action="slow_mode", room="general", seconds=30)["seconds"] == 30
    for number, sender in enumerate((SENDER, EVES, MODERATOR, MODERATOR)):
        reply_to(three, sender, action="send", room="general", ref=f"r{number}", message="Hi")
    for sender in (SENDER, EVES):
        error = error_of(three, sender, action="send", room="general", ref="r9", message="Hi")
        assert isinstance(error, RateLimited)
        assert 20 < error.retry_after <= 30


def test_in_a_locked_room_only_moderators_can_send(three: Context) -> None:
    assert reply_to(three, MODERATOR, action="lock", room="general")["locked"] is True
    send = {"action": "send", "room": "general", "message": "Hi"}
    assert isinstance(error_of(three, **send, ref="r1"), Forbidden)
    assert reply_to(three, MODERATOR, **send, ref="r2")["seq"] == 1
    assert seqs(reply_to(three, action="history", room="general", after=0)) == [1]
    assert reply_to(three, MODERATOR, action="lock", room="general", locked=False)["locked"] is False
    reply_to(three, **send, ref="r1")


@pytest.mark.parametrize("who", ["ban", "mute"])
def test_a_rule_about_an_unknown_user_holds_when_that_user_connects(three: Context, who: str) -> None:
    reply_to(three, MODERATOR, action=who, room="general", user="never seen", seconds=60)
    unknown = Sender("c9", Identity("never seen", "Bob", "v1"), "general")
    three.connections.add(Connection("c9", unknown.identity, 0), [])
    if who == "ban":
        assert isinstance(error_of(three, unknown, action="join", room="general"), Forbidden)
    else:
        reply_to(three, unknown, action="join", room="general")
        assert isinstance(
            error_of(three, unknown, action="send", room="general", ref="r1", message="Hi"), Forbidden
        )
