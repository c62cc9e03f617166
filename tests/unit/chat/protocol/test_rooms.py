from __future__ import annotations

import pytest

from chat.protocol.errors import InvalidRoom
from chat.protocol.rooms import LOBBY, MAX_ROOMS, asked_rooms, first_room, from_key_part, key_part, room_name


@pytest.mark.parametrize(
    "name", ["a", "lobby", "a" * 100, "Ελλάδα", "日本", "💬" * 100, "a#b", "%23", "a/b?c=d&e"]
)
def test_a_room_is_named_by_up_to_100_visible_characters(name: str) -> None:
    assert room_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 101,
        "a" * 500,
        "two words",
        " lobby",
        "tab\there",
        "line\nbreak",
        "no\u00a0break",
        "nul\x00",
        "bidi\u202e",
        "zero\u200bwidth",
        "half\ud83d",
        7,
        None,
        True,
        ["lobby"],
        {"name": "lobby"},
    ],
)
def test_any_other_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidRoom):
        room_name(name)


def test_a_refusal_does_not_quote_the_name() -> None:
    with pytest.raises(InvalidRoom) as refusal:
        room_name("my secret")
    assert "secret" not in str(refusal.value)


def test_who_asks_for_no_room_is_in_the_lobby() -> None:
    assert asked_rooms([]) == (LOBBY,)


def test_a_single_empty_name_asks_for_no_room_yet() -> None:
    assert asked_rooms([""]) == ()
    assert first_room([""]) == LOBBY
    with pytest.raises(InvalidRoom):
        asked_rooms(["", "general"])


def test_rooms_keep_the_order_in_which_they_were_asked_for_and_count_once() -> None:
    assert asked_rooms(["news", "general", "news"]) == ("news", "general")


def test_one_bad_room_refuses_them_all() -> None:
    with pytest.raises(InvalidRoom):
        asked_rooms(["general", "two words"])


def test_a_connection_its_user_and_its_rooms_fit_one_transaction() -> None:
    assert len(asked_rooms([f"room-{number}" for number in range(MAX_ROOMS)])) == 100 - 2
    with pytest.raises(InvalidRoom):
        asked_rooms([f"room-{number}" for number in range(MAX_ROOMS + 1)])


@pytest.mark.parametrize(
    "value", ["lobby", "a#b", "#", "##", "%", "%23", "%2523", "%25", "%%23#", "100%#1", "%2#3"]
)
def test_a_key_part_holds_no_separator_and_gives_back_its_value(value: str) -> None:
    part = key_part(value)
    assert "#" not in part
    assert from_key_part(part) == value


def test_different_values_never_share_a_key_part() -> None:
    values = ["#", "%23", "%2523", "%", "%25", "a#", "a%23"]
    assert len({key_part(value) for value in values}) == len(values)
