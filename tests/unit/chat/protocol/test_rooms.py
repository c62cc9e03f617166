from __future__ import annotations

import unicodedata

import pytest

from chat.protocol.errors import InvalidRoom
from chat.protocol.rooms import LOBBY, MAX_ROOMS, asked_rooms, first_room, inbox, room_name

NEW_EMOJI = "\U0001fae9"  # of Unicode 16, and Python 3.13 knows 15.1


@pytest.mark.parametrize(
    "name", ["a", "lobby", "a" * 100, "Ελλάδα", "日本", "💬" * 100, "a#b", "%23", "a/b?c=d&e"]
)
def test_a_room_is_named_by_up_to_100_visible_characters(name: str) -> None:
    assert room_name(name) == name


@pytest.mark.parametrize("name", ["cafe\u0301", "caf\u00e9"])
def test_a_name_is_one_room_however_its_accents_are_written(name: str) -> None:
    assert room_name(name) == "caf\u00e9"
    assert asked_rooms(["caf\u00e9", name]) == ("caf\u00e9",)
    assert room_name("e\u0301" * 100) == "\u00e9" * 100
    with pytest.raises(InvalidRoom):
        room_name("\u0958" * 51)  # which is two characters in NFC


def test_an_emoji_that_is_newer_than_the_servers_tables_may_be_in_a_name() -> None:
    assert unicodedata.category(NEW_EMOJI) == "Cn"
    assert room_name(f"tired-{NEW_EMOJI}") == f"tired-{NEW_EMOJI}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "\u3164",
        "\u2800\u2800",
        "\u115f\u1160",
        "\ufe0f",
        "private\ue000",
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
def test_any_other_name_is_an_error(name: object) -> None:
    with pytest.raises(InvalidRoom):
        room_name(name)


def test_an_error_does_not_quote_the_name() -> None:
    with pytest.raises(InvalidRoom) as error:
        room_name("my secret")
    assert "secret" not in str(error.value)


def test_a_client_that_asks_for_no_room_is_in_the_lobby() -> None:
    assert asked_rooms([]) == (LOBBY,)


def test_a_single_empty_name_asks_for_no_room_yet() -> None:
    assert asked_rooms([""]) == ()
    assert first_room([""]) == LOBBY
    with pytest.raises(InvalidRoom):
        asked_rooms(["", "general"])


def test_rooms_keep_the_order_in_which_they_were_asked_for_and_count_once() -> None:
    assert asked_rooms(["news", "general", "news"]) == ("news", "general")


@pytest.mark.parametrize("user", ["ada", "a" * 128, "💬" * 128, "Ada Lovelace", "@ada", "#%"])
def test_an_inbox_has_the_name_of_its_user_however_long(user: str) -> None:
    assert inbox(user) == room_name(f"@{user}") == f"@{user}"


@pytest.mark.parametrize("name", ["@", "@" + "a" * 129, "@\u200b", "@nul\x00", "@half\ud83d", "@line\nbreak"])
def test_an_inbox_of_what_is_no_user_is_an_error(name: str) -> None:
    with pytest.raises(InvalidRoom):
        room_name(name)


def test_a_user_whose_id_has_two_spellings_has_no_inbox_of_another() -> None:
    assert inbox("caf\u00e9") == "@caf\u00e9"
    with pytest.raises(InvalidRoom):
        inbox("cafe\u0301")


def test_the_inbox_comes_beside_the_rooms_that_are_asked_for_and_counts_as_one() -> None:
    assert asked_rooms([], "ada") == (LOBBY, "@ada")
    assert asked_rooms([""], "ada") == ("@ada",)
    assert asked_rooms(["general"], "ada") == ("general", "@ada")
    assert asked_rooms(["@ada", "general"], "ada") == ("@ada", "general")
    names = [f"room-{number}" for number in range(MAX_ROOMS)]
    assert len(asked_rooms(names[1:], "ada")) == MAX_ROOMS
    with pytest.raises(InvalidRoom):
        asked_rooms(names, "ada")


def test_one_invalid_room_is_an_error_for_all() -> None:
    with pytest.raises(InvalidRoom):
        asked_rooms(["general", "two words"])


def test_a_connection_its_user_and_its_rooms_fit_one_transaction() -> None:
    assert len(asked_rooms([f"room-{number}" for number in range(MAX_ROOMS)])) == 100 - 2
    with pytest.raises(InvalidRoom):
        asked_rooms([f"room-{number}" for number in range(MAX_ROOMS + 1)])
