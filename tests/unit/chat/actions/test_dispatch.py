from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.actions.dispatch import ACTIONS, dispatch
from chat.actions.fields import MAX_PINGED
from chat.identity.grants import Grants
from chat.identity.identity import Identity
from chat.identity.people import Person
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol.errors import (
    ChatError,
    Expired,
    Forbidden,
    InvalidFrame,
    InvalidMessage,
    InvalidRef,
    InvalidRoom,
    NotAMember,
    NotConnected,
    RateLimited,
    UnknownAction,
)
from chat.protocol.frames import Request, parse
from chat.protocol.messages import Message
from chat.storage.connections import Connection, Connections, Limits
from chat.storage.log import Log
from chat.storage.presence import MAX_LISTED_MEMBERS
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import Notice, PresenceChanged, Signals, Typing
from tests.support.fakes.management_client import FakeSockets
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream

ADA = Identity("u1", "Ada", "v1")
SENDER = Sender("c1", ADA, "general")
EVE = Identity("u2", "Eve", "v1")
EVES = Sender("c2", EVE, "general")
GRACE = Identity("u3", "Grace", "v1")
MODERATOR = Sender("c3", GRACE, "general", moderator=True)
# How fast one may be, and how many connections one may have, is tested elsewhere.
MANY = Limits(connections=1_000, rate=Rate(10_000, 10_000))


def chat_on(dynamodb: Any, sockets: Any = None, limits: Limits = MANY) -> Context:
    connections = Connections(dynamodb, "ConnectionsTable", limits=limits)
    log = Log(dynamodb, "MessagesTable", 90, rate=Rate(1_000, 1_000))
    rules, signals = RoomRules(dynamodb, "MessagesTable"), Signals(dynamodb, "MessagesTable")
    membership = Membership(connections, rules, signals)
    moderation = Moderation(membership, log, rules, signals, lambda: sockets)
    return Context(connections, log, rules, signals, membership, moderation)


@pytest.fixture
def sockets() -> FakeSockets:
    return FakeSockets()


@pytest.fixture
def chat(dynamodb: Any, sockets: FakeSockets) -> Context:
    chat = chat_on(dynamodb, sockets)
    chat.connections.add(Connection("c1", ADA, 0), ["general", "news"])
    return chat


def done(chat: Context, sender: Sender = SENDER, /, **frame: Any) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(dispatch(chat, sender, parse(json.dumps(frame))))
    return reply


def refused(chat: Context, sender: Sender = SENDER, /, **frame: Any) -> ChatError:
    with pytest.raises(ChatError) as refusal:
        dispatch(chat, sender, parse(json.dumps(frame)))
    return refusal.value


@pytest.fixture
def company(chat: Context) -> Context:
    """Ada, Eve and Grace, who is a moderator, in one room."""
    chat.connections.add(Connection("c2", EVE, 0), ["general"])
    chat.connections.add(Connection("c3", GRACE, 0), ["general"])
    return chat


def test_the_actions_are_these() -> None:
    assert set(ACTIONS) == {
        "onMessage", "send", "join", "leave", "history", "ping", "presence", "typing",
        "delete", "ban", "mute", "slow_mode", "lock",
    }  # fmt: skip


def test_send_is_answered_with_the_place_of_the_message(chat: Context, stream: Stream) -> None:
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


def test_author_and_time_are_the_servers_whatever_the_frame_says(chat: Context, stream: Stream) -> None:
    done(
        chat, action="send", ref="r1", room="general", message="Hi",
        user="u2", name="Eve", at="1970-01-01T00:00:00.000Z", id="x", seq=99, deleted=True,
        requestContext={"connectionId": "c2", "authorizer": {"user": "u2", "name": "Eve"}},
    )  # fmt: skip
    ((entry,),) = stream.batch().values()
    assert entry.message is not None
    assert (entry.seq, entry.message.id, entry.message.user, entry.message.name) == (1, "r1", "u1", "Ada")
    assert not entry.message.deleted
    assert not entry.message.at.startswith("1970")


def test_send_again_has_the_same_answer(chat: Context) -> None:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert done(chat, **frame) == done(chat, **frame)


def test_send_again_over_another_connection_has_the_same_answer(chat: Context) -> None:
    chat.connections.add(Connection("c2", ADA, 0), ["general"])
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    assert done(chat, **frame) == done(chat, Sender("c2", ADA, "general"), **frame)


def test_nobody_else_can_send_it_again(company: Context) -> None:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
    done(company, **frame)
    assert isinstance(refused(company, EVES, **frame), InvalidRef)
    assert done(company, **frame)["seq"] == 1


def test_on_message_needs_neither_room_nor_ref(chat: Context) -> None:
    first, second = (done(chat, action="onMessage", message="Hi") for _ in range(2))
    assert (first["room"], first["seq"], second["seq"]) == ("general", 1, 2)
    assert first["id"] != second["id"]


def test_on_message_takes_room_and_ref(chat: Context) -> None:
    reply = done(chat, action="onMessage", message="Hi", room="news", ref="r1")
    assert (reply["room"], reply["id"]) == ("news", "r1")


def test_send_needs_both(chat: Context) -> None:
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
    chat: Context, stream: Stream, dynamodb: Any, action: str, fields: dict[str, Any], code: str
) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "message": "Hi"} | fields
    assert refused(chat, **frame).code == code
    assert stream.batch() == {}
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == []


def test_a_refused_message_is_not_counted(chat: Context) -> None:
    refused(chat, action="send", ref="r1", room="general", message="")
    refused(chat, action="send", ref="r1", room="elsewhere", message="Hi")
    done(chat, action="send", ref="r1", room="general", message="Hi")
    closed = chat.connections.remove("c1")
    assert closed is not None
    assert closed.sent == 1


def test_who_is_not_connected_or_not_a_member_sends_nothing(chat: Context, stream: Stream) -> None:
    assert isinstance(refused(chat, action="send", ref="r1", room="elsewhere", message="Hi"), NotAMember)
    chat.connections.remove("c1")
    assert isinstance(refused(chat, action="send", ref="r1", room="general", message="Hi"), NotConnected)
    assert stream.batch() == {}


def test_ping_is_answered(chat: Context) -> None:
    assert done(chat, action="ping") == {"type": "reply", "ref": None, "status": "ok", "pong": True}
    assert done(chat, action="ping", ref="r1")["ref"] == "r1"
    assert isinstance(refused(chat, action="ping", ref=7), InvalidRef)


# Joining, leaving and reading


def said(chat: Context, number: int, room: str = "general", text: str = "Hi") -> None:
    for each in range(1, number + 1):
        done(chat, action="send", ref=f"{room}-{each}", room=room, message=text)


def seqs(reply: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in reply["messages"]]


def test_who_joins_is_told_how_far_the_room_has_come_and_may_speak(chat: Context) -> None:
    chat.connections.add(Connection("c2", ADA, 0), ["later"])
    assert done(chat, action="join", ref="j1", room="later") == {
        "type": "reply", "ref": "j1", "status": "ok", "room": "later", "seq": 0, "user": "u1", "name": "Ada",
    }  # fmt: skip
    said(chat, 3, "later")
    assert done(chat, Sender("c2", ADA, "later"), action="join", room="later")["seq"] == 3


def test_who_comes_back_gets_what_was_said_since(chat: Context) -> None:
    said(chat, 5)
    said(chat, 1)  # the first again: a void
    reply = done(chat, action="join", ref="j1", room="general", after=2)
    assert (reply["seq"], seqs(reply), reply["skipped"], reply["more"]) == (6, [3, 4, 5], [6], False)
    assert reply["messages"][0].keys() == {"seq", "id", "user", "name", "message", "at"}
    assert done(chat, action="join", room="general", after=6)["messages"] == []
    assert done(chat, action="join", room="general", after=99)["seq"] == 6


def test_the_head_is_read_after_the_membership_is_written(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    chat = chat_on(counting)
    chat.connections.add(Connection("c1", ADA, 0), [])
    done(chat, action="join", room="general", after=0)
    who_was_sent_out, membership, head = "batch_get_item", "transact_write_items", "batch_get_item"
    assert counting.calls[1:] == [
        who_was_sent_out, "get_item", membership, who_was_sent_out, "update_item", head, "query",
    ]  # fmt: skip
    counting.calls.clear()
    done(chat, action="join", room="general", after=0)  # again: nothing is written, and nobody is told
    assert counting.calls == [who_was_sent_out, "get_item", head, "query"]


def test_who_leaves_may_neither_speak_nor_read(chat: Context) -> None:
    said(chat, 1, "news")
    assert done(chat, action="leave", ref="l1", room="news") == {
        "type": "reply", "ref": "l1", "status": "ok", "room": "news",
    }  # fmt: skip
    assert isinstance(refused(chat, action="send", ref="r9", room="news", message="Hi"), NotAMember)
    assert isinstance(refused(chat, action="history", room="news", after=0), NotAMember)
    assert done(chat, action="leave", room="news")["status"] == "ok"
    assert done(chat, action="leave", room="never-joined")["status"] == "ok"


def test_history_is_read_in_pages_forwards_and_backwards(chat: Context) -> None:
    said(chat, 7)
    reply = done(chat, action="history", ref="h1", room="general", after=0, limit=3)
    assert {**reply, "messages": seqs(reply)} == {
        "type": "reply", "ref": "h1", "status": "ok", "room": "general", "messages": [1, 2, 3], "more": True,
    }  # fmt: skip
    reply = done(chat, action="history", room="general", before=8, limit=3)
    assert (seqs(reply), reply["more"]) == ([5, 6, 7], True)
    reply = done(chat, action="history", room="general", before=3)
    assert (seqs(reply), reply["more"]) == ([1, 2], False)


def test_a_page_holds_a_hundred_places_or_as_many_as_fit(chat: Context) -> None:
    said(chat, 101)
    assert seqs(done(chat, action="history", room="general", after=0)) == list(range(1, 101))
    said(chat, 20, "news", "x" * 4_000)
    assert seqs(done(chat, action="history", room="news", after=0)) == list(range(1, 8))


def test_a_room_that_never_was_has_an_empty_history(chat: Context) -> None:
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
def test_room_and_ref_are_checked(chat: Context, action: str, fields: dict[str, Any], code: str) -> None:
    frame = {"action": action, "ref": "r1", "room": "general", "after": 0} | fields
    assert refused(chat, **{name: value for name, value in frame.items() if value is not ...}).code == code


@pytest.mark.parametrize("action", ["join", "history"])
@pytest.mark.parametrize("after", [-1, 10**12, 1.0, "1", True, None, [1]])
def test_a_seq_is_a_whole_number(chat: Context, action: str, after: object) -> None:
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
def test_history_takes_one_side_and_a_limit(chat: Context, fields: dict[str, Any]) -> None:
    assert isinstance(refused(chat, action="history", room="general", **fields), InvalidFrame)


def test_a_refused_join_joins_nothing(chat: Context) -> None:
    refused(chat, action="join", room="later", after=-1)
    assert chat.connections.rooms("c1") == {"general", "news"}


@pytest.mark.parametrize("action", ["join", "leave", "history"])
def test_who_is_not_connected_neither_joins_nor_leaves_nor_reads(chat: Context, action: str) -> None:
    chat.connections.remove("c1")
    assert isinstance(refused(chat, action=action, room="general", after=0), NotConnected)


def test_ping_tells_how_far_the_joined_rooms_have_come(chat: Context) -> None:
    said(chat, 2)
    reply = done(chat, action="ping", rooms=["general", "news", "elsewhere"])
    assert reply["seqs"] == {"general": 2, "news": 0}
    assert done(chat, action="ping", rooms=[])["seqs"] == {}
    chat.connections.remove("c1")
    assert isinstance(refused(chat, action="ping", rooms=["general"]), NotConnected)
    assert done(chat, action="ping")["pong"] is True  # the socket works


def test_a_ping_with_the_longest_names_is_answered_within_a_frame(chat: Context, dynamodb: Any) -> None:
    names = [f"{number:04}" + "💬" * 96 for number in range(MAX_PINGED)]
    chat.connections.add(Connection("c2", ADA, 0), names[:50])
    for name in names[50:]:
        chat_on(dynamodb, limits=replace(MANY, rooms=MAX_PINGED)).connections.join("c2", name)
    reply = dispatch(chat, Sender("c2", ADA, "general"), Request("ping", {"ref": "💬" * 128, "rooms": names}))
    assert len(json.loads(reply)["seqs"]) == MAX_PINGED
    assert len(reply.encode()) <= 32 * 1024


@pytest.mark.parametrize("rooms", ["general", {"a": 1}, None, 7, [f"r{number}" for number in range(65)]])
def test_ping_takes_a_list_of_up_to_64_rooms(chat: Context, rooms: object) -> None:
    assert isinstance(refused(chat, action="ping", rooms=rooms), InvalidFrame)
    assert refused(chat, action="ping", rooms=["two words"]).code == "invalid_room"


@pytest.mark.parametrize(
    "action", ["dance", "", "Send", "$disconnect", "$connect", "__init__", None, 7, ["send"], {"a": 1}]
)
def test_any_other_action_is_unknown(chat: Context, action: object) -> None:
    assert isinstance(refused(chat, action=action), UnknownAction)


def test_an_unknown_action_is_not_quoted(chat: Context) -> None:
    assert "secret" not in str(refused(chat, action="secret"))


# Which rooms

FRAMES: dict[str, dict[str, Any]] = {
    "onMessage": {"message": "Hi"},
    "send": {"ref": "r1", "message": "Hi"},
    "join": {},
    "history": {"after": 0},
    "presence": {},
    "typing": {},
    "delete": {"seq": 1},
    "ban": {"user": "u2", "seconds": 60},
    "mute": {"user": "u2", "seconds": 60},
    "slow_mode": {"seconds": 60},
    "lock": {},
}
WRITING = {"onMessage", "send", "typing"}


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
def test_a_grant_is_asked_for_at_every_action_even_of_a_member(
    chat: Context, dynamodb: Any, action: str, grants: str, may: set[str]
) -> None:
    done(chat, action="send", ref="r0", room="general", message="Hi")
    before = dynamodb.scan(TableName="MessagesTable")["Items"]
    sender = replace(SENDER, grants=Grants.parse(grants), moderator=True)
    frame = {"action": action, "room": "general"} | FRAMES[action]
    if action in may:
        assert done(chat, sender, **frame)["status"] == "ok"
        return
    assert isinstance(refused(chat, sender, **frame), Forbidden)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == before


def test_every_action_of_a_room_is_among_them() -> None:
    assert set(FRAMES) == set(ACTIONS) - {"leave", "ping"}


@pytest.mark.parametrize("action", FRAMES)
def test_a_private_room_is_nobodys_who_was_not_granted_it(chat: Context, action: str) -> None:
    frame = {"action": action, "room": "private-board"} | FRAMES[action]
    stranger = replace(SENDER, moderator=True)
    assert isinstance(refused(chat, stranger, **frame), Forbidden)
    chat.connections.add(Connection("c2", EVE, 0), ["private-board"])
    chat.log.append("private-board", replace(EVE_SAID, id="r0"))
    member = Sender("c2", EVE, "lobby", Grants.parse("private-board"), moderator=True)
    assert done(chat, member, **frame)["status"] == "ok"


def test_leaving_needs_no_grant(chat: Context) -> None:
    outcast = replace(SENDER, grants=Grants.parse(""))
    assert done(chat, outcast, action="leave", room="general")["status"] == "ok"
    assert chat.connections.rooms("c1") == {"news"}


@pytest.mark.parametrize("action", [*FRAMES, "leave", "ping"])
def test_whose_token_has_ended_may_do_nothing_any_more(chat: Context, dynamodb: Any, action: str) -> None:
    now = int(datetime.now(UTC).timestamp())
    chat.connections.add(Connection("c2", EVE, 0, expires_at=now), ["general"])
    before = dynamodb.scan(TableName="MessagesTable")["Items"]
    frame = {"action": action, "room": "general", "rooms": ["general"]} | FRAMES.get(action, {})
    ended = replace(EVES, moderator=True)
    assert isinstance(refused(chat, ended, **frame), Expired)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == before


@pytest.mark.parametrize("action", [action for action in FRAMES if action != "join"])
def test_who_is_no_member_may_do_nothing_in_a_room(chat: Context, dynamodb: Any, action: str) -> None:
    frame = {"action": action, "room": "elsewhere"} | FRAMES[action]
    assert isinstance(refused(chat, replace(SENDER, moderator=True), **frame), NotAMember)
    assert dynamodb.scan(TableName="MessagesTable")["Items"] == []


# Who is here

EVE_SAID = Message("e1", "u2", "Eve", "Hi", None, "2026-11-24T06:20:01.123Z")


def test_each_person_is_listed_once_however_many_tabs_they_have(company: Context) -> None:
    for tab in ("c1b", "c1c"):
        company.connections.add(Connection(tab, ADA, 0), ["general"])
    assert done(company, action="presence", ref="p1", room="general") == {
        "type": "reply", "ref": "p1", "status": "ok", "room": "general", "count": 3, "more": False,
        "members": [
            {"user": "u1", "name": "Ada"}, {"user": "u2", "name": "Eve"}, {"user": "u3", "name": "Grace"},
        ],
    }  # fmt: skip
    for tab in ("c1", "c1b"):
        company.connections.remove(tab)
    assert done(company, EVES, action="presence", room="general")["count"] == 3
    company.connections.remove("c1c")
    assert done(company, EVES, action="presence", room="general")["count"] == 2


def test_more_people_than_a_frame_holds_come_in_pages(chat: Context) -> None:
    users = [f"{number:03}" + "💬" * 125 for number in range(60)]
    for user in users:
        chat.connections.add(Connection(f"of {user[:3]}", Identity(user, "💬" * 64, "v1"), 0), ["news"])
    listed: list[str] = []
    pages = 0
    more, after = True, ""
    while more:
        text = dispatch(chat, SENDER, Request("presence", {"room": "news", "after": after}))
        assert len(text.encode()) <= 32 * 1024
        reply = json.loads(text)
        listed += [member["user"] for member in reply["members"]]
        more, after, pages = reply["more"], listed[-1], pages + 1
        assert reply["count"] == 61
    assert listed == [*users, "u1"]
    assert pages == 2


def test_of_a_crowd_only_its_size_is_told(chat: Context, dynamodb: Any) -> None:
    key = {":news": "ROOM#news"}
    (mine,) = dynamodb.query(
        TableName="ConnectionsTable", KeyConditionExpression="pk = :news", ExpressionAttributeValues=key
    )["Items"]
    for number in range(2 * MAX_LISTED_MEMBERS):
        place = f"{number * 0x10000 // (2 * MAX_LISTED_MEMBERS):04x}"
        dynamodb.put_item(TableName="ConnectionsTable", Item=mine | {"sk": f"{place}tab {number}"})
    reply = done(chat, action="presence", room="news")
    count = reply.pop("count")
    assert count == pytest.approx(2 * MAX_LISTED_MEMBERS, rel=0.02)
    assert reply == {
        "type": "reply", "ref": None, "status": "ok", "room": "news", "members": [], "more": False,
        "approximate": True,
    }  # fmt: skip


@pytest.mark.parametrize("after", [7, None, ["u1"]])
def test_people_are_listed_after_a_user(chat: Context, after: object) -> None:
    assert isinstance(refused(chat, action="presence", room="general", after=after), InvalidFrame)


def test_coming_and_going_are_told_once(company: Context, stream: Stream) -> None:
    ada = Person("u1", "Ada")
    for _ in range(2):
        done(company, action="join", room="later")
    assert stream.signals() == [("later", PresenceChanged(ada))]
    for _ in range(2):
        done(company, action="leave", room="later")
    assert stream.signals() == [("later", PresenceChanged(ada))]


def test_nobody_is_heard_of_in_a_room_by_leaving_it(chat: Context, stream: Stream) -> None:
    for room in ("private-board", "elsewhere"):
        assert done(chat, action="leave", room=room)["status"] == "ok"
    assert stream.signals() == []


# Who is typing


def test_who_is_typing_is_told_as_who_they_are(chat: Context, stream: Stream) -> None:
    reply = done(chat, action="typing", ref="t1", room="general", user="u2", name="Eve")
    assert reply == {"type": "reply", "ref": "t1", "status": "ok", "room": "general"}
    assert stream.signals() == [("general", Typing(Person("u1", "Ada")))]
    too_soon = refused(chat, action="typing", room="general")
    assert isinstance(too_soon, RateLimited)
    assert 0 < too_soon.retry_after <= 3
    assert stream.signals() == []


@pytest.mark.parametrize("act", [("mute", {"user": "u1", "seconds": 60}), ("lock", {})], ids=str)
def test_who_may_not_write_is_not_seen_typing(
    company: Context, stream: Stream, act: tuple[str, dict[str, Any]]
) -> None:
    done(company, MODERATOR, action=act[0], room="general", **act[1])
    stream.signals()
    assert isinstance(refused(company, action="typing", room="general"), Forbidden)
    assert stream.signals() == []


# How fast


@pytest.mark.parametrize("action", ["send", "onMessage", "typing", "presence", "join", "slow_mode"])
def test_what_is_too_fast_is_refused_with_the_time_to_wait(dynamodb: Any, action: str) -> None:
    chat = chat_on(dynamodb, limits=Limits(rate=Rate(0.1, 1)))
    chat.connections.add(Connection("c1", ADA, 0), ["general", "news"])
    done(chat, action="send", ref="r0", room="news", message="Hi")
    frame = {"action": action, "room": "elsewhere" if action == "join" else "general"} | FRAMES[action]
    too_fast = refused(chat, replace(SENDER, moderator=True), **frame)
    assert isinstance(too_fast, RateLimited)
    assert 9 < too_fast.retry_after <= 10.001


# Moderation


def notices(stream: Stream) -> list[dict[str, Any]]:
    return [json.loads(signal.frame) for _, signal in stream.signals() if isinstance(signal, Notice)]


@pytest.mark.parametrize("action", ["delete", "ban", "mute", "slow_mode", "lock"])
def test_only_a_moderator_moderates(company: Context, stream: Stream, action: str) -> None:
    done(company, EVES, action="send", ref="r0", room="general", message="Hi")
    frame = {"action": action, "room": "general"} | FRAMES[action]
    assert isinstance(refused(company, **frame, roles="moderator", moderator=True), Forbidden)
    assert notices(stream) == []
    assert done(company, MODERATOR, **frame)["status"] == "ok"
    assert len(notices(stream)) == 1


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("delete", {"seq": 0}),
        ("delete", {"seq": "1"}),
        ("delete", {"seq": ...}),
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
def test_an_act_that_cannot_be_understood_is_not_done(
    company: Context, stream: Stream, action: str, fields: dict[str, Any]
) -> None:
    frame = {"action": action, "room": "general"} | FRAMES[action] | fields
    frame = {name: value for name, value in frame.items() if value is not ...}
    assert isinstance(refused(company, MODERATOR, **frame), InvalidFrame)
    assert stream.records() == []


@pytest.mark.parametrize("action", ["delete", "ban", "mute", "slow_mode", "lock"])
def test_an_act_with_a_ref_that_is_none_is_not_done(company: Context, stream: Stream, action: str) -> None:
    done(company, action="send", ref="r0", room="general", message="Hi")
    stream.records()
    frame = {"action": action, "room": "general", "ref": 7} | FRAMES[action]
    assert isinstance(refused(company, MODERATOR, **frame), InvalidRef)
    assert stream.records() == []


def test_a_deleted_message_is_so_in_the_history_and_for_everybody(company: Context, stream: Stream) -> None:
    said(company, 2)
    reply = done(company, MODERATOR, action="delete", ref="d1", room="general", seq=2)
    assert reply == {"type": "reply", "ref": "d1", "status": "ok", "room": "general", "seq": 2}
    page = done(company, action="history", room="general", after=0)["messages"]
    assert [(each["seq"], each["message"], each.get("deleted")) for each in page] == [
        (1, "Hi", None),
        (2, "", True),
    ]
    assert notices(stream) == [{"type": "changed", "room": "general", "messages": [page[1]]}]
    assert isinstance(refused(company, MODERATOR, action="delete", room="general", seq=3), InvalidMessage)


def test_who_is_sent_out_can_neither_stay_nor_come_back(
    company: Context, sockets: FakeSockets, stream: Stream
) -> None:
    until = done(company, MODERATOR, action="ban", ref="k1", room="general", user="u2", seconds=60)["until"]
    (notice,) = notices(stream)
    assert notice == {
        "type": "moderated", "room": "general", "action": "ban", "moderator": "Grace", "user": "u2",
        "seconds": 60, "until": until,
    }  # fmt: skip
    assert [(each, json.loads(frame)) for each, frame in sockets.posted] == [("c2", notice)]
    for frame in (
        {"action": "send", "ref": "r1", "message": "Hi"},
        {"action": "history", "after": 0},
        {"action": "presence"},
    ):
        assert isinstance(refused(company, EVES, **frame, room="general"), NotAMember)
    assert isinstance(refused(company, EVES, action="join", room="general"), Forbidden)
    with pytest.raises(Forbidden):  # as $connect asks
        company.rules.require_not_banned("u2", ["general"])
    done(company, EVES, action="join", room="elsewhere")
    done(company, MODERATOR, action="ban", room="general", user="u2", seconds=0)
    assert done(company, EVES, action="join", room="general")["status"] == "ok"


class Meanwhile:
    """A DynamoDB client under whose caller something happens before or after its first transaction."""

    def __init__(self, client: Any, *, before: Callable[[], object] | None = None, after: Any = None) -> None:
        self._client = client
        self._before, self._after = before, after

    def transact_write_items(self, **arguments: Any) -> Any:
        before, self._before = self._before, None
        if before:
            before()
        answer = self._client.transact_write_items(**arguments)
        after, self._after = self._after, None
        if after:
            after()
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_is_sent_out_while_joining_is_out(
    company: Context, dynamodb: Any, stream: Stream, when: str
) -> None:
    done(company, EVES, action="leave", room="general")
    stream.records()

    def ban() -> None:
        done(company, MODERATOR, action="ban", room="general", user="u2", seconds=60)

    joining = chat_on(Meanwhile(dynamodb, **{when: ban}))
    assert isinstance(refused(joining, EVES, action="join", room="general"), Forbidden)
    assert company.connections.rooms("c2") == frozenset()
    people = done(company, action="presence", room="general")["members"]
    assert [each["user"] for each in people] == ["u1", "u3"]


def test_who_is_muted_may_listen(company: Context) -> None:
    reply = done(company, MODERATOR, action="mute", room="general", user="u2", seconds=60)
    assert reply.keys() == {"type", "ref", "status", "room", "user", "until"}
    send = {"action": "send", "room": "general", "message": "Hi"}
    assert isinstance(refused(company, EVES, **send, ref="r1"), Forbidden)
    assert done(company, EVES, action="join", room="general", after=0)["status"] == "ok"
    done(company, **send, ref="r2")
    done(company, MODERATOR, action="mute", room="general", user="u2", seconds=0)
    assert done(company, EVES, **send, ref="r1")["seq"] == 2


def test_in_slow_mode_each_waits_and_moderators_do_not(company: Context) -> None:
    assert done(company, MODERATOR, action="slow_mode", room="general", seconds=30)["seconds"] == 30
    for number, sender in enumerate((SENDER, EVES, MODERATOR, MODERATOR)):
        done(company, sender, action="send", room="general", ref=f"r{number}", message="Hi")
    for sender in (SENDER, EVES):
        too_soon = refused(company, sender, action="send", room="general", ref="r9", message="Hi")
        assert isinstance(too_soon, RateLimited)
        assert 20 < too_soon.retry_after <= 30


def test_a_closed_room_is_a_moderators(company: Context) -> None:
    assert done(company, MODERATOR, action="lock", room="general")["locked"] is True
    send = {"action": "send", "room": "general", "message": "Hi"}
    assert isinstance(refused(company, **send, ref="r1"), Forbidden)
    assert done(company, MODERATOR, **send, ref="r2")["seq"] == 1
    assert seqs(done(company, action="history", room="general", after=0)) == [1]
    assert done(company, MODERATOR, action="lock", room="general", locked=False)["locked"] is False
    done(company, **send, ref="r1")


@pytest.mark.parametrize("who", ["ban", "mute"])
def test_a_ruling_on_somebody_unknown_holds_when_they_come(company: Context, who: str) -> None:
    done(company, MODERATOR, action=who, room="general", user="never seen", seconds=60)
    stranger = Sender("c9", Identity("never seen", "Bob", "v1"), "general")
    company.connections.add(Connection("c9", stranger.identity, 0), [])
    if who == "ban":
        assert isinstance(refused(company, stranger, action="join", room="general"), Forbidden)
    else:
        done(company, stranger, action="join", room="general")
        assert isinstance(
            refused(company, stranger, action="send", room="general", ref="r1", message="Hi"), Forbidden
        )
