from __future__ import annotations

import pytest

from bench.suites import capacity_units
from bench.suites.capacity_units import of_members
from chat.storage.member_reader import PAGE


def test_a_message_takes_four_write_units() -> None:
    units = capacity_units.of_message()
    assert units.sending.writes == 4
    assert units.repair.writes == 0


@pytest.mark.parametrize("followed", [False, True])
def test_each_change_takes_at_most_seven_write_units_in_a_followed_room_too(followed: bool) -> None:
    writes = {kind: units.writes for kind, units in capacity_units.of_changes(followed=followed).items()}
    assert writes == {
        "edit": 6 + followed,  # of the newest message, which the summary shows
        "edit an older message": 6,
        "delete": 6 + followed,
        "react": 7,
        "take the reaction back": 7,
        "a page with the messages and their changes": 0,
        # The row of its first message, and in a followed room the count, and the mark of its author.
        "reply": 4 + 1 + 2 * followed,
        "the next message": 4 + 2 * followed,
    }


def test_the_changes_of_a_followed_room_read_its_summary_once_at_most() -> None:
    reads = {kind: units.reads for kind, units in capacity_units.of_changes().items()}
    followed = {kind: units.reads for kind, units in capacity_units.of_changes(followed=True).items()}
    edits = {"edit", "edit an older message", "delete"}
    assert followed == {kind: units + (kind in edits) for kind, units in reads.items()}


def test_a_message_in_a_followed_room_takes_one_write_unit_more_and_one_per_author() -> None:
    units = capacity_units.of_followed_message()
    assert units.sending.writes == 4
    assert units.repair.writes == 2
    assert units.reads == capacity_units.of_message().reads


@pytest.mark.parametrize("mentions", [1, 2, 10])
def test_a_mention_takes_one_write_unit_whether_the_user_has_subscribed_or_not(mentions: int) -> None:
    units, without = capacity_units.of_followed_message(mentions), capacity_units.of_followed_message()
    assert units.sending.writes == without.sending.writes
    assert units.repair.writes == without.repair.writes + mentions
    assert units.reads == without.reads


def test_fifty_mentions_make_the_message_longer_than_a_kilobyte() -> None:
    units, without = capacity_units.of_followed_message(50), capacity_units.of_followed_message()
    assert units.sending.writes == without.sending.writes + 2  # the head and the row
    assert units.repair.writes == without.repair.writes + 50
    assert units.reads == without.reads


@pytest.mark.parametrize("size", [50, 100])
def test_a_page_of_rooms_takes_half_a_read_unit_per_room_and_a_few_for_the_subscriptions(size: int) -> None:
    page = capacity_units.of_rooms(size)
    assert (page.writes, page.calls.count("Query"), page.calls.count("BatchGetItem")) == (1, 1, 1)
    # Below half a unit per room there is nothing: BatchGetItem rounds up each item, as small as it is.
    assert size / 2 < page.reads <= size / 2 + 5


def test_each_request_about_subscriptions_takes_its_units() -> None:
    requests = capacity_units.of_subscriptions()
    units = {request: (used.writes, used.reads) for request, used in requests.items()}
    del units["a page of 50 rooms"], units["a page of 100 rooms"]
    assert units == {
        "subscribe, as the first": (3, 5),
        "subscribe again": (1, 5),
        "read": (2, 2),
        "unsubscribe": (2, 0),
    }


def test_a_page_reads_nothing_more_because_of_changes() -> None:
    page = capacity_units.of_changes()["a page with the messages and their changes"]
    assert page.reads == capacity_units.of_connection()["a page of an empty history"].reads


def test_each_request_of_a_connection_takes_units() -> None:
    requests = capacity_units.of_connection()
    assert all(units.writes + units.reads > 0 for units in requests.values())
    assert (requests["connect, with a room"].writes, requests["join a room"].writes) == (7, 5)
    assert not requests["ping, with a room"].writes


def test_members_are_read_in_the_pages_of_the_fan_out() -> None:
    assert of_members(3 * PAGE) == 3 * of_members(PAGE)
    assert of_members(1) == 1
