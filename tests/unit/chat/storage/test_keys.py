from __future__ import annotations

import re

import pytest

from chat.storage import keys
from tests.support.project import ROOT

NAMES = ["lobby", "a#b", "#", "##", "%", "%23", "%2523", "%25", "%%23#", "100%#1", "%2#3", "a", "b", "b#c"]


@pytest.mark.parametrize("name", NAMES)
def test_an_escaped_part_holds_no_separator_and_gives_back_its_value(name: str) -> None:
    part = keys.escape(name)
    assert "#" not in part
    assert keys.unescape(part) == name


def test_different_values_never_share_an_escaped_part() -> None:
    assert len({keys.escape(name) for name in NAMES}) == len(NAMES)


def test_no_two_items_of_a_table_share_a_key() -> None:
    messages = [
        key
        for room in NAMES
        for key in [
            keys.head(room),
            keys.rules(room),
            keys.row(room, 1),
            keys.cursor(room, 0, 16),
            keys.signal(room, keys.PRESENCE),
            keys.signal(room, keys.NOTICE),
            *(keys.ref(room, name) for name in NAMES),
            *(keys.cooldown(room, name) for name in NAMES),
            *(keys.typing(room, name) for name in NAMES),
        ]
    ]
    connections = [
        key
        for name in NAMES
        for key in [
            keys.connection(name),
            keys.user(name),
            *(keys.membership(room, name) for room in NAMES),
        ]
    ]
    for table in (messages, connections):
        assert len({tuple(key.values()) for key in table}) == len(table)


def test_what_a_key_was_made_of_can_be_read_back() -> None:
    for name in NAMES:
        assert keys.room_of(keys.head(name)["pk"]) == name
        assert keys.connection_id_of(keys.connection(name)["pk"]) == name
        assert keys.member_id_of(keys.membership("room", name)["sk"]) == name
        assert keys.room_of_signal(keys.signal(name, keys.NOTICE)["pk"]) == name
        assert keys.typist_of(keys.typing("room", name)["sk"]) == name
    assert keys.typist_of(keys.PRESENCE) is None


def test_a_membership_lies_within_the_bounds_of_its_hash_alone() -> None:
    sk = keys.membership("room", "L0SM9cOFvHcCIhw=")["sk"]
    place = keys.hash_of(sk)
    first, last = keys.membership_bounds(place, place)
    assert first <= sk <= last
    assert not keys.membership_bounds(0, place - 1)[1] >= sk
    assert not keys.membership_bounds(place + 1, keys.HASH_SPACE - 1)[0] <= sk


def test_rows_are_sorted_by_their_seq() -> None:
    seqs = [0, 1, 9, 10, 999, 1_000, keys.MAX_SEQ]
    assert sorted(keys.row_sk(seq) for seq in seqs) == [keys.row_sk(seq) for seq in seqs]


@pytest.mark.parametrize("pattern", [r'"[A-Z]+#', r"\}#", r'"[ps]k":', r"HASH_DIGITS"])
def test_no_other_file_builds_a_key(pattern: str) -> None:
    own = ROOT / "src" / "chat" / "storage" / "keys.py"
    assert re.search(pattern, own.read_text()), "the pattern finds what it is looking for"
    others = [path for path in (ROOT / "src").rglob("*.py") if path != own]
    assert [str(path) for path in others if re.search(pattern, path.read_text())] == []
