"""The oracle of pages finds whatever a page shows otherwise; else its silence would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.page_checker.oracle import DELETED, Draft, Row, Shown, check_page, check_written

ADA, GRACE = "u-ada", "u-grace"
ROOM = "general"


def message(seq: int, user: str, text: str, **fields: Any) -> dict[str, Any]:
    name = {ADA: "Ada", GRACE: "Grace"}[user]
    return {"seq": seq, "id": f"m{seq}", "user": user, "name": name, "message": text, **fields}


LIKED = {
    "reaction": "👍",
    "count": 2,
    "people": [{"user": ADA, "name": "Ada"}, {"user": GRACE, "name": "Grace"}],
}
HISTORY = {
    1: message(1, ADA, "<1>\nand more", edited_at="2026-11-29T12:00:00.000Z", replies=2),
    3: message(3, GRACE, "<2> @Ada", mentions=[ADA], reply_to=1, reactions=[LIKED]),
    6: message(6, ADA, "", deleted=True, replies=1),
    7: message(7, GRACE, "<4>", reply_to=6),
    8: message(8, ADA, "<5>", reply_to=2),
}
ROWS = [
    Row("You", "<1>\nand more", mine=True, edited=True, replies=2),
    Row("Grace", "<2> @Ada", at_me=True, quote=("You", "<1> and more"), reactions=(("👍", 2, True),)),
    Row("You", DELETED, mine=True, deleted=True),
    Row("Grace", "<4>", quote=("You", DELETED)),
    Row("You", "<5>", mine=True, quote=("", "This message is not available any more.")),
]
RIGHT = Shown(ROOM, Draft(), ROWS, [], {})


def kinds(shown: Shown) -> list[str]:
    return [finding.kind for finding in check_page("window 1", ADA, shown, HISTORY)]


def test_a_page_that_shows_the_history_has_no_findings() -> None:
    assert kinds(RIGHT) == []
    assert kinds(replace(RIGHT, notes=["Your edit was not saved."])) == []


def test_a_page_need_not_show_the_oldest_messages_of_a_long_history() -> None:
    history = {seq: message(seq, GRACE, f"<{seq}>") for seq in range(1, 101)}
    rows = [Row("Grace", f"<{seq}>") for seq in range(51, 101)]
    assert [*check_page("window 1", ADA, replace(RIGHT, rows=rows), history)] == []
    (finding,) = check_page("window 1", ADA, replace(RIGHT, rows=rows[1:]), history)
    assert finding.kind == "missing"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "<3>"},
        {"who": "Ada"},
        {"delivery": "sending"},
        {"delivery": "failed"},
        {"mine": True},
        {"at_me": False},
        {"edited": True},
        {"deleted": True},
        {"reactions": ()},
        {"reactions": (("👍", 2, False),)},
        {"quote": None},
        {"quote": ("Grace", "<1> and more")},
        {"replies": 1},
    ],
    ids=str,
)
def test_each_part_of_a_row_counts(changed: dict[str, Any]) -> None:
    rows = [ROWS[0], replace(ROWS[1], **changed), *ROWS[2:]]
    assert kinds(replace(RIGHT, rows=rows)) == ["shown otherwise"]


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([*ROWS, ROWS[-1]], "shown otherwise"),
        ([ROWS[1], ROWS[0], *ROWS[2:]], "shown otherwise"),
        (ROWS[:-1], "missing"),
        ([], "missing"),
        ([*ROWS, Row("You", "<6>", "sending", mine=True)], "shown otherwise"),
    ],
    ids=["twice", "another order", "not the newest", "nothing", "not stored"],
)
def test_each_row_is_there_once_and_in_order(rows: list[Row], kind: str) -> None:
    assert kind in kinds(replace(RIGHT, rows=rows))


def test_a_page_that_says_that_messages_are_missing_is_found() -> None:
    assert kinds(replace(RIGHT, notes=["Some messages could not be loaded."])) == ["lost"]
    assert kinds(replace(RIGHT, notes=["This room's history begins again here."])) == ["reset"]


@pytest.mark.parametrize(
    ("sent", "deleted", "found"),
    [
        (["<1>", "<2>"], [], []),
        (["<1>"], [], ["lost"]),
        (["<1>", "<2>", "<2>"], [], ["repeated"]),
        (["<1>", "<2>"], ["<4>"], ["not deleted"]),
    ],
)
def test_what_was_written_is_sent_once_and_what_was_deleted_is_gone(
    sent: list[str], deleted: list[str], found: list[str]
) -> None:
    findings = check_written(ROOM, ["<1>", "<2>"], sent, deleted, HISTORY)
    assert [finding.kind for finding in findings] == found
