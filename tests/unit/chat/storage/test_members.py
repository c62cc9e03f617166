from __future__ import annotations

from chat.identity.identity import Person
from chat.storage.members import Member, people_in


def member(user: str, name: str, connected_at: int = 0, *, expired: bool = False) -> Member:
    return Member(f"{user} at {connected_at}", "v1", connected_at, user, name, expired)


def test_each_person_is_there_once_however_many_tabs_they_have() -> None:
    tabs = [member(f"u{number}", "Ada", tab) for number in range(50) for tab in range(3)]
    assert people_in(tabs) == {f"u{number}": Person(f"u{number}", "Ada") for number in range(50)}


def test_of_two_names_that_of_the_latest_connection_counts_whatever_order_they_are_read_in() -> None:
    old, new = member("u1", "Ada", 1), member("u1", "Lady Ada", 2)
    assert people_in([old, new]) == people_in([new, old]) == {"u1": Person("u1", "Lady Ada")}


def test_expired_members_are_not_present() -> None:
    members = [member("u1", "Ada", 2, expired=True), member("u2", "Eve", 1, expired=True)]
    assert people_in([*members, member("u1", "Ada's other tab", 1)]) == {
        "u1": Person("u1", "Ada's other tab")
    }


def test_nobody_is_in_an_empty_room() -> None:
    assert people_in([]) == {}
