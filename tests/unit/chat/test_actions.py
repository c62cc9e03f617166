from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions import ACTIONS, MAX_PINGED, Chat, Sender, act
from chat.connections import Connection, Connections
from chat.errors import (
    ChatError,
    InvalidFrame,
    InvalidRef,
    InvalidRoom,
    NotAMember,
    NotConnected,
    UnknownAction,
)
from chat.frames import Request, parse
from chat.identity import Identity
from chat.log import Log
from tests.fakes import MortalDynamoDB, Stream

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
    assert set(ACTIONS) == {"onMessage", "send", "join", "leave", "history", "ping"}


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


# Joining, leaving and reading


def said(chat: Chat, number: int, room: str = "general", text: str = "Hi") -> None:
    for each in range(1, number + 1):
        done(chat, action="send", ref=f"{room}-{each}", room=room, message=text)


def seqs(reply: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in reply["messages"]]


def test_who_joins_is_told_how_far_the_room_has_come_and_may_speak(chat: Chat) -> None:
    chat.connections.open(Connection("c2", ADA, 0), ["later"])
    assert done(chat, action="join", ref="j1", room="later") == {
        "type": "reply", "ref": "j1", "status": "ok", "room": "later", "seq": 0,
    }  # fmt: skip
    said(chat, 3, "later")
    assert done(chat, Sender("c2", ADA, "later"), action="join", room="later")["seq"] == 3


def test_who_comes_back_gets_what_was_said_since(chat: Chat) -> None:
    said(chat, 5)
    said(chat, 1)  # the first again: a void
    reply = done(chat, action="join", ref="j1", room="general", after=2)
    assert (reply["seq"], seqs(reply), reply["voids"], reply["more"]) == (6, [3, 4, 5], [6], False)
    assert reply["messages"][0].keys() == {"seq", "id", "user", "name", "message", "at"}
    assert done(chat, action="join", room="general", after=6)["messages"] == []
    assert done(chat, action="join", room="general", after=99)["seq"] == 6


def test_the_head_is_read_after_the_membership_is_written(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    chat = Chat(Connections(counting, "ConnectionsTable"), Log(counting, "MessagesTable", 90))
    chat.connections.open(Connection("c1", ADA, 0), [])
    done(chat, action="join", room="general", after=0)
    assert counting.calls[1:] == ["get_item", "transact_write_items", "batch_get_item", "query"]


def test_who_leaves_may_neither_speak_nor_read(chat: Chat) -> None:
    said(chat, 1, "news")
    assert done(chat, action="leave", ref="l1", room="news") == {
        "type": "reply", "ref": "l1", "status": "ok", "room": "news",
    }  # fmt: skip
    assert isinstance(refused(chat, action="send", ref="r9", room="news", message="Hi"), NotAMember)
    assert isinstance(refused(chat, action="history", room="news", after=0), NotAMember)
    assert done(chat, action="leave", room="news")["status"] == "ok"
    assert done(chat, action="leave", room="never-joined")["status"] == "ok"


def test_history_is_read_in_pages_forwards_and_backwards(chat: Chat) -> None:
    said(chat, 7)
    reply = done(chat, action="history", ref="h1", room="general", after=0, limit=3)
    assert {**reply, "messages": seqs(reply)} == {
        "type": "reply", "ref": "h1", "status": "ok", "room": "general", "messages": [1, 2, 3], "more": True,
    }  # fmt: skip
    reply = done(chat, action="history", room="general", before=8, limit=3)
    assert (seqs(reply), reply["more"]) == ([5, 6, 7], True)
    reply = done(chat, action="history", room="general", before=3)
    assert (seqs(reply), reply["more"]) == ([1, 2], False)


def test_a_page_holds_a_hundred_places_or_as_many_as_fit(chat: Chat) -> None:
    said(chat, 101)
    assert seqs(done(chat, action="history", room="general", after=0)) == list(range(1, 101))
    said(chat, 20, "news", "x" * 4_000)
    assert seqs(done(chat, action="history", room="news", after=0)) == list(range(1, 8))


def test_a_room_that_never_was_has_an_empty_history(chat: Chat) -> None:
    for side in ("after", "before"):
        reply = done(chat, action="history", room="news", **{side: 10**12 - 1})
        assert (reply["messages"], reply["more"]) == ([], False)


@pytest.mark.parametrize("action", ["join", "leave", "history"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"room": "two words"}, "invalid_room"),
        ({"room": ...}, "invalid_room"),
        ({"ref": 7}, "invalid_ref"),
    ],
)
def test_room_and_ref_are_checked(chat: Chat, action: str, fields: dict[str, Any], code: str) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "after": 0} | fields
    assert refused(chat, **{name: value for name, value in frame.items() if value is not ...}).code == code


@pytest.mark.parametrize("action", ["join", "history"])
@pytest.mark.parametrize("after", [-1, 10**12, 1.0, "1", True, None, [1]])
def test_a_seq_is_a_whole_number(chat: Chat, action: str, after: object) -> None:
    assert isinstance(refused(chat, action=action, room="general", after=after), InvalidFrame)


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
def test_history_takes_one_side_and_a_limit(chat: Chat, fields: dict[str, Any]) -> None:
    assert isinstance(refused(chat, action="history", room="general", **fields), InvalidFrame)


def test_a_refused_join_joins_nothing(chat: Chat) -> None:
    refused(chat, action="join", room="later", after=-1)
    assert chat.connections.rooms("c1") == {"general", "news"}


@pytest.mark.parametrize("action", ["join", "leave", "history"])
def test_who_is_not_connected_neither_joins_nor_leaves_nor_reads(chat: Chat, action: str) -> None:
    chat.connections.close("c1")
    assert isinstance(refused(chat, action=action, room="general", after=0), NotConnected)


def test_ping_tells_how_far_the_joined_rooms_have_come(chat: Chat) -> None:
    said(chat, 2)
    reply = done(chat, action="ping", rooms=["general", "news", "elsewhere"])
    assert reply["seqs"] == {"general": 2, "news": 0}
    assert done(chat, action="ping", rooms=[])["seqs"] == {}
    chat.connections.close("c1")
    assert isinstance(refused(chat, action="ping", rooms=["general"]), NotConnected)
    assert done(chat, action="ping")["pong"] is True  # the socket works


def test_a_ping_with_the_longest_names_is_answered_within_a_frame(chat: Chat) -> None:
    names = [f"{number:04}" + "💬" * 96 for number in range(MAX_PINGED)]
    chat.connections.open(Connection("c2", ADA, 0), names)
    reply = act(chat, Sender("c2", ADA, "general"), Request("ping", {"ref": "💬" * 128, "rooms": names}))
    assert len(json.loads(reply)["seqs"]) == MAX_PINGED
    assert len(reply.encode()) <= 32 * 1024


@pytest.mark.parametrize("rooms", ["general", {"a": 1}, None, 7, [f"r{number}" for number in range(65)]])
def test_ping_takes_a_list_of_up_to_64_rooms(chat: Chat, rooms: object) -> None:
    assert isinstance(refused(chat, action="ping", rooms=rooms), InvalidFrame)
    assert refused(chat, action="ping", rooms=["two words"]).code == "invalid_room"


@pytest.mark.parametrize(
    "action", ["dance", "", "Send", "$disconnect", "$connect", "__init__", None, 7, ["send"], {"a": 1}]
)
def test_any_other_action_is_unknown(chat: Chat, action: object) -> None:
    assert isinstance(refused(chat, action=action), UnknownAction)


def test_an_unknown_action_is_not_quoted(chat: Chat) -> None:
    assert "secret" not in str(refused(chat, action="secret"))
