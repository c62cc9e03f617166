from __future__ import annotations

import unicodedata

import pytest

from chat.identity.identity import MAX_NAME, Identity, anonymous_identity, sanitize_name, token_identity

CLIENT = "5f0c2c1e-6f7a-4d83-9f0e-0c8a1f6f9b11"


def identity(*, client: str | None = None, name: str | None = None, connection: str = "c1") -> Identity:
    return anonymous_identity(client=client, name=name, connection_id=connection, protocol="v1")


def test_a_client_is_one_user_over_tabs_and_reconnects() -> None:
    first = identity(client=CLIENT, connection="c1")
    second = identity(client=CLIENT, connection="c2")
    assert first.user == second.user


def test_different_clients_are_different_users_whatever_they_are_called() -> None:
    assert identity(client="one", name="Ada").user != identity(client="two", name="Ada").user


@pytest.mark.parametrize("client", [None, ""])
def test_without_a_client_the_user_lasts_as_long_as_the_connection(client: str | None) -> None:
    assert identity(client=client, connection="c1").user == identity(client=client, connection="c1").user
    assert identity(client=client, connection="c1").user != identity(client=client, connection="c2").user


def test_nobody_becomes_another_by_taking_an_id_that_others_see() -> None:
    victim = identity(client=CLIENT)
    assert CLIENT not in victim.user
    assert identity(client=victim.user).user != victim.user
    # Nor by naming a connection as a client.
    assert identity(client="c1", connection="c2").user != identity(connection="c1").user


def test_a_client_of_half_characters_is_still_a_client() -> None:
    assert identity(client="\ud83d").user == identity(client="\ud83d", connection="c2").user


def test_an_unnamed_user_is_a_guest_with_a_name_of_its_own() -> None:
    guest = identity(client=CLIENT)
    assert guest.name == f"Guest {guest.user[:4]}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\n\t",
        "\u202e\u200f",
        "\x00\x07",
        "\u3164",
        "\u2800",
        "\u115f\u1160",
        "\uffa0 \u200b\u200d",
        "\ufe0f",
    ],
)
def test_a_name_of_nothing_visible_makes_a_guest(name: str) -> None:
    assert identity(name=name).name.startswith("Guest ")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Ada", "Ada"),
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Ada\nLovelace\r\n", "Ada Lovelace"),
        ("Ada\u2028Lovelace\u2029", "Ada Lovelace"),
        ("A\x00d\x1b[31ma\x7f", "Ad[31ma"),
        ("A\u0085da", "A da"),  # "next line": a control character, and white space
        ("Ada\u202egnp.exe", "Adagnp.exe"),
        ("\u2066Ada\u2069\u200e\u200f\u061c", "Ada"),
        ("half\ud83d", "half"),
        ("private\ue000", "private"),
        ("A\u030angstro\u0308m", "Ångström"),
        ("👩\u200d💻 Ada", "👩\u200d💻 Ada"),
        ("<b>Ada</b> & 'co'", "<b>Ada</b> & 'co'"),  # whoever shows a name escapes it
        ("עדה", "עדה"),
        ("Ada \U0001fae9", "Ada \U0001fae9"),  # an emoji of Unicode 16, and Python 3.13 knows 15.1
    ],
)
def test_a_name_is_cleaned(name: str, cleaned: str) -> None:
    assert sanitize_name(name) == cleaned


def test_a_name_is_bounded() -> None:
    assert sanitize_name("a" * 5_000) == "a" * MAX_NAME
    assert sanitize_name("a" * (MAX_NAME - 1) + "   b") == "a" * (MAX_NAME - 1)  # nor does it end in a space


def test_stacked_accents_are_kept_within_the_bound() -> None:
    zalgo = sanitize_name("q" + "\u0301\u0323\u0337" * 1_000)
    assert len(zalgo) == MAX_NAME
    assert any(unicodedata.combining(character) for character in zalgo)


def test_cleaning_a_clean_name_changes_nothing() -> None:
    for name in (
        "Ada Lovelace",
        "👩\u200d💻 Ada",
        sanitize_name("x" * 63 + " y"),
        sanitize_name("e\u0301" * 100),
    ):
        assert sanitize_name(name) == name


def test_the_user_is_the_one_that_the_token_names() -> None:
    assert token_identity(user="auth0|5f7c", name=" Ada\u202e ", protocol="v1") == Identity(
        "auth0|5f7c", "Ada", "v1"
    )


def test_a_token_without_a_name_makes_a_guest_whose_id_does_not_show() -> None:
    guest = token_identity(user="ada@example.com", name="\u202e", protocol="v1")
    assert guest.user == "ada@example.com"
    assert len(guest.name) == len("Guest 0a1b")
    assert guest.name.startswith("Guest ")
    assert "ada" not in guest.name
