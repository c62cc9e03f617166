"""Frames that the AsyncAPI document does not describe are found; else all who look would find nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chat.protocol.errors import InvalidRef
from chat.protocol.messages import message_ref
from tests.support.asyncapi import (
    ASKED,
    REPLIES,
    UNASKED,
    WrongFrame,
    check_received,
    check_received_plain,
    check_sent,
    examples,
)

OPTIONAL = {
    "expires_in",  # without a token
    "changes",
    "edited_at",
    "reactions",
    "skipped",
    "first_seq",
    "data",
    "heads",
    "epoch",
    "muted",
    "approximate",
    "newest",
    "mention",
}  # where they are missing, the frame is right


def spoilt(frame: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The frame with one thing wrong, in each way."""
    yield "an unknown field", frame | {"unknown": 1}
    for name, value in frame.items():
        if name not in OPTIONAL:
            yield f"no {name}", {each: frame[each] for each in frame if each != name}
        if name != "data":  # which is anything
            yield f"{name} of another type", frame | {name: {"an": "object"}}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for fault, entry in spoilt(value[0]):
                yield f"{name} with {fault}", frame | {name: [entry, *value[1:]]}
        if name == "message" and isinstance(value, dict):  # of a change
            for fault, entry in spoilt(value):
                yield f"{name} with {fault}", frame | {name: entry}


WRONG = [
    pytest.param(asked, wrong, id=f"{name} {number} with {fault}")
    for asked, name in [(asked, name) for asked, names in REPLIES.items() for name in names]
    + [(None, name) for name in UNASKED if name != "text"]
    for number, example in enumerate(examples(name))
    for fault, wrong in spoilt(example)
]


@pytest.mark.parametrize(("asked", "frame"), WRONG)
def test_a_frame_with_one_thing_wrong_is_found(asked: str | None, frame: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        check_received(json.dumps(frame), asked)


AT = "2026-11-24T06:20:01.123Z"
GONE = {"message": "", "deleted": True}


def entry(seq: int, **fields: Any) -> dict[str, Any]:
    said = {"id": "r", "user": "u", "name": "Ada", "message": "Hi", "at": AT}
    return {"seq": seq, **said, **fields}


def page(*places: dict[str, Any] | int, **fields: Any) -> str:
    """The reply to a history; a number is a skipped one."""
    frame = {
        "type": "reply", "ref": "h1", "status": "ok", "room": "general",
        "messages": [place for place in places if isinstance(place, dict)], "more": False,
    }  # fmt: skip
    skipped = [place for place in places if isinstance(place, int)]
    return json.dumps(frame | ({"skipped": skipped} if skipped else {}) | fields)


def broadcast(*entries: dict[str, Any], **fields: Any) -> str:
    frame = {"type": "messages", "room": "general", "epoch": "7f3a91c2", "messages": entries}
    return json.dumps(frame | fields)


def change(seq: int, of: int, kind: str = "edit", **fields: Any) -> dict[str, Any]:
    return {"seq": seq, "of": of, "kind": kind, "user": "u", "name": "Ada", "at": AT, **fields}


def changes(*listed: dict[str, Any], **fields: Any) -> str:
    """A broadcast of changes."""
    skipped = [each["seq"] for each in listed]
    return broadcast(changes=listed, **{"skipped": skipped} | fields)


def reactions(*people: dict[str, Any], count: int = 1, reaction: str = "+1") -> list[dict[str, Any]]:
    return [{"reaction": reaction, "count": count, "people": people}]


def came_and_went(joined: list[str], left: list[str], *, count: int = 9) -> str:
    people = {"joined": persons(*joined), "left": persons(*left)}
    return json.dumps({"type": "presence", "room": "general", **people, "count": count})


def persons(*users: str) -> list[dict[str, str]]:
    return [{"user": user, "name": "Ada"} for user in users]


def who_is_here(*users: str, **fields: Any) -> str:
    """The reply to a presence."""
    frame = {"type": "reply", "ref": "w1", "status": "ok", "room": "general", "more": False}
    return json.dumps(frame | {"members": persons(*users), "count": len(users)} | fields)


def moderated(**fields: Any) -> str:
    return json.dumps({"type": "moderated", "room": "general", "moderator": "Ada", **fields})


def test_a_page_and_a_broadcast_are_right() -> None:
    check_received(page(entry(3), 4, entry(5)), "history")
    check_received(page(entry(3), 4, first_seq=3), "history")
    check_received(broadcast(entry(3), entry(7)))  # what is between comes later
    check_received(broadcast(entry(3), entry(4, **GONE, revision=5)))


def test_changes_are_right() -> None:
    check_received(
        changes(
            change(7, 3),
            change(8, 4, message=entry(4, revision=8)),
            change(9, 3, "delete", message=entry(3, **GONE, edited_at=AT, revision=9)),
        )
    )
    liked = entry(3, revision=7, reactions=reactions({"user": "u", "name": "Ada"}, count=12))
    check_received(changes(change(6, 3, "react", reaction="+1", on=True, message=liked)))  # 7 came meanwhile
    unliked = change(7, 3, "react", reaction="+1", on=False, message=entry(3, revision=7))
    check_received(page(entry(5), 6, 7, changes=[unliked]), "history")


def test_who_is_in_a_room_is_right() -> None:
    check_received(came_and_went(["u1"], ["u2"]))
    check_received(came_and_went([], ["u2"], count=0))
    check_received(who_is_here("u1", "u2", count=7, more=True), "presence")
    check_received(who_is_here(count=1204, approximate=True), "presence")


WRONG_TEXTS = {
    "not JSON": "Hi from websocket!",
    "nothing": "",
    "no object": "[1, 2]",
    "NaN": broadcast(entry(1, data=float("nan"))),
    "more than 32 KB": broadcast(*(entry(seq, message="x" * 4_000) for seq in range(1, 10))),
    "a type that nobody described": '{"type": "dance", "room": "general"}',
    "a code that nobody described": json.dumps(examples("error")[0] | {"code": "tired"}),
    "a seq of 0": broadcast(entry(0)),
    "half a seq": broadcast(entry(1.5)),
    "a time without its zone": broadcast(entry(1, at="2026-11-24T06:20:01.123")),
    "an empty text": broadcast(entry(1, message="")),
    "a deleted message with its text": broadcast(entry(1, deleted=True, revision=2)),
    "a deleted message with its data": broadcast(entry(1, **GONE, data=1, revision=2)),
    "a deleted message with reactions": broadcast(entry(1, **GONE, reactions=reactions(), revision=2)),
    "a deleted message without a revision": broadcast(entry(1, **GONE)),
    "an edited message without a revision": broadcast(entry(1, edited_at=AT)),
    "a message that is not deleted": broadcast(entry(1, deleted=False, revision=2)),
    "a message without reactions that lists them": broadcast(entry(1, reactions=[], revision=2)),
    "a reaction of nobody": broadcast(entry(1, reactions=reactions(count=0), revision=2)),
    "a reaction of eleven named people": broadcast(
        entry(1, reactions=reactions(*persons(*"abcdefghijk"), count=11), revision=2)
    ),
    "an empty reaction": broadcast(entry(1, reactions=reactions(reaction=""), revision=2)),
    "a reaction too long": broadcast(entry(1, reactions=reactions(reaction="x" * 33), revision=2)),
    "a frame of earlier versions": json.dumps({"type": "changed", "room": "general", "messages": [entry(1)]}),
    "changes of nothing": broadcast(entry(1), changes=[]),
    "a change without its message": changes(change(7, 3)),
    "a change with its message twice": changes(
        change(7, 3, message=entry(3, revision=8)), change(8, 3, message=entry(3, revision=8))
    ),
    "a change with another message": changes(change(7, 3, message=entry(4, revision=7))),
    "a change with its message as it was before": changes(change(7, 3, message=entry(3, revision=6))),
    "a change before its message": changes(change(3, 3, message=entry(3, revision=3))),
    "a change that is not skipped": changes(change(7, 3, message=entry(3, revision=7)), skipped=[6]),
    "changes without skipped numbers": broadcast(
        entry(8), changes=[change(7, 3, message=entry(3, revision=7))]
    ),
    "changes that descend": changes(
        change(8, 3, message=entry(3, revision=8)), change(7, 4, message=entry(4, revision=7)), skipped=[7, 8]
    ),
    "a change that nobody described": changes(change(7, 3, "pin", message=entry(3, revision=7))),
    "a reaction without its text": changes(change(7, 3, "react", on=True, message=entry(3, revision=7))),
    "an edit that is taken back": changes(change(7, 3, on=False, message=entry(3, revision=7))),
    "a control character": broadcast(entry(1, message="\x1b[2J")),
    "a name too long": broadcast(entry(1, name="x" * 65)),
    "neither messages nor skipped": broadcast(),
    "an empty list of skipped": broadcast(entry(1), skipped=[]),
    "a skipped number that is not a seq": broadcast(entry(2), skipped=["1"]),
    "descending seqs": broadcast(entry(2), entry(1)),
    "a seq twice": broadcast(entry(1), entry(1)),
    "a message that is skipped too": broadcast(entry(1), skipped=[1]),
    "a page with a gap": page(entry(1), entry(3)),
    "a page with a gap behind a skipped number": page(1, entry(3)),
    "a page that first_seq elsewhere": page(entry(4), first_seq=3),
    "a time to wait of nothing": json.dumps(examples("error")[1] | {"retry_after": 0}),
    "nobody who comes or goes": came_and_went([], []),
    "somebody who comes twice": came_and_went(["u1", "u1"], []),
    "somebody who comes and goes": came_and_went(["u1"], ["u1"]),
    "fewer than have come": came_and_went(["u1", "u2"], [], count=1),
    "an act that nobody described": moderated(action="praise"),
    "a ban of nobody": moderated(action="ban", until="2026-11-24T06:31:20Z"),
    "a ban without an end": moderated(action="ban", user="u1"),
    "an end with milliseconds": moderated(action="ban", user="u1", until="2026-11-24T06:31:20.123Z"),
    "a slow mode of no time": moderated(action="slow_mode", locked=True),
    "a room that may be locked": moderated(action="lock", seconds=1),
}


@pytest.mark.parametrize("text", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
def test_a_wrong_text_is_found(text: str) -> None:
    with pytest.raises(WrongFrame):
        check_received(text)


def test_a_reply_to_another_action_is_found() -> None:
    (sent,) = map(json.dumps, examples("sent"))
    check_received(sent, "send")
    with pytest.raises(WrongFrame, match="not joined"):
        check_received(sent, "join")


@pytest.mark.parametrize(
    "reply",
    [
        who_is_here("u2", "u1"),
        who_is_here("u1", "u1"),
        who_is_here("u1", "u2", count=1),
        who_is_here("u1", approximate=False),
    ],
    ids=["out of order", "twice", "fewer than there are", "not approximate"],
)
def test_a_wrong_list_of_people_is_found(reply: str) -> None:
    with pytest.raises(WrongFrame):
        check_received(reply, "presence")


def test_what_a_plain_client_hears_is_text_or_a_reply() -> None:
    for text in ("Hi from websocket!", '{"type": "of mine"}', "42"):
        check_received_plain(text)
    check_received_plain(json.dumps(examples("error")[0]))
    for wrong in ("", "x" * 4_001, "\x00", '{"type": "reply", "status": "error"}'):
        with pytest.raises(WrongFrame):
            check_received_plain(wrong)


# What a client sends: the document admits what the server takes

CHARACTERS = (
    "a \t\n\x00\x7f\x85\xa0\xad\u061c\u1680\u180e\u2003\u200b\u200d\u2028\u2029\u202e\u2060\u3000"
    "\ue000\ufeff\ufffbé中😀"
)


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda character: f"U+{ord(character):04X}")
def test_the_document_admits_the_refs_that_the_server_takes(character: str) -> None:
    ref = f"a{character}b"
    try:
        message_ref(ref)
    except InvalidRef:
        with pytest.raises(WrongFrame):
            check_sent({"action": "leave", "room": "general", "ref": ref})
    else:
        check_sent({"action": "leave", "room": "general", "ref": ref})


@pytest.mark.parametrize("action", ASKED)
def test_null_stands_for_no_ref_where_the_server_takes_it(action: str) -> None:
    frame = examples(action)[0] | {"ref": None}
    if action in {"send", "onMessage", "edit", "delete", "react"}:
        with pytest.raises(WrongFrame):
            check_sent(frame)
    else:
        check_sent(frame)
