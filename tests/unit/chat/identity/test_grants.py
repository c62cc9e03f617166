from __future__ import annotations

import pytest

from chat.identity.grants import EVERY_ROOM, Grants

READ, WRITE, BOTH, NONE = (True, False), (False, True), (True, True), (False, False)


def may(text: str, room: str) -> tuple[bool, bool]:
    """Whether one with these grants may read the room, and write in it."""
    grants = Grants.parse(text)
    return grants.may_read(room), grants.may_write(room)


@pytest.mark.parametrize(
    ("patterns", "room", "allowed"),
    [
        ("general", "general", BOTH),
        ("general", "General", NONE),
        ("general", "general-2", NONE),
        ("general", "genera", NONE),
        ("team-*", "team-", BOTH),
        ("team-*", "team-red", BOTH),
        ("team-*", "team", NONE),
        ("team-*", "my-team-red", NONE),
        ("*", "anything", BOTH),
        ("news:read", "news", READ),
        ("news:write", "news", WRITE),
        ("news:read news:write", "news", BOTH),
        ("team-*:read", "team-red", READ),
        ("*:read team-red", "team-red", BOTH),
        ("*:read team-red", "team-blue", READ),
    ],
)
def test_a_pattern_grants_a_room_or_those_that_begin_so(
    patterns: str, room: str, allowed: tuple[bool, bool]
) -> None:
    assert may(patterns, room) == allowed


@pytest.mark.parametrize(
    ("patterns", "room", "allowed"),
    [
        ("*", "private-1", NONE),
        ("p*", "private-1", NONE),
        ("private*", "private-1", NONE),  # it says "private", as a public room's name may
        ("private*", "private", BOTH),
        ("private-*", "private-1", BOTH),
        ("private-*:read", "private-1", READ),
        ("private-1", "private-1", BOTH),
        ("private-1", "private-12", NONE),
        ("private-a* *", "private-b", NONE),
        ("*", "private", BOTH),
        ("*", "Private-1", BOTH),  # names are as they are written
    ],
)
def test_a_private_room_is_opened_only_by_a_pattern_that_says_so(
    patterns: str, room: str, allowed: tuple[bool, bool]
) -> None:
    assert may(patterns, room) == allowed


@pytest.mark.parametrize(
    ("patterns", "room", "allowed"),
    [
        ("*", "@ada", READ),
        ("", "@ada", READ),
        ("@ada", "@ada", BOTH),
        ("@*", "@ada", BOTH),
        ("@ada:read", "@ada", READ),
        ("* @b*", "@ada", READ),
        ("*", "@bob", NONE),
        ("@*:read", "@bob", NONE),
        ("@bob", "@bob", WRITE),
        ("@*", "@bob", WRITE),
        ("@b*:write", "@bob", WRITE),
        ("@bob", "@bobby", NONE),
        ("private-*", "@bob", NONE),
        ("*", "ada@home", BOTH),
        ("@*", "private-1", NONE),
        ("@*", "general", NONE),
    ],
)
def test_an_inbox_is_read_by_its_user_alone_and_written_with_a_pattern_that_says_so(
    patterns: str, room: str, allowed: tuple[bool, bool]
) -> None:
    grants = Grants.parse(patterns, "ada")
    assert (grants.may_read(room), grants.may_write(room)) == allowed


def test_grants_of_nobody_read_no_inbox() -> None:
    assert may("* @*", "@") == may("* @*", "@None") == WRITE


@pytest.mark.parametrize(
    ("patterns", "room", "allowed"),
    [
        ("a:b", "a:b", BOTH),
        ("a:b:read", "a:b", READ),
        ("a:write:read", "a:write", READ),
        ("a:read", "a:read", NONE),
        ("read", "read", BOTH),
        ("*a", "ba", NONE),
        ("a*b", "a*b", BOTH),
        ("a*b", "acb", NONE),
        ("a**", "a*b", BOTH),
        ("a**", "ab", NONE),
        (":read", "read", NONE),
        ("[a-z]", "b", NONE),
    ],
)
def test_nothing_else_in_a_pattern_means_anything(
    patterns: str, room: str, allowed: tuple[bool, bool]
) -> None:
    assert may(patterns, room) == allowed


@pytest.mark.parametrize("room", ["lobby", "general", "private-1", "*", ":read"])
def test_no_pattern_grants_no_room(room: str) -> None:
    assert may("", room) == NONE


def test_a_user_without_grants_has_every_room_but_private_ones() -> None:
    assert may(EVERY_ROOM, "lobby") == may(EVERY_ROOM, "private") == BOTH
    assert may(EVERY_ROOM, "private-1") == NONE


def test_a_pattern_grants_a_room_however_its_accents_are_written() -> None:
    assert Grants.parse("cafe\u0301 the\u0301-*:read").may_write("caf\u00e9")
    assert Grants.parse("cafe\u0301 the\u0301-*:read").may_read("th\u00e9-vert")
