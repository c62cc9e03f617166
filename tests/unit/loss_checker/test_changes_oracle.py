"""The oracle of changes finds each broken promise; else its silence would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.loss_checker.changes_oracle import Attempt, ChangedRoom, check_changes


def message(seq: int, text: str, **fields: Any) -> dict[str, Any]:
    return {"seq": seq, "user": "u1", "message": text, **fields}


def change(seq: int, of: int, kind: str, user: str = "u1") -> dict[str, Any]:
    return {"seq": seq, "of": of, "kind": kind, "user": user}


def attempt(kind: str, of: int, text: str, outcome: int | str | None, user: str = "u1") -> Attempt:
    return Attempt(user, kind, of, text, True, outcome)


LIKED = [{"reaction": "+1", "count": 1, "people": []}]
MESSAGES = {
    1: message(1, "<2>", revision=4, reactions=LIKED),
    2: message(2, "", revision=6, deleted=True, replies=2),
    7: message(7, "<7>", reply_to=2, root=2),
    8: message(8, "<8>", reply_to=7, root=2),
}
LOOKS = {
    2: {"text": "", "reactions": {}, "deleted": True},  # joined after the first
    7: {"text": "<7>", "reactions": {}, "deleted": False},
    8: {"text": "<8>", "reactions": {}, "deleted": False},
}
RIGHT = ChangedRoom(
    "general",
    [
        attempt("send", 0, "<1>", 1),
        attempt("send", 0, "<secret>", 2),
        attempt("edit", 1, "<2>", 3),
        attempt("react", 1, "+1", 4, "u2"),
        attempt("edit", 2, "<late>", 6),
        attempt("delete", 2, "<4>", 5),
        attempt("edit", 2, "<later>", "invalid_message"),
        attempt("reply", 2, "<7>", 7),
        attempt("reply", 7, "<8>", 8),
    ],
    MESSAGES,
    [change(3, 1, "edit"), change(4, 1, "react", "u2"), change(5, 2, "delete"), change(6, 2, "edit")],
    {"ada": MESSAGES, "bob": MESSAGES},
    "nothing",
    {"eve": LOOKS},
)


def test_a_room_as_it_was_acknowledged_has_no_findings() -> None:
    assert check_changes(RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (replace(RIGHT, attempts=[*RIGHT.attempts, attempt("edit", 1, "<5>", None)]), "unanswered"),
        (replace(RIGHT, changes=RIGHT.changes[1:]), "lost"),
        (replace(RIGHT, attempts=RIGHT.attempts[1:]), "invented"),
        (replace(RIGHT, attempts=[*RIGHT.attempts, attempt("send", 0, "<5>", 9)]), "lost"),
        (replace(RIGHT, changes=[*RIGHT.changes, change(9, 1, "edit")]), "invented"),
        (replace(RIGHT, changes=[change(3, 2, "edit"), *RIGHT.changes[1:]]), "lost"),
        (replace(RIGHT, messages=MESSAGES | {1: message(1, "<1>", reactions=LIKED)}), "wrong"),
        (replace(RIGHT, messages=MESSAGES | {1: message(1, "<2>")}), "wrong"),
        (replace(RIGHT, messages=MESSAGES | {2: message(2, "<secret>")}), "wrong"),
        (replace(RIGHT, attempts=RIGHT.attempts[:-1]), "invented"),
        (replace(RIGHT, messages=MESSAGES | {7: message(7, "<7>")}), "wrong chain"),
        (replace(RIGHT, messages=MESSAGES | {8: message(8, "<8>", reply_to=7, root=7)}), "wrong chain"),
        (replace(RIGHT, messages=MESSAGES | {2: MESSAGES[2] | {"replies": 3}}), "wrong chain"),
        (replace(RIGHT, messages=MESSAGES | {1: MESSAGES[1] | {"replies": 1}}), "wrong chain"),
        (replace(RIGHT, members={"ada": MESSAGES | {1: message(1, "<1>")}}), "shown otherwise"),
        (replace(RIGHT, members={"ada": {1: MESSAGES[1]}}), "shown otherwise"),
        (replace(RIGHT, looks={"eve": LOOKS | {2: LOOKS[7]}}), "shown otherwise"),
        (replace(RIGHT, looks={"eve": {2: LOOKS[2], 8: LOOKS[8]}}), "shown otherwise"),
        (replace(RIGHT, looks={"eve": LOOKS | {9: LOOKS[8]}}), "shown otherwise"),
        (replace(RIGHT, stored="a row with <secret>"), "readable"),
        (replace(RIGHT, stored="a head with <late>"), "readable"),
        (
            replace(RIGHT, attempts=[*RIGHT.attempts, attempt("delete", 1, "<6>", 3)]),
            "two changes with one number",
        ),
    ],
)
def test_a_broken_promise_is_found(wrong: ChangedRoom, kind: str) -> None:
    assert kind in {finding.kind for finding in check_changes(wrong)}
