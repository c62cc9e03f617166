"""The oracle of people's rooms finds each broken promise; else its silence would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.loss_checker.people_oracle import PeopleRoom, Reader, Reading, check_people


def message(seq: int, user: str, text: str, *mentions: str, **fields: Any) -> dict[str, Any]:
    named = {"mentions": list(mentions)} if mentions else {}
    return {"seq": seq, "user": user, "message": text, **named, **fields}


# 3 is a change or a skipped number. Ada has written 2 and read up to 4; Bob has written 7, the newest.
MESSAGES = {
    1: message(1, "bob", "one", "ada"),
    2: message(2, "ada", "two"),
    4: message(4, "bob", "four", "ada"),
    5: message(5, "bob", "", deleted=True),
    6: message(6, "bob", "six", "bob"),
    7: message(7, "bob", "y" * 300, "ada", "bob"),
}
NEWEST = {"seq": 7, "user": "bob", "message": "y" * 200}
PLACE = {"room": "r", "seq": 7, "read": 4, "unread": 3, "mentions": 1, "newest": NEWEST}
BOBS = {"room": "r", "seq": 7, "read": 7, "unread": 0, "mentions": 0, "newest": NEWEST}
OF_OLD = {"room": "r", "read": 0, "mention": {"seq": 5}}  # deleted since
MENTIONED = {"room": "r", "read": 4, "mention": {"seq": 7}}
ADA = Reader("ada", 0, [Reading(4, 4), Reading(1, 4)], [[PLACE], [{"room": "a"}, PLACE]], [MENTIONED, OF_OLD])
BOB = Reader("bob", 1, [Reading(5, 5)], [[BOBS]], [{"room": "r", "read": 7}])
EVE = Reader(
    "eve",
    None,
    [Reading(3, "not_subscribed")],
    [[]],
    [{"room": "r", "read": 4}, {"room": "r", "subscribed": False}],
)
RIGHT = PeopleRoom("r", [ADA, BOB, EVE], MESSAGES, ["<five>"], {"the tables": "nothing", "the logs": ""})


def with_place(**fields: Any) -> PeopleRoom:
    return replace(RIGHT, readers=[replace(ADA, lists=[[PLACE | fields]]), BOB, EVE])


def with_ada(**fields: Any) -> PeopleRoom:
    return replace(RIGHT, readers=[replace(ADA, **fields), BOB, EVE])


def with_newest(**fields: Any) -> PeopleRoom:
    return with_place(newest=NEWEST | fields)


def test_people_who_are_told_the_truth_have_no_findings() -> None:
    assert check_people(RIGHT) == []


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (with_place(unread=4), "unread"),  # a change or a skipped number was counted
        (with_place(unread=2), "unread"),  # the deleted message was not
        (with_place(mentions=0), "mentions"),
        (with_place(mentions=2), "mentions"),  # one that is read, or one twice
        (with_place(read=2, unread=4, mentions=2), "mark"),  # an acknowledged mark is lost
        (with_place(read=5, unread=2), "mark"),  # a mark that nobody sent
        (
            with_ada(readings=[Reading(4, 4), Reading(5, "rate_limited")], lists=[[PLACE | {"read": 5}]]),
            "mark",
        ),
        (replace(RIGHT, readers=[replace(BOB, lists=[[BOBS | {"read": 5, "unread": 2}]])]), "mark"),
        (with_ada(began=5), "mark"),
        (with_place(seq=5), "not counted"),
        (with_newest(seq=5), "newest"),
        (with_newest(user="ada"), "newest"),
        (with_newest(message="y" * 199), "newest"),
        (with_newest(deleted=True), "newest"),
        (with_place(newest={}), "newest"),
        (with_ada(lists=[[PLACE], []]), "listed"),
        (with_ada(lists=[[PLACE, PLACE]]), "listed"),
        (replace(RIGHT, readers=[replace(EVE, lists=[[BOBS]])]), "listed"),
        (with_ada(notices=[{"room": "r", "read": 5}]), "notice"),
        (with_ada(notices=[{"room": "r", "read": 4, "mention": {"seq": 2}}]), "notice"),
        (with_ada(notices=[{"room": "r", "read": 4, "mention": {"seq": 6}}]), "notice"),
        (replace(RIGHT, readable={"the tables": "a row with <five>"}), "readable"),
        (replace(RIGHT, readable={"the tables": "", "the logs": "FanoutFunction: <five>"}), "readable"),
    ],
)
def test_a_broken_promise_is_found(wrong: PeopleRoom, kind: str) -> None:
    assert {finding.kind for finding in check_people(wrong)} >= {kind}


@pytest.mark.parametrize("read", [4, 5])
def test_a_mark_that_was_not_answered_may_have_been_taken_or_not(read: int) -> None:
    place = PLACE | {"read": read, "unread": 7 - read}
    assert check_people(with_ada(readings=[Reading(4, 4), Reading(5, None)], lists=[[place]])) == []


def test_a_deleted_message_mentions_nobody_any_more() -> None:
    deleted = MESSAGES | {7: message(7, "bob", "", "ada", deleted=True)}
    newest = {"seq": 7, "user": "bob", "message": "", "deleted": True}
    told = replace(ADA, lists=[[PLACE | {"mentions": 0, "newest": newest}]])
    assert check_people(PeopleRoom("r", [told], deleted)) == []
    told = replace(ADA, lists=[[PLACE | {"newest": newest}]])
    assert [finding.kind for finding in check_people(PeopleRoom("r", [told], deleted))] == ["mentions"]


def test_a_hundred_mentions_stand_for_more() -> None:
    many = {seq: message(seq, "bob", "hi", "ada") for seq in range(1, 121)}
    newest = {"seq": 120, "user": "bob", "message": "hi"}
    place = {"room": "r", "seq": 120, "read": 0, "unread": 120, "mentions": 100, "newest": newest}
    assert check_people(PeopleRoom("r", [Reader("ada", 0, [], [[place]])], many)) == []
