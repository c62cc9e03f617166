from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions import ACTIONS, Chat, Sender, act
from chat.connections import Connection, Connections
from chat.errors import ChatError, InvalidRef, InvalidRoom, NotAMember, NotConnected, UnknownAction
from chat.frames import parse
from chat.identity import Identity
from chat.log import Log
from tests.fakes import Stream

ADA = Identity("u1", "Ada", "v1")
SENDER = Sender("c1", ADA, "general")


@pytest.fixture
def chat(dynamodb: Any) -> Chat:
    connections = Connections(dynamodb, "ConnectionsTable")
    connections.open(Connection("c1", ADA, 0), ["general", "news"])
    return Chat(connections, Log(dynamodb, "MessagesTable", 90))


def done(chat: Chat, sender: Sender = SENDER, /, **frame: Any) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(act(chat, sender, parse(json.dumps(frame))))
    return reply


def refused(chat: Chat, /, **frame: Any) -> ChatError:
    with pytest.raises(ChatError) as refusal:
        act(chat, SENDER, parse(json.dumps(frame)))
    return refusal.value


def test_the_actions_are_these() -> None:
    assert set(ACTIONS) == {"onMessage", "send", "ping"}


def test_send_is_answered_with_the_place_of_the_message(chat: Chat, stream: Stream) -> None:
    before = datetime.now(UTC)
    reply = done(chat, action="send", ref="r1", room="news", message="Hi", data={"a": 1})
    at = reply.pop("at")
    assert reply == {"type": "reply", "ref": "r1", "status": "ok", "room": "news", "seq": 1, "id": "r1"}
    assert at.endswith("Z")
    assert len(at) == len("2026-11-24T06:20:01.123Z")
    assert (datetime.fromisoformat(at) - before).total_seconds() > -0.001  # cut to milliseconds
    ((entry,),) = stream.batch().values()
    assert entry.message is not None
    assert (entry.message.id, entry.message.user, entry.message.name) == ("r1", "u1", "Ada")
    assert (entry.message.text, entry.message.data, entry.message.at) == ("Hi", '{"a":1}', at)


def test_author_and_time_are_the_servers_whatever_the_frame_says(chat: Chat, stream: Stream) -> None:
    done(
        chat, action="send", ref="r1", room="general", message="Hi",
        user="u2", name="Eve", at="1970-01-01T00:00:00.000Z", id="x", seq=99,
    )  # fmt: skip
    ((entry,),) = stream.batch().values()
    assert entry.message is not None
    assert (entry.seq, entry.message.id, entry.message.user, entry.message.name) == (1, "r1", "u1", "Ada")
    assert not entry.message.at.startswith("1970")


def test_send_again_has_the_same_answer(chat: Chat) -> None:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert done(chat, **frame) == done(chat, **frame)


def test_send_again_over_another_connection_has_the_same_answer(chat: Chat) -> None:
    chat.connections.open(Connection("c2", ADA, 0), ["general"])
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert done(chat, **frame) == done(chat, Sender("c2", ADA, "general"), **frame)


def test_on_message_needs_neither_room_nor_ref(chat: Chat) -> None:
    first, second = (done(chat, action="onMessage", message="Hi") for _ in range(2))
    assert (first["room"], first["seq"], second["seq"]) == ("general", 1, 2)
    assert first["id"] != second["id"]


def test_on_message_takes_room_and_ref(chat: Chat) -> None:
    reply = done(chat, action="onMessage", message="Hi", room="news", ref="r1")
    assert (reply["room"], reply["id"]) == ("news", "r1")


def test_send_needs_both(chat: Chat) -> None:
    assert isinstance(refused(chat, action="send", room="general", message="Hi"), InvalidRef)
    assert isinstance(refused(chat, action="send", ref="r1", message="Hi"), InvalidRoom)


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
    chat: Chat, stream: Stream, dynamodb: Any, action: str, fields: dict[str, Any], code: str
) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "message": "Hi"} | fields
    assert refused(chat, **frame).code == code
    assert stream.batch() == {}
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == []


def test_a_refused_message_is_not_counted(chat: Chat) -> None:
    refused(chat, action="send", ref="r1", room="general", message="")
    refused(chat, action="send", ref="r1", room="elsewhere", message="Hi")
    done(chat, action="send", ref="r1", room="general", message="Hi")
    closed = chat.connections.close("c1")
    assert closed is not None
    assert closed.sent == 1


def test_who_is_not_connected_or_not_a_member_sends_nothing(chat: Chat, stream: Stream) -> None:
    assert isinstance(refused(chat, action="send", ref="r1", room="elsewhere", message="Hi"), NotAMember)
    chat.connections.close("c1")
    assert isinstance(refused(chat, action="send", ref="r1", room="general", message="Hi"), NotConnected)
    assert stream.batch() == {}


def test_ping_is_answered(chat: Chat) -> None:
    assert done(chat, action="ping") == {"type": "reply", "ref": None, "status": "ok", "pong": True}
    assert done(chat, action="ping", ref="r1")["ref"] == "r1"
    assert isinstance(refused(chat, action="ping", ref=7), InvalidRef)


@pytest.mark.parametrize(
    "action", ["dance", "", "Send", "$disconnect", "$connect", "__init__", None, 7, ["send"], {"a": 1}]
)
def test_any_other_action_is_unknown(chat: Chat, action: object) -> None:
    assert isinstance(refused(chat, action=action), UnknownAction)


def test_an_unknown_action_is_not_quoted(chat: Chat) -> None:
    assert "secret" not in str(refused(chat, action="secret"))
