from __future__ import annotations

import json
from itertools import pairwise, takewhile
from typing import Any

import pytest

from chat.protocol import frames
from chat.protocol.data import MAX_DATA
from chat.protocol.entries import MAX_LISTED, newest_reactions
from chat.protocol.errors import InvalidFrame, InvalidRoom, NotAMember
from chat.protocol.messages import Change, ChangeKind, Entry, Message
from chat.protocol.pages import Page
from chat.storage.keys import MAX_SEQ

AT = "2026-11-24T06:20:01.123Z"


def entry(seq: int, text: str = "Hi", data: str | None = None) -> Entry:
    return Entry(seq, Message(f"r{seq}", "u1", "Ada", text, data, AT))


def skipped_entry(seq: int) -> Entry:
    return Entry(seq, None)


def decoded(room: str, entries: list[Entry]) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in frames.messages(room, None, entries)]


def seqs(frame: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in frame["messages"]]


# From a client


def test_a_frame_is_read_whole() -> None:
    request = frames.parse('{"action":"send","room":"lobby","extra":[1]}')
    assert request.action == "send"
    assert request.fields == {"action": "send", "room": "lobby", "extra": [1]}


@pytest.mark.parametrize(
    ("body", "action"), [("{}", None), ('{"action":7}', 7), ('{"action":["send"]}', ["send"])]
)
def test_an_action_is_not_checked_here(body: str, action: object) -> None:
    assert frames.parse(body).action == action


@pytest.mark.parametrize(
    "body",
    [
        None, "", " ", "Hi from websocket!", "{", '{"action":"send"', "{'action':'send'}", "\ufeff{}",
        '{"a":1}{"b":2}',
        "[]", '"text"', "7", "null", "true", "NaN", "[" * 5_000 + "]" * 5_000,
        '{"a":' * 30_000 + "1" + "}" * 30_000,
        '{"a":' + "9" * 5_000 + "}",  # CPython reads at most 4,300 digits
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_json_object_is_an_error(body: str | None) -> None:
    with pytest.raises(InvalidFrame):
        frames.parse(body)


def echoed_ref(body: str | None) -> str | None:
    """The ref of an error reply to this body."""
    try:
        return frames.parse(body).echoed_ref
    except InvalidFrame:
        return None


@pytest.mark.parametrize(
    ("body", "ref"),
    [
        ('{"ref":"r1"}', "r1"),
        ('{"ref":"' + "r" * 128 + '"}', "r" * 128),
        ('{"ref":"' + "r" * 129 + '"}', None),
        ('{"ref":"a\\u0000b"}', None),
        ('{"ref":"\\ud83d"}', None),
        ('{"ref":{"a":1}}', None),
        ('{"ref":7}', None),
        ("{}", None),
        ("not JSON", None),
        (None, None),
    ],
)
def test_an_error_names_only_a_ref_that_can_be_sent_back(body: str | None, ref: str | None) -> None:
    assert echoed_ref(body) == ref


# To a client


def test_a_reply_is_what_the_protocol_says() -> None:
    assert json.loads(frames.reply("r1", room="lobby", seq=42, id="r1", at=AT)) == {
        "type": "reply", "ref": "r1", "status": "ok", "room": "lobby", "seq": 42, "id": "r1", "at": AT,
    }  # fmt: skip


def test_an_error_carries_its_code_and_a_sentence() -> None:
    assert json.loads(frames.error(None, NotAMember("Join first."))) == {
        "type": "reply", "ref": None, "status": "error", "code": "not_a_member", "detail": "Join first.",
    }  # fmt: skip
    assert json.loads(frames.error("r1", InvalidRoom("No.")))["ref"] == "r1"


def test_a_run_becomes_one_frame_in_order() -> None:
    assert decoded("general", [entry(41), entry(42, "Ho", '{"a":[1,"é"]}')]) == [
        {
            "type": "messages",
            "room": "general",
            "messages": [
                {"seq": 41, "id": "r41", "user": "u1", "name": "Ada", "message": "Hi", "at": AT},
                {
                    "seq": 42, "id": "r42", "user": "u1", "name": "Ada", "message": "Ho", "at": AT,
                    "data": {"a": [1, "é"]},
                },
            ],
        }
    ]  # fmt: skip


def test_skipped_numbers_are_listed_beside_the_messages() -> None:
    assert decoded("general", [entry(41), skipped_entry(42), entry(43), skipped_entry(44)]) == [
        {**decoded("general", [entry(41), entry(43)])[0], "skipped": [42, 44]}
    ]


def test_of_very_many_reactions_to_a_message_the_newest_are_listed() -> None:
    def change(seq: int, of: int, kind: ChangeKind) -> Entry:
        message = Message(f"m{of}", "u1", "Ada", "Hi", None, AT, revision=seq)
        return Entry(seq, message, Change(kind, of, f"c{seq}", "u2", "Bo", AT, reaction="👍"))

    reactions = [change(seq, 1, "react") for seq in range(3, 3 + 2 * MAX_LISTED)]
    others = [entry(1000), change(1001, 1, "edit"), change(1002, 2, "react"), skipped_entry(1003)]
    kept = newest_reactions([entry(2), *reactions, *others])
    assert kept[0] == entry(2) and kept[-4:] == others
    assert kept[1 : 1 + MAX_LISTED] == [skipped_entry(each.seq) for each in reactions[:MAX_LISTED]]
    assert kept[1 + MAX_LISTED : -4] == reactions[MAX_LISTED:]
    (frame,) = decoded("general", kept)
    assert frame["skipped"] == [*range(3, 3 + 2 * MAX_LISTED), 1001, 1002, 1003]
    assert newest_reactions(reactions[:MAX_LISTED]) == reactions[:MAX_LISTED]


def test_a_run_of_skipped_numbers_is_a_frame_too() -> None:
    (frame,) = decoded("general", [skipped_entry(1), skipped_entry(2)])
    assert (frame["messages"], frame["skipped"]) == ([], [1, 2])


def test_no_entries_are_no_frame() -> None:
    assert decoded("general", []) == []


def test_frames_are_utf_8_and_not_escaped() -> None:
    (frame,) = frames.messages("日本", None, [entry(1, "é💬", '{"ü":"ß"}')])
    for text in ("日本", "é💬", "ü", "ß"):
        assert text in frame
    assert "\\u" not in frame


@pytest.mark.parametrize("text", ['"\\', "\n\r\t", "</script>", "\u2028\u2029", "\u202e", "\ufeff"])
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert decoded("general", [entry(1, text)])[0]["messages"][0]["message"] == text


def worst(seq: int) -> Entry:
    """As large as a message can be: every bounded field at its bound, in characters that take most bytes."""
    data = json.dumps("💬" * ((MAX_DATA - 2) // 4), ensure_ascii=False)
    return Entry(seq, Message("💬" * 128, "b0a7c6b2e7b04a5f6f1d", "💬" * 64, "💬" * 4_000, data, AT))


def test_the_largest_message_fits_a_frame_alone() -> None:
    (frame,) = frames.messages("💬" * 100, "e" * 64, [worst(999_999_999_999)])
    assert len(frame.encode()) <= 32 * 1024
    assert json.loads(frame)["messages"][0]["message"] == "💬" * 4_000


def test_a_long_run_is_split_below_32_kb_and_keeps_its_order() -> None:
    run = [
        worst(seq) if seq % 3 == 0 else skipped_entry(seq) if seq % 3 == 1 else entry(seq)
        for seq in range(1, 61)
    ]
    out = list(frames.messages("💬" * 100, "e" * 64, run))
    assert len(out) > 1
    assert all(len(frame.encode()) <= 32 * 1024 for frame in out)
    parsed = [json.loads(frame) for frame in out]
    assert [seq for frame in parsed for seq in seqs(frame)] == [it.seq for it in run if it.message]
    assert [seq for frame in parsed for seq in frame.get("skipped", [])] == [
        it.seq for it in run if not it.message
    ]
    # Whatever stands in one frame stands before whatever is in the next.
    spans = [sorted(seqs(frame) + frame.get("skipped", [])) for frame in parsed]
    assert all(before[-1] < after[0] for before, after in pairwise(spans))


def test_frames_are_as_full_as_32_kb_allow() -> None:
    out = list(frames.messages("general", None, [entry(seq, "x" * 900) for seq in range(1, 101)]))
    assert all(len(frame.encode()) > 31 * 1024 for frame in out[:-1])


@pytest.mark.parametrize("padding", range(1, 15))
@pytest.mark.parametrize("first", [[], [entry(1)]], ids=["skipped alone", "skipped beside a message"])
def test_no_frame_is_a_byte_too_long_however_it_is_filled(padding: int, first: list[Entry]) -> None:
    skipped = [
        skipped_entry(seq) for seq in range(100_000_000_000, 100_000_006_000)
    ]  # 13 bytes each, with the comma
    out = list(frames.messages("r" * padding, None, [*first, *skipped]))
    assert len(out) > 1
    assert max(len(frame.encode()) for frame in out) <= 32 * 1024


# A page in a reply


def paged(entries: list[Entry], limit: int = 200, *, room: str = "general", **page: Any) -> dict[str, Any]:
    """The reply with as many of these as it takes, in the order in which they are offered."""
    reply = frames.PageReply("r1", limit, "7f3a91c2", room=room)
    taken = list(takewhile(reply.fits, entries))
    encoded = reply.encoded(Page(taken, **{"more": len(taken) < len(entries)} | page))
    assert len(encoded.encode()) <= 32 * 1024
    out: dict[str, Any] = json.loads(encoded)
    return out


def test_a_page_is_a_reply_with_messages_and_skipped() -> None:
    assert paged([entry(41), skipped_entry(42), entry(43)]) == {
        "type": "reply", "ref": "r1", "status": "ok", "room": "general", "more": False, "skipped": [42],
        "messages": decoded("general", [entry(41), entry(43)])[0]["messages"], "epoch": "7f3a91c2",
    }  # fmt: skip
    assert paged([]) == {
        "type": "reply", "ref": "r1", "status": "ok", "room": "general", "messages": [], "more": False,
        "epoch": "7f3a91c2",
    }  # fmt: skip
    assert paged([entry(41)], first_seq=41)["first_seq"] == 41


def test_a_page_that_was_filled_from_its_end_is_in_order_too() -> None:
    page = paged([skipped_entry(44), entry(43), skipped_entry(42), entry(41)])
    assert (seqs(page), page["skipped"]) == ([41, 43], [42, 44])


def test_a_page_has_no_more_entries_than_were_asked_for() -> None:
    page = paged([entry(1), skipped_entry(2), entry(3), entry(4)], limit=3)
    assert (seqs(page), page["skipped"], page["more"]) == ([1, 3], [2], True)


def test_a_page_is_no_larger_than_a_frame_and_holds_at_least_one_message() -> None:
    page = paged(
        [worst(seq) for seq in (999_999_999_998, 999_999_999_999)], room="💬" * 100, first_seq=MAX_SEQ
    )
    assert (seqs(page), page["more"]) == ([999_999_999_998], True)
    assert len(seqs(paged([entry(seq, "x" * 900) for seq in range(1, 101)]))) > 25


def test_plain_clients_get_the_bare_texts_in_order() -> None:
    assert list(frames.plain([entry(1, "Hi"), skipped_entry(2), entry(3, "Ho\n", "7")])) == ["Hi", "Ho\n"]
