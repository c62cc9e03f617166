"""Frames that the AsyncAPI document does not describe are found; else all who look would find nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.asyncapi import REPLIES, UNASKED, WrongFrame, check_heard, check_heard_plain, examples

OPTIONAL = {"voids", "begins", "data", "seqs"}  # where they are missing, the frame is right


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
        check_heard(json.dumps(frame), asked)


def entry(seq: int, **fields: Any) -> dict[str, Any]:
    said = {"id": "r", "user": "u", "name": "Ada", "message": "Hi", "at": "2026-11-24T06:20:01.123Z"}
    return {"seq": seq, **said, **fields}


def page(*places: dict[str, Any] | int, **fields: Any) -> str:
    """The reply to a history; a number is a void."""
    frame = {
        "type": "reply", "ref": "h1", "status": "ok", "room": "general",
        "messages": [place for place in places if isinstance(place, dict)], "more": False,
    }  # fmt: skip
    voids = [place for place in places if isinstance(place, int)]
    return json.dumps(frame | ({"voids": voids} if voids else {}) | fields)


def broadcast(*entries: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"type": "messages", "room": "general", "messages": entries, **fields})


def test_a_page_and_a_broadcast_are_right() -> None:
    check_heard(page(entry(3), 4, entry(5)), "history")
    check_heard(page(entry(3), 4, begins=3), "history")
    check_heard(broadcast(entry(3), entry(7)))  # what is between comes later


WRONG_TEXTS = {
    "not JSON": "Hi from websocket!",
    "nothing": "",
    "no object": "[1, 2]",
    "NaN": broadcast(entry(1, data=float("nan"))),
    "more than 32 KB": broadcast(*(entry(seq, message="x" * 4_000) for seq in range(1, 10))),
    "a type that nobody described": '{"type": "presence", "room": "general"}',
    "a code that nobody described": json.dumps(examples("refusal")[0] | {"code": "tired"}),
    "a seq of 0": broadcast(entry(0)),
    "half a seq": broadcast(entry(1.5)),
    "a time without its zone": broadcast(entry(1, at="2026-11-24T06:20:01.123")),
    "an empty text": broadcast(entry(1, message="")),
    "a control character": broadcast(entry(1, message="\x1b[2J")),
    "a name too long": broadcast(entry(1, name="x" * 65)),
    "neither messages nor voids": broadcast(),
    "an empty list of voids": broadcast(entry(1), voids=[]),
    "a void that is no seq": broadcast(entry(2), voids=["1"]),
    "descending seqs": broadcast(entry(2), entry(1)),
    "a seq twice": broadcast(entry(1), entry(1)),
    "a message that is a void too": broadcast(entry(1), voids=[1]),
    "a page with a hole": page(entry(1), entry(3)),
    "a page with a hole behind a void": page(1, entry(3)),
    "a page that begins elsewhere": page(entry(4), begins=3),
}


@pytest.mark.parametrize("text", WRONG_TEXTS.values(), ids=WRONG_TEXTS)
def test_a_wrong_text_is_found(text: str) -> None:
    with pytest.raises(WrongFrame):
        check_heard(text)


def test_a_reply_to_another_action_is_found() -> None:
    (sent,) = map(json.dumps, examples("sent"))
    check_heard(sent, "send")
    with pytest.raises(WrongFrame, match="not joined"):
        check_heard(sent, "join")


def test_what_a_plain_client_hears_is_text_or_a_reply() -> None:
    for text in ("Hi from websocket!", '{"type": "of mine"}', "42"):
        check_heard_plain(text)
    check_heard_plain(json.dumps(examples("refusal")[0]))
    for wrong in ("", "x" * 4_001, "\x00", '{"type": "reply", "status": "error"}'):
        with pytest.raises(WrongFrame):
            check_heard_plain(wrong)
