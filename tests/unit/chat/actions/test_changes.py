"""The actions edit, delete, react and reactions."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.protocol.errors import (
    ChatError,
    Forbidden,
    InvalidFrame,
    InvalidMessage,
    InvalidRef,
    NotAMember,
    RateLimited,
)
from chat.storage.log.fold import MAX_REACTIONS
from chat.storage.log.log import Log
from chat.storage.rate_limits import Rate
from tests.support.fakes.stream import Stream
from tests.unit.chat.actions.conftest import (
    EVES,
    FRAMES,
    MODERATOR,
    SENDER,
    change,
    error_of,
    fold,
    history,
    reply_to,
)

CHANGES = ["edit", "delete", "react"]


def error(chat: Context, action: str, sender: Sender = SENDER, **fields: Any) -> ChatError:
    frame = {"action": action, "room": "general"} | FRAMES[action] | fields
    return error_of(chat, sender, **{name: value for name, value in frame.items() if value is not ...})


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_gets_a_number_of_its_own(said: Context, action: str) -> None:
    reply = change(said, action)
    at = reply.pop("at")
    assert reply == {
        "type": "reply", "ref": "c1", "status": "ok", "room": "general", "seq": 3, "of": 1, "id": "c1",
    }  # fmt: skip
    assert change(said, action) == reply | {"at": at}  # sent again


def test_the_history_has_messages_as_they_are_now_and_the_changes(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    edited = change(said, "edit", message="the", data={"b": 2})
    change(said, "react", EVES, ref="c2", seq=1)
    deleted = change(said, "delete", EVES, ref="c3", seq=2)
    fold(dynamodb, stream)
    page = history(said)
    first, second = page["messages"]
    assert (first["message"], first["data"], first["revision"]) == ("the", {"b": 2}, 4)
    assert first["edited_at"] == edited["at"]
    assert first["reactions"] == [{"reaction": "👍", "count": 1, "people": [{"user": "u2", "name": "Eve"}]}]
    assert (second["message"], second["deleted"], second["revision"]) == ("", True, 5)
    ada, eve = {"user": "u1", "name": "Ada"}, {"user": "u2", "name": "Eve"}
    at = [page["changes"][number]["at"] for number in range(3)]
    assert page["changes"] == [  # the message stands with the last of its changes
        {"seq": 3, "of": 1, "kind": "edit", **ada, "at": at[0]},
        {
            "seq": 4,
            "of": 1,
            "kind": "react",
            **eve,
            "at": at[1],
            "reaction": "👍",
            "on": True,
            "message": first,
        },
        {"seq": 5, "of": 2, "kind": "delete", **eve, "at": at[2], "message": second},
    ]
    assert (page["skipped"], at[2]) == ([3, 4, 5], deleted["at"])


def test_a_page_of_changes_alone_has_their_messages(said: Context, dynamodb: Any, stream: Stream) -> None:
    change(said, "edit", message="the")
    fold(dynamodb, stream)
    page = history(said, after=2)
    assert (page["messages"], page["skipped"]) == ([], [3])
    assert page["changes"][0]["message"] == history(said)["messages"][0]


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("seq", [3, 99, 10**12 - 1])
def test_what_is_no_message_cannot_be_changed(said: Context, stream: Stream, action: str, seq: int) -> None:
    stream.records()
    assert isinstance(error(said, action, seq=seq), InvalidMessage)
    assert stream.records() == []


@pytest.mark.parametrize("action", CHANGES)
def test_a_deleted_message_takes_no_changes_but_those_it_had(
    said: Context, dynamodb: Any, stream: Stream, action: str
) -> None:
    before = change(said, action)
    change(said, "delete", ref="d1")
    fold(dynamodb, stream)
    assert change(said, action) == before  # its reply was lost, and it is sent again
    assert isinstance(error(said, action, ref="c2"), InvalidMessage)


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"ref": ...}, InvalidRef),
        ({"ref": 7}, InvalidRef),
        ({"seq": ...}, InvalidFrame),
        ({"seq": 0}, InvalidFrame),
        ({"seq": "1"}, InvalidFrame),
        ({"room": "elsewhere"}, NotAMember),
    ],
    ids=str,
)
def test_an_invalid_change_is_not_made(
    said: Context, stream: Stream, action: str, fields: dict[str, Any], kind: type[ChatError]
) -> None:
    stream.records()
    assert isinstance(error(said, action, **fields), kind)
    assert stream.records() == []


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("edit", {"message": ""}),
        ("edit", {"message": ...}),
        ("edit", {"message": "x" * 4_001}),
        ("edit", {"data": "x" * 4_100}),
        ("react", {"reaction": ""}),
        ("react", {"reaction": ...}),
        ("react", {"reaction": " "}),
        ("react", {"reaction": "x" * 33}),
        ("react", {"reaction": "a\nb"}),
        ("react", {"reaction": "\u3164"}),
        ("react", {"on": "yes"}),
    ],
    ids=repr,
)
def test_a_change_keeps_the_limits(
    said: Context, stream: Stream, action: str, fields: dict[str, Any]
) -> None:
    stream.records()
    error(said, action, **fields)
    assert stream.records() == []


def test_nobody_edits_or_deletes_what_others_wrote(said: Context) -> None:
    for action in ("edit", "delete"):
        assert isinstance(error(said, action, EVES), Forbidden)
    assert isinstance(error(said, "edit", MODERATOR), Forbidden)  # words in somebody's mouth


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize("before", ["send", *CHANGES])
def test_a_room_that_has_had_enough_takes_no_change_for_now(
    said: Context, dynamodb: Any, before: str, action: str
) -> None:
    busy = replace(said, log=Log(dynamodb, "MessagesTable", 90, said.rules, rate=Rate(0.01, 1)))
    if before == "send":
        reply_to(busy, action="send", ref="r3", room="general", message="Hi")
    else:
        change(busy, before)
    assert isinstance(error(busy, action, EVES, ref="c2", seq=2), RateLimited)


def test_a_moderator_deletes_what_others_wrote_and_the_log_says_so(
    said: Context, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert change(said, "delete", MODERATOR)["of"] == 1
    change(said, "delete", EVES, ref="c2", seq=2)  # one's own is no act of moderation
    (record,) = [record for record in caplog.records if record.message == "moderated"]
    names = ("action", "moderator", "room", "seq", "user")
    assert [getattr(record, name) for name in names] == ["delete", "u3", "general", 1, "u1"]


def test_a_deletion_that_is_not_made_is_not_logged(
    said: Context, dynamodb: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    busy = replace(said, log=Log(dynamodb, "MessagesTable", 90, said.rules, rate=Rate(0.01, 1)))
    change(busy, "react")
    assert isinstance(error(busy, "delete", MODERATOR, ref="c2"), RateLimited)
    assert "moderated" not in [record.message for record in caplog.records]


@pytest.mark.parametrize(
    "rule", [{"action": "mute", "user": "u1", "seconds": 60}, {"action": "lock"}], ids=str
)
def test_who_may_not_write_changes_nothing_but_may_take_back_what_they_wrote(
    said: Context, rule: dict[str, Any]
) -> None:
    reply_to(said, MODERATOR, room="general", **rule)
    for action in ("edit", "react"):
        assert isinstance(error(said, action), Forbidden)
    assert change(said, "delete")["status"] == "ok"


def test_slow_mode_is_for_messages(said: Context) -> None:
    reply_to(said, MODERATOR, action="slow_mode", room="general", seconds=60)
    reply_to(said, action="send", ref="r3", room="general", message="Hi")
    assert error_of(said, action="send", ref="r4", room="general", message="Hi").code == "rate_limited"
    for number, action in enumerate(("react", "edit", "delete")):
        assert change(said, action, ref=f"c{number}")["status"] == "ok"


def test_a_fifty_first_reaction_is_an_error_and_a_known_one_is_not(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    for number in range(MAX_REACTIONS):
        change(said, "react", ref=f"c{number}", reaction=f"r{number}")
    fold(dynamodb, stream)
    assert isinstance(error(said, "react", EVES, ref="d1", reaction="one more"), InvalidMessage)
    assert change(said, "react", EVES, ref="d2", reaction="r7")["status"] == "ok"
    assert change(said, "react", ref="d3", reaction="r7", on=False)["status"] == "ok"


def test_a_reaction_is_normalized(said: Context, dynamodb: Any, stream: Stream) -> None:
    change(said, "react", reaction="cafe\u0301")
    change(said, "react", EVES, ref="c2", reaction="caf\u00e9")
    fold(dynamodb, stream)
    assert [each["count"] for each in history(said)["messages"][0]["reactions"]] == [2]


def test_reactions_are_read_in_pages(said: Context, dynamodb: Any, stream: Stream) -> None:
    change(said, "react")
    change(said, "react", EVES, ref="c2")
    change(said, "react", EVES, ref="c3", reaction="!")
    fold(dynamodb, stream)
    page = reply_to(said, action="reactions", room="general", seq=1)
    assert page == {
        "type": "reply", "ref": None, "status": "ok", "room": "general", "seq": 1, "more": False,
        "reactions": [
            {"reaction": "!", "user": "u2", "name": "Eve"},
            {"reaction": "👍", "user": "u1", "name": "Ada"},
            {"reaction": "👍", "user": "u2", "name": "Eve"},
        ],
    }  # fmt: skip
    after = {"reaction": "👍", "user": "u1"}
    rest = reply_to(said, action="reactions", room="general", seq=1, after=after)
    assert rest["reactions"] == page["reactions"][2:]


def test_nobody_learns_who_had_reacted_to_a_message_that_is_deleted(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    change(said, "react")
    change(said, "delete", ref="c2")
    fold(dynamodb, stream)
    page = reply_to(said, action="reactions", room="general", seq=1)
    assert (page["reactions"], page["more"]) == ([], False)


@pytest.mark.parametrize("after", [7, "👍", {}, {"reaction": "👍"}, {"reaction": 1, "user": "u1"}], ids=repr)
def test_an_invalid_place_to_go_on_is_an_error(said: Context, after: object) -> None:
    assert isinstance(error(said, "reactions", after=after), InvalidFrame)


def test_a_reaction_to_a_message_that_is_deleted_meanwhile_shows_nothing(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    change(said, "delete")
    assert change(said, "react", EVES, ref="c2")["status"] == "ok"  # not folded yet, so not seen
    fold(dynamodb, stream)
    page = history(said)
    assert [each["kind"] for each in page["changes"]] == ["delete", "react"]
    assert "reactions" not in page["messages"][0]


def test_two_refs_are_two_changes_and_one_ref_is_one(said: Context) -> None:
    change(said, "edit")
    assert isinstance(error(said, "edit", message="another"), InvalidRef)
    assert isinstance(error(said, "react"), InvalidRef)
    assert isinstance(error(said, "edit", ref="r1"), InvalidRef)  # a message's
    assert change(said, "edit", ref="c2")["seq"] == 7


def test_an_author_is_a_user_and_not_a_connection(said: Context) -> None:
    assert change(said, "edit", replace(SENDER, room="elsewhere"))["of"] == 1
