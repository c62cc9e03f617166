from __future__ import annotations

from bench.suites import capacity_units
from bench.suites.capacity_units import of_members
from chat.storage.member_reader import PAGE


def test_a_message_takes_four_write_units() -> None:
    units = capacity_units.of_message()
    assert units.sending.writes == 4
    assert units.repair.writes == 0


def test_an_edit_and_a_deletion_take_five_write_units_and_a_reaction_six() -> None:
    writes = {kind: units.writes for kind, units in capacity_units.of_changes().items()}
    assert writes.pop("a page with the message and its changes") == 0
    assert writes == {"edit": 5, "delete": 5, "react": 6, "take the reaction back": 6}


def test_a_page_reads_nothing_more_because_of_changes() -> None:
    page = capacity_units.of_changes()["a page with the message and its changes"]
    assert page.reads == capacity_units.of_connection()["a page of an empty history"].reads


def test_each_request_of_a_connection_takes_units() -> None:
    requests = capacity_units.of_connection()
    assert all(units.writes + units.reads > 0 for units in requests.values())
    assert requests["connect, with a room"].calls
    assert not requests["ping, with a room"].writes


def test_members_are_read_in_the_pages_of_the_fan_out() -> None:
    assert of_members(3 * PAGE) == 3 * of_members(PAGE)
    assert of_members(1) == 1
