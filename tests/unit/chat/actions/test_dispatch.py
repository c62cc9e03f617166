"""The table of actions, and what holds for each action: rooms, grants, expiry and rates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.actions.dispatch import ACTIONS
from chat.identity.grants import Grants
from chat.protocol.errors import (
    Expired,
    Forbidden,
    InvalidFrame,
    NotAMember,
    NotConnected,
    RateLimited,
    UnknownAction,
)
from chat.storage.connections import Connection, Limits
from chat.storage.rate_limits import Rate
from tests.unit.chat.actions.conftest import (
    ADA,
    EVE,
    EVE_SAID,
    EVES,
    FRAMES,
    SENDER,
    chat_on,
    error_of,
    reply_to,
)


def test_the_actions_are_these() -> None:
    assert set(ACTIONS) == {
        "onMessage", "send", "join", "leave", "history", "ping", "alive", "presence", "typing",
        "edit", "delete", "react", "reactions", "ban", "mute", "slow_mode", "lock",
        "subscribe", "unsubscribe", "read", "rooms",
    }  # fmt: skip


@pytest.mark.parametrize("action", ["join", "leave", "history"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"room": "two words"}, "invalid_room"),
        ({"room": ...}, "invalid_room"),
        ({"ref": 7}, "invalid_ref"),
    ],
)
def test_room_and_ref_are_checked(chat: Context, action: str, fields: dict[str, Any], code: str) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "after": 0} | fields
    assert error_of(chat, **{name: value for name, value in frame.items() if value is not ...}).code == code


@pytest.mark.parametrize("action", ["join", "history"])
@pytest.mark.parametrize("after", [-1, 10**12, 1.5, "1", True, None, [1]])
def test_a_seq_is_a_whole_number(chat: Context, action: str, after: object) -> None:
    assert isinstance(error_of(chat, action=action, room="general", after=after), InvalidFrame)


@pytest.mark.parametrize("action", ["join", "leave", "history"])
def test_without_a_connection_nothing_can_be_joined_left_or_read(chat: Context, action: str) -> None:
    chat.connections.remove("c1")
    assert isinstance(error_of(chat, action=action, room="general", after=0), NotConnected)


@pytest.mark.parametrize(
    "action", ["dance", "", "Send", "$disconnect", "$connect", "__init__", None, 7, ["send"], {"a": 1}]
)
def test_any_other_action_is_unknown(chat: Context, action: object) -> None:
    assert isinstance(error_of(chat, action=action), UnknownAction)


def test_an_unknown_action_is_not_quoted(chat: Context) -> None:
    assert "secret" not in str(error_of(chat, action="secret"))


WRITING = {"onMessage", "send", "typing", "edit", "react"}


@pytest.mark.parametrize("action", FRAMES)
@pytest.mark.parametrize(
    ("grants", "may"),
    [
        ("", set()),
        ("news general2 gen", set()),
        ("general:read", set(FRAMES) - WRITING),
        ("gen*:write", WRITING),
        ("general", set(FRAMES)),
        ("*", set(FRAMES)),
    ],
)
def test_each_action_checks_the_grant_even_of_a_member(
    chat: Context, dynamodb: Any, action: str, grants: str, may: set[str]
) -> None:
    reply_to(chat, action="send", ref="r0", room="general", message="Hi")
    before = dynamodb.scan(TableName="MessagesTable")["Items"]
    sender = replace(SENDER, grants=Grants.parse(grants), moderator=True)
    frame = {"action": action, "room": "general"} | FRAMES[action]
    if action in may:
        assert reply_to(chat, sender, **frame)["status"] == "ok"
        return
    assert isinstance(error_of(chat, sender, **frame), Forbidden)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == before


def test_the_frames_above_cover_every_action_on_a_room() -> None:
    assert set(FRAMES) == set(ACTIONS) - {"leave", "ping", "alive", "unsubscribe", "read", "rooms"}


@pytest.mark.parametrize("action", FRAMES)
def test_a_private_room_needs_a_grant(chat: Context, action: str) -> None:
    frame = {"action": action, "room": "private-board"} | FRAMES[action]
    unknown = replace(SENDER, moderator=True)
    assert isinstance(error_of(chat, unknown, **frame), Forbidden)
    chat.connections.add(Connection("c2", EVE, 0), ["private-board"])
    chat.log.append("private-board", replace(EVE_SAID, id="r0"))
    member = Sender("c2", EVE, "lobby", Grants.parse("private-board"), moderator=True)
    assert reply_to(chat, member, **frame)["status"] == "ok"


@pytest.mark.parametrize("action", [*FRAMES, "leave", "ping", "unsubscribe", "read", "rooms"])
def test_an_expired_connection_can_do_nothing(chat: Context, dynamodb: Any, action: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    chat.connections.add(Connection("c2", EVE, 0, expires_at=now), ["general"])
    before = dynamodb.scan(TableName="MessagesTable")["Items"]
    frame = {"action": action, "room": "general", "rooms": ["general"], "seq": 1} | FRAMES.get(action, {})
    ended = replace(EVES, moderator=True)
    assert isinstance(error_of(chat, ended, **frame), Expired)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == before


@pytest.mark.parametrize("action", [action for action in FRAMES if action not in {"join", "subscribe"}])
def test_only_a_member_can_act_in_a_room(chat: Context, dynamodb: Any, action: str) -> None:
    frame = {"action": action, "room": "elsewhere"} | FRAMES[action]
    assert isinstance(error_of(chat, replace(SENDER, moderator=True), **frame), NotAMember)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == []


@pytest.mark.parametrize("action", ["send", "onMessage", "typing", "presence", "join", "slow_mode"])
def test_an_action_above_the_rate_is_rejected_with_the_time_to_wait(dynamodb: Any, action: str) -> None:
    chat = chat_on(dynamodb, limits=Limits(rate=Rate(0.1, 1)))
    chat.connections.add(Connection("c1", ADA, 0), ["general", "news"])
    reply_to(chat, action="send", ref="r0", room="news", message="Hi")
    frame = {"action": action, "room": "elsewhere" if action == "join" else "general"} | FRAMES[action]
    error = error_of(chat, replace(SENDER, moderator=True), **frame)
    assert isinstance(error, RateLimited)
    assert 9 < error.retry_after <= 10.001
