"""The actions join, leave and presence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.identity.grants import Grants
from chat.identity.identity import Identity, Person
from chat.protocol.errors import (
    Forbidden,
    InvalidFrame,
    NotAMember,
)
from chat.protocol.frames import Request
from chat.storage.connections import Connection
from chat.storage.members import MAX_LISTED_MEMBERS
from chat.storage.signals import PresenceChanged
from message.call import Call
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.support.project import ROOT
from tests.unit.chat.actions.conftest import (
    ADA,
    EVES,
    MODERATOR,
    SENDER,
    chat_on,
    error_of,
    reply_to,
    send_messages,
    seqs,
)


def test_join_returns_the_newest_seq_and_lets_the_member_send(chat: Context) -> None:
    chat.connections.add(Connection("c2", ADA, 0), ["later"])
    assert reply_to(chat, action="join", ref="j1", room="later") == {
        "type": "reply", "ref": "j1", "status": "ok", "room": "later", "seq": 0, "user": "u1", "name": "Ada",
        "rules": {"locked": False, "slow_mode": 0, "read_only": False, "moderator": False},
    }  # fmt: skip
    send_messages(chat, 3, "later")
    assert reply_to(chat, Sender("c2", ADA, "later"), action="join", room="later")["seq"] == 3


def test_join_says_how_long_the_token_lasts_with_a_page_and_without(chat: Context) -> None:
    sender = replace(SENDER, expires_in=3540)
    for after in ({}, {"after": 0}):
        assert reply_to(chat, sender, action="join", room="general", **after)["expires_in"] == 3540
    assert "expires_in" not in reply_to(chat, action="join", room="general")


@pytest.mark.parametrize(("end", "expires_in"), [("", None), ("1795500061", 60), ("1795499999", 0)])
def test_a_token_lasts_from_when_api_gateway_took_the_frame(end: str, expires_in: int | None) -> None:
    event = json.loads((ROOT / "events" / "join.json").read_text())
    event["requestContext"]["authorizer"]["expires_at"] = end
    assert Call.from_event(event).sender.expires_in == expires_in


def test_join_with_after_returns_the_entries_since(chat: Context) -> None:
    send_messages(chat, 5)
    send_messages(chat, 1)  # the first again: its second seq is skipped
    reply = reply_to(chat, action="join", ref="j1", room="general", after=2)
    assert (reply["seq"], seqs(reply), reply["skipped"], reply["more"]) == (6, [3, 4, 5], [6], False)
    assert reply["messages"][0].keys() == {"seq", "id", "user", "name", "message", "at"}
    assert reply_to(chat, action="join", room="general", after=6)["messages"] == []
    assert reply_to(chat, action="join", room="general", after=99)["seq"] == 6


def test_join_says_which_log_it_is_and_gives_no_page_for_a_number_of_another(chat: Context) -> None:
    assert "epoch" not in reply_to(chat, action="join", room="general", after=0)
    send_messages(chat, 5)
    epoch = chat.log.head("general").epoch
    assert reply_to(chat, action="join", room="general")["epoch"] == epoch
    reply = reply_to(chat, action="join", room="general", after=3, epoch=epoch)
    assert (seqs(reply), reply["epoch"]) == ([4, 5], epoch)
    reply = reply_to(chat, action="join", room="general", after=3, epoch="another")
    assert (reply["seq"], reply["epoch"], "messages" in reply) == (5, epoch, False)


def test_join_says_what_holds_for_the_person_in_the_room(three: Context) -> None:
    frame = {"action": "join", "room": "general"}
    open_ = {"locked": False, "slow_mode": 0, "read_only": False, "moderator": False}
    reply_to(three, MODERATOR, action="mute", room="general", user="u2", seconds=600)
    rules = reply_to(three, EVES, **frame)["rules"]
    muted = rules.pop("muted")
    assert rules == open_
    assert muted.keys() == {"until", "expires_in"}
    assert 598 <= muted["expires_in"] <= 600
    assert datetime.fromisoformat(muted["until"]) > datetime.now(UTC)
    assert reply_to(three, **frame)["rules"] == open_
    reply_to(three, MODERATOR, action="lock", room="general")
    reply_to(three, MODERATOR, action="slow_mode", room="general", seconds=30)
    reply_to(three, MODERATOR, action="mute", room="general", user="u2", seconds=0)
    assert reply_to(three, EVES, **frame)["rules"] == open_ | {"locked": True, "slow_mode": 30}
    rules = reply_to(three, MODERATOR, **frame)["rules"]
    assert rules == open_ | {"locked": True, "slow_mode": 30, "moderator": True}
    reader = replace(EVES, grants=Grants.parse("general:read"))
    assert reply_to(three, reader, **frame)["rules"]["read_only"] is True


def test_the_head_is_read_after_the_membership_is_written(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    chat = chat_on(counting)
    chat.connections.add(Connection("c1", ADA, 0), [])
    reply_to(chat, action="join", room="general", after=0)
    rules, membership, head = "get_item", "transact_write_items", "batch_get_item"
    assert counting.calls[1:] == [
        rules, "get_item", membership, rules, "update_item", head, "query",
    ]  # fmt: skip
    counting.calls.clear()
    reply_to(chat, action="join", room="general", after=0)  # again: nothing is written or signaled
    assert counting.calls == [rules, "get_item", head, "query"]


def test_after_leave_a_connection_can_neither_send_nor_read(chat: Context) -> None:
    send_messages(chat, 1, "news")
    assert reply_to(chat, action="leave", ref="l1", room="news") == {
        "type": "reply", "ref": "l1", "status": "ok", "room": "news",
    }  # fmt: skip
    assert isinstance(error_of(chat, action="send", ref="r9", room="news", message="Hi"), NotAMember)
    assert isinstance(error_of(chat, action="history", room="news", after=0), NotAMember)
    assert reply_to(chat, action="leave", room="news")["status"] == "ok"
    assert reply_to(chat, action="leave", room="never-joined")["status"] == "ok"


def test_a_join_with_an_error_joins_nothing(chat: Context) -> None:
    error_of(chat, action="join", room="later", after=-1)
    assert chat.connections.rooms("c1") == {"general", "news"}


def test_leaving_needs_no_grant(chat: Context) -> None:
    ungranted = replace(SENDER, grants=Grants.parse(""))
    assert reply_to(chat, ungranted, action="leave", room="general")["status"] == "ok"
    assert chat.connections.rooms("c1") == {"news"}


def test_a_join_and_a_leave_are_signaled_once(three: Context, stream: Stream) -> None:
    ada = Person("u1", "Ada")
    for _ in range(2):
        reply_to(three, action="join", room="later")
    assert stream.signals() == [("later", PresenceChanged(ada))]
    for _ in range(2):
        reply_to(three, action="leave", room="later")
    assert stream.signals() == [("later", PresenceChanged(ada))]


def test_leaving_a_room_without_being_a_member_signals_nothing(chat: Context, stream: Stream) -> None:
    for room in ("private-board", "elsewhere"):
        assert reply_to(chat, action="leave", room=room)["status"] == "ok"
    assert stream.signals() == []


class Meanwhile:
    """A DynamoDB client that calls a function before or after its first transaction."""

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
def test_a_user_banned_while_joining_is_not_a_member(
    three: Context, dynamodb: Any, stream: Stream, when: str
) -> None:
    reply_to(three, EVES, action="leave", room="general")
    stream.records()

    def ban() -> None:
        reply_to(three, MODERATOR, action="ban", room="general", user="u2", seconds=60)

    joining = chat_on(Meanwhile(dynamodb, **{when: ban}))
    assert isinstance(error_of(joining, EVES, action="join", room="general"), Forbidden)
    assert three.connections.rooms("c2") == frozenset()
    people = reply_to(three, action="presence", room="general")["members"]
    assert [each["user"] for each in people] == ["u1", "u3"]


def test_each_person_is_listed_once_whatever_number_of_tabs(three: Context) -> None:
    for tab in ("c1b", "c1c"):
        three.connections.add(Connection(tab, ADA, 0), ["general"])
    assert reply_to(three, action="presence", ref="p1", room="general") == {
        "type": "reply", "ref": "p1", "status": "ok", "room": "general", "count": 3, "more": False,
        "members": [
            {"user": "u1", "name": "Ada"}, {"user": "u2", "name": "Eve"}, {"user": "u3", "name": "Grace"},
        ],
    }  # fmt: skip
    for tab in ("c1", "c1b"):
        three.connections.remove(tab)
    assert reply_to(three, EVES, action="presence", room="general")["count"] == 3
    three.connections.remove("c1c")
    assert reply_to(three, EVES, action="presence", room="general")["count"] == 2


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


def test_above_the_presence_limit_only_an_estimate_is_returned(chat: Context, dynamodb: Any) -> None:
    key = {":news": "ROOM#news"}
    (mine,) = dynamodb.query(
        TableName="ConnectionsTable", KeyConditionExpression="pk = :news", ExpressionAttributeValues=key
    )["Items"]
    for number in range(2 * MAX_LISTED_MEMBERS):
        place = f"{number * 0x10000 // (2 * MAX_LISTED_MEMBERS):04x}"
        dynamodb.put_item(TableName="ConnectionsTable", Item=mine | {"sk": f"{place}tab {number}"})
    reply = reply_to(chat, action="presence", room="news")
    count = reply.pop("count")
    assert count == pytest.approx(2 * MAX_LISTED_MEMBERS, rel=0.02)
    assert reply == {
        "type": "reply", "ref": None, "status": "ok", "room": "news", "members": [], "more": False,
        "approximate": True,
    }  # fmt: skip


@pytest.mark.parametrize("after", [7, None, ["u1"]])
def test_the_user_to_list_after_is_text(chat: Context, after: object) -> None:
    assert isinstance(error_of(chat, action="presence", room="general", after=after), InvalidFrame)
