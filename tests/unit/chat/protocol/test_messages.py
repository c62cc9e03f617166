from __future__ import annotations

import json
from typing import Any

import pytest

from chat.identity.identity import Identity
from chat.protocol.data import MAX_DATA, MAX_LEVELS
from chat.protocol.errors import InvalidMessage, InvalidRef, MessageTooLarge
from chat.protocol.messages import Message, compose, message_ref

ADA = Identity("u1", "Ada", "v1")


def said(text: object = "Hi", data: object = None) -> Message:
    return compose(author=ADA, ref="r1", text=text, data=data, at="2026-11-24T06:20:01.123Z")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_message_carries_what_the_server_knows_of_its_author() -> None:
    assert said("Hi", {"a": 1}) == Message("r1", "u1", "Ada", "Hi", '{"a":1}', "2026-11-24T06:20:01.123Z")


@pytest.mark.parametrize(
    "text",
    [
        "H",
        "H" * 4_000,
        "💬" * 4_000,  # characters, not UTF-16 units
        "two\nlines\r\n\tand a tab",
        '<script>"\\',
        "\u202e\u200d\ufeffHi",
        "\U0001fae9",  # an emoji of Unicode 16, and Python 3.13 knows 15.1
        "\ud7ff\ue000\U0010ffff",  # the neighbours of the surrogates
    ],
)
def test_a_message_is_1_to_4000_characters_of_text(text: str) -> None:
    assert said(text).text == text


@pytest.mark.parametrize("text", ["H" * 4_001, "💬" * 4_001, "H" * 100_000])
def test_a_longer_one_is_too_large(text: str) -> None:
    with pytest.raises(MessageTooLarge):
        said(text)


@pytest.mark.parametrize(
    "text",
    [
        None, "", 7, 0, True, 1.5, [], {"text": "Hi"},
        "nul\x00", "escape\x1b[2J", "backspace\x08", "delete\x7f", "c1\x9b31m", "\x0b", "\x0c",
        "half\ud83d", "\udcacother half",
    ],
)  # fmt: skip
def test_text_that_is_not_text_or_cannot_be_shown_is_an_error(text: object) -> None:
    with pytest.raises(InvalidMessage):
        said(text)


@pytest.mark.parametrize(
    "text",
    [" ", "\n\t\r\n", "\u00a0", "\u3164", "\u2800", "\u115f", "\uffa0", "\u200b\u200d\u2060", "\u202e",
     "\ufeff", "\ufe0f", "\xad", "\u034f", "\U000e0061", "\U0001d159", " \u3164\u200b\n"],
    ids=ascii,
)  # fmt: skip
def test_a_message_that_looks_empty_is_an_error(text: str) -> None:
    with pytest.raises(InvalidMessage):
        said(text)
    assert said(f"{text}.").text == f"{text}."


def test_an_error_does_not_quote_the_message() -> None:
    for text in ("secret\x00", "secret" * 1_000):
        with pytest.raises((InvalidMessage, MessageTooLarge)) as error:
            said(text)
        assert "secret" not in str(error.value)


LARGEST = int(1.7976931348623157e308)


@pytest.mark.parametrize(
    "data",
    [
        0,
        False,
        "",
        [],
        {},
        {"a": [1, 2.5, None, "é"]},
        2**53 + 1,
        LARGEST,
        -LARGEST,
        1e308,
        nested(MAX_LEVELS),
    ],
)
def test_data_is_any_json_that_every_parser_reads(data: object) -> None:
    text = said(data=data).data
    assert text is not None
    assert json.loads(text) == data


def test_null_is_no_data() -> None:
    assert said(data=None).data is None


@pytest.mark.parametrize(
    "frame",
    [
        "NaN", "Infinity", "-Infinity", "1e999", '{"a":[NaN]}', '"\\ud83d"', '{"\\udcac":1}',
        "1" + 400 * "0", "-1" + 309 * "0", '{"a":[1' + 1_000 * "0" + "]}",
        '"\\u0000"', '{"\\u0000a":1}', '{"a":["nul\\u0000"]}',
    ],
)  # fmt: skip
def test_data_that_a_parser_may_choke_on_is_an_error(frame: str) -> None:
    with pytest.raises(InvalidMessage):
        said(data=json.loads(frame))  # Python's reader takes them all


@pytest.mark.parametrize("levels", [MAX_LEVELS + 1, 130, 2_000, 200_000])
def test_data_nested_too_deep_is_an_error(levels: int) -> None:
    with pytest.raises(InvalidMessage):
        said(data=nested(levels))
    with pytest.raises(InvalidMessage):
        said(data={"a": nested(levels - 1)})


@pytest.mark.parametrize(("character", "size"), [("a", 1), ("é", 2), ("日", 3), ("💬", 4)])
def test_data_is_bounded_in_encoded_bytes(character: str, size: int) -> None:
    most = (MAX_DATA - 2) // size  # the quotation marks are two bytes of it
    text = said(data=character * most).data
    assert text is not None
    assert len(text.encode()) <= 4_096
    with pytest.raises(MessageTooLarge):
        said(data=character * (most + 1))


@pytest.mark.parametrize(
    "ref", ["r", "r" * 128, "3f6c8b0d-1e2a-4c5b-8d7e-9f0a1b2c3d4e", "a#b %23", "💬" * 128, "\U0001fae9"]
)
def test_a_ref_is_up_to_128_printable_characters(ref: str) -> None:
    assert message_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["", "r" * 129, "r" * 10_240, "a\nb", "nul\x00", "half\ud83d", "bidi\u202e", 7, None, {"id": 1}, ["r"]],
)
def test_any_other_ref_is_an_error(ref: object) -> None:
    with pytest.raises(InvalidRef):
        message_ref(ref)


def test_a_digest_tells_whether_it_is_the_same_message_again() -> None:
    assert said("Hi", {"a": 1}).digest == said("Hi", {"a": 1}).digest
    others = [said("Ho", {"a": 1}), said("Hi", {"a": 2}), said("Hi"), said('Hi{"a":1}')]
    assert said("Hi", {"a": 1}).digest not in {other.digest for other in others}


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ('{"a":1,"b":[2]}', '{"b":[2],"a":1}'),
        ('{"a":{"b":1,"c":2}}', '{"a":{"c":2,"b":1}}'),
        ("1.0", "1"),
        ("[100]", "[1E+2]"),
        ("-0.0", "0"),
        ('"\\u00e9"', '"é"'),
        ("9007199254740993", "9007199254740992"),  # one double
    ],
)
def test_data_is_compared_by_value(one: str, same: str) -> None:
    first, again = said(data=json.loads(one)), said(data=json.loads(same))
    assert first.digest == again.digest


@pytest.mark.parametrize(
    "other", ["[1,2]", "[2,1,1]", '["1"]', "[true]", '{"a":1}', "[1.5]", "[[1]]", "[null]"]
)
def test_other_data_has_another_digest(other: str) -> None:
    assert said(data=[1]).digest != said(data=json.loads(other)).digest
