"""The actions send, onMessage, history, ping and typing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions import people
from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.actions.fields import MAX_COUNTED, MAX_PINGED
from chat.identity.identity import Person
from chat.protocol.errors import (
    Forbidden,
    InvalidFrame,
    InvalidRef,
    InvalidRoom,
    NotAMember,
    NotConnected,
    RateLimited,
)
from chat.protocol.frames import Request
from chat.storage.connections import Connection, Limits
from chat.storage.keys import MAX_SEQ
from chat.storage.rate_limits import Rate
from chat.storage.signals import Typing
from tests.support.fakes.stream import Stream
from tests.unit.chat.actions.conftest import (
    ADA,
    EVES,
    MANY,
    MODERATOR,
    chat_on,
    error_of,
    reply_to,
    send_messages,
    seqs,
)


def test_send_is_answered_with_the_seq_of_the_message(chat: Context, stream: Stream) -> None:
    before = datetime.now(UTC)
    reply = reply_to(chat, action="send", ref="r1", room="news", message="Hi", data={"a": 1})
    at = reply.pop("at")
    assert reply == {"type": "reply", "ref": "r1", "status": "ok", "room": "news", "seq": 1, "id": "r1"}
    assert at.endswith("Z")
    assert len(at) == len("2026-11-24T06:20:01.123Z")
    assert (datetime.fromisoformat(at) - before).total_seconds() > -0.001  # cut to milliseconds
    ((entry,),) = stream.batch().values()
    assert entry.message is not None
    assert (entry.message.id, entry.message.user, entry.message.name) == ("r1", "u1", "Ada")
    assert (entry.message.text, entry.message.data, entry.message.at) == ("Hi", '{"a":1}', at)


def test_author_and_time_come_from_the_server_whatever_the_frame_says(chat: Context, stream: Stream) -> None:
    reply_to(
        chat, action="send", ref="r1", room="general", message="Hi",
        user="u2", name="Eve", at="1970-01-01T00:00:00.000Z", id="x", seq=99, deleted=True,
        requestContext={"connectionId": "c2", "authorizer": {"user": "u2", "name": "Eve"}},
    )  # fmt: skip
    ((entry,),) = stream.batch().values()
    assert entry.message is not None
    assert (entry.seq, entry.message.id, entry.message.user, entry.message.name) == (1, "r1", "u1", "Ada")
    assert not entry.message.deleted
    assert not entry.message.at.startswith("1970")


def test_a_resent_message_gets_the_same_reply(chat: Context) -> None:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert reply_to(chat, **frame) == reply_to(chat, **frame)


def test_a_message_resent_over_another_connection_gets_the_same_reply(chat: Context) -> None:
    chat.connections.add(Connection("c2", ADA, 0), ["general"])
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert reply_to(chat, **frame) == reply_to(chat, Sender("c2", ADA, "general"), **frame)


def test_another_user_cannot_resend_a_message(three: Context) -> None:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    reply_to(three, **frame)
    assert isinstance(error_of(three, EVES, **frame), InvalidRef)
    assert reply_to(three, **frame)["seq"] == 1


def test_on_message_needs_neither_room_nor_ref(chat: Context) -> None:
    first, second = (reply_to(chat, action="onMessage", message="Hi") for _ in range(2))
    assert (first["room"], first["seq"], second["seq"]) == ("general", 1, 2)
    assert first["id"] != second["id"]


def test_on_message_takes_room_and_ref(chat: Context) -> None:
    reply = reply_to(chat, action="onMessage", message="Hi", room="news", ref="r1")
    assert (reply["room"], reply["id"]) == ("news", "r1")


def test_send_needs_room_and_ref(chat: Context) -> None:
    assert isinstance(error_of(chat, action="send", room="general", message="Hi"), InvalidRef)
    assert isinstance(error_of(chat, action="send", ref="r1", message="Hi"), InvalidRoom)


@pytest.mark.parametrize("action", ["onMessage", "send"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"room": None}, "invalid_room"),
        ({"room": ["general"]}, "invalid_room"),
        ({"room": "two words"}, "invalid_room"),
        ({"room": "elsewhere"}, "not_a_member"),
        ({"ref": None}, "invalid_ref"),
        ({"ref": {"a": 1}}, "invalid_ref"),
        ({"ref": "r" * 10_240}, "invalid_ref"),
        ({"message": None}, "invalid_message"),
        ({"message": "x" * 4_001}, "message_too_large"),
        ({"data": "x" * 4_096}, "message_too_large"),
    ],
)
def test_each_field_is_checked_before_anything_is_written(
    chat: Context, stream: Stream, dynamodb: Any, action: str, fields: dict[str, Any], code: str
) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "message": "Hi"} | fields
    assert error_of(chat, **frame).code == code
    assert stream.batch() == {}
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == []


def test_a_message_with_an_error_is_not_counted(chat: Context) -> None:
    error_of(chat, action="send", ref="r1", room="general", message="")
    error_of(chat, action="send", ref="r1", room="elsewhere", message="Hi")
    reply_to(chat, action="send", ref="r1", room="general", message="Hi")
    closed = chat.connections.remove("c1")
    assert closed is not None
    assert closed.sent == 1


def test_only_a_connected_member_can_send(chat: Context, stream: Stream) -> None:
    assert isinstance(error_of(chat, action="send", ref="r1", room="elsewhere", message="Hi"), NotAMember)
    chat.connections.remove("c1")
    assert isinstance(error_of(chat, action="send", ref="r1", room="general", message="Hi"), NotConnected)
    assert stream.batch() == {}


def test_history_is_read_in_pages_forwards_and_backwards(chat: Context) -> None:
    send_messages(chat, 7)
    reply = reply_to(chat, action="history", ref="h1", room="general", after=0, limit=3)
    assert {**reply, "messages": seqs(reply)} == {
        "type": "reply", "ref": "h1", "status": "ok", "room": "general", "messages": [1, 2, 3], "more": True,
        "epoch": chat.log.head("general").epoch,
    }  # fmt: skip
    reply = reply_to(chat, action="history", room="general", before=8, limit=3)
    assert (seqs(reply), reply["more"]) == ([5, 6, 7], True)
    reply = reply_to(chat, action="history", room="general", before=3)
    assert (seqs(reply), reply["more"]) == ([1, 2], False)


def test_a_page_holds_a_hundred_entries_or_as_many_as_fit(chat: Context) -> None:
    send_messages(chat, 101)
    assert seqs(reply_to(chat, action="history", room="general", after=0)) == list(range(1, 101))
    send_messages(chat, 20, "news", "x" * 4_000)
    assert seqs(reply_to(chat, action="history", room="news", after=0)) == list(range(1, 8))


def test_a_room_without_messages_has_an_empty_history(chat: Context) -> None:
    for side in ("after", "before"):
        reply = reply_to(chat, action="history", room="news", **{side: 10**12 - 1})
        assert (reply["messages"], reply["more"]) == ([], False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"after": 1, "before": 2},
        {"before": -1},
        {"after": 0, "limit": 0},
        {"after": 0, "limit": 201},
        {"after": 0, "limit": "3"},
        {"after": 0, "limit": True},
    ],
)
def test_history_takes_one_side_and_a_limit(chat: Context, fields: dict[str, Any]) -> None:
    assert isinstance(error_of(chat, action="history", room="general", **fields), InvalidFrame)


def test_ping_is_answered(chat: Context) -> None:
    assert reply_to(chat, action="ping") == {"type": "reply", "ref": None, "status": "ok", "pong": True}
    assert reply_to(chat, action="ping", ref="r1")["ref"] == "r1"
    assert isinstance(error_of(chat, action="ping", ref=7), InvalidRef)


def test_a_sign_of_life_needs_no_room_and_is_charged(dynamodb: Any) -> None:
    chat = chat_on(dynamodb, limits=Limits(rate=Rate(0.01, 2)))
    chat.connections.add(Connection("c1", ADA, 0), [])
    for _ in range(2):
        assert reply_to(chat, action="alive", ref="v1") == {"type": "reply", "ref": "v1", "status": "ok"}
    assert isinstance(error_of(chat, action="alive"), RateLimited)
    chat.connections.remove("c1")
    assert isinstance(error_of(chat, EVES, action="alive"), NotConnected)


def test_a_page_of_another_log_is_empty_and_says_which_log_there_is(chat: Context) -> None:
    send_messages(chat, 3)
    epoch = chat.log.head("general").epoch
    for side in ({"after": 0}, {"before": 4}):
        reply = reply_to(chat, action="history", room="general", epoch=epoch, **side)
        assert (seqs(reply), reply["epoch"]) == ([1, 2, 3], epoch)
        reply = reply_to(chat, action="history", room="general", epoch="another", **side)
        assert (seqs(reply), reply["more"], reply["epoch"]) == ([], False, epoch)


@pytest.mark.parametrize("epoch", [None, 7, "", "e" * 65])
def test_an_epoch_is_text(chat: Context, epoch: Any) -> None:
    for action in ("join", "history"):
        frame = {"action": action, "room": "general", "after": 0, "epoch": epoch}
        assert isinstance(error_of(chat, **frame), InvalidFrame)


def test_ping_returns_how_far_the_logs_of_the_joined_rooms_have_come(chat: Context) -> None:
    send_messages(chat, 2)
    reply = reply_to(chat, action="ping", rooms=["general", "news", "elsewhere"])
    epoch = chat.log.head("general").epoch
    assert reply["heads"] == {"general": {"seq": 2, "epoch": epoch}, "news": {"seq": 0}}
    assert reply_to(chat, action="ping", rooms=[])["heads"] == {}
    chat.connections.remove("c1")
    assert isinstance(error_of(chat, action="ping", rooms=["general"]), NotConnected)
    assert reply_to(chat, action="ping")["pong"] is True  # the socket works


def test_ping_counts_the_people_of_the_joined_rooms(chat: Context) -> None:
    for number in (2, 3):
        chat.connections.add(Connection(f"c{number}", EVES.identity, 0), ["general"])
    rooms = ["general", "news", "elsewhere"]
    reply = reply_to(chat, action="ping", rooms=rooms, counts=["general", "elsewhere"])
    assert reply["heads"] == {"general": {"seq": 0, "count": 2}, "news": {"seq": 0}}
    chat.connections.remove("c3")
    chat.connections.remove("c2")
    reply = reply_to(chat, action="ping", rooms=["general"], counts=["general"])
    assert reply["heads"] == {"general": {"seq": 0, "count": 1}}


def test_ping_estimates_above_the_presence_limit(chat: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MAX_LISTED_MEMBERS", 2)
    for number in range(2, 10):
        chat.connections.add(Connection(f"c{number}", EVES.identity, 0), ["general"])
    head = reply_to(chat, action="ping", rooms=["general"], counts=["general"])["heads"]["general"]
    assert head["approximate"] is True
    assert head["count"] >= 3


@pytest.mark.parametrize("rooms", ["general", {"a": 1}, None, 7, [f"r{number}" for number in range(9)]])
def test_ping_counts_up_to_8_rooms(chat: Context, rooms: object) -> None:
    assert isinstance(error_of(chat, action="ping", rooms=["general"], counts=rooms), InvalidFrame)


def test_a_ping_with_the_longest_names_is_answered_within_a_frame(chat: Context, dynamodb: Any) -> None:
    names = [f"{number:04}" + "💬" * 96 for number in range(MAX_PINGED)]
    chat.connections.add(Connection("c2", ADA, 0), names[:50])
    for name in names[50:]:
        chat_on(dynamodb, limits=replace(MANY, rooms=MAX_PINGED)).connections.join("c2", name)
    frame = {"ref": "💬" * 128, "rooms": names, "counts": names[-MAX_COUNTED:]}
    reply = dispatch(chat, Sender("c2", ADA, "general"), Request("ping", frame))
    assert len(json.loads(reply)["heads"]) == MAX_PINGED
    longest = {"seq": MAX_SEQ, "epoch": "7f3a91c2"}
    assert len(json.dumps(longest, separators=(",", ":")).encode()) < 50
    assert len(reply.encode()) + MAX_PINGED * 50 <= 32 * 1024


@pytest.mark.parametrize("rooms", ["general", {"a": 1}, None, 7, [f"r{number}" for number in range(65)]])
def test_ping_takes_a_list_of_up_to_64_rooms(chat: Context, rooms: object) -> None:
    assert isinstance(error_of(chat, action="ping", rooms=rooms), InvalidFrame)
    assert error_of(chat, action="ping", rooms=["two words"]).code == "invalid_room"


def test_a_typing_signal_names_the_sender_whatever_the_frame_says(chat: Context, stream: Stream) -> None:
    reply = reply_to(chat, action="typing", ref="t1", room="general", user="u2", name="Eve")
    assert reply == {"type": "reply", "ref": "t1", "status": "ok", "room": "general"}
    assert stream.signals() == [("general", Typing(Person("u1", "Ada")))]
    error = error_of(chat, action="typing", room="general")
    assert isinstance(error, RateLimited)
    assert 0 < error.retry_after <= 3
    assert stream.signals() == []


@pytest.mark.parametrize("rule", [("mute", {"user": "u1", "seconds": 60}), ("lock", {})], ids=str)
def test_a_user_who_may_not_post_is_not_shown_as_typing(
    three: Context, stream: Stream, rule: tuple[str, dict[str, Any]]
) -> None:
    reply_to(three, MODERATOR, action=rule[0], room="general", **rule[1])
    stream.signals()
    assert isinstance(error_of(three, action="typing", room="general"), Forbidden)
    assert stream.signals() == []
