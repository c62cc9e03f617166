"""The largest message, with the most and the longest reactions, fits into a frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from unicodedata import normalize

import pytest

from chat.identity.identity import MAX_NAME, MAX_USER, Identity
from chat.protocol import frames
from chat.protocol.data import MAX_DATA
from chat.protocol.errors import InvalidMessage
from chat.protocol.frame_builder import MAX_FRAME
from chat.protocol.messages import (
    MAX_MENTIONS_BYTES,
    MAX_REACTION,
    MAX_REF,
    MAX_TEXT,
    Change,
    Entry,
    compose,
    compose_reaction,
    mentions_size,
)
from chat.protocol.pages import Page
from chat.storage.log.fold import MAX_REACTIONS, Folding

WIDE = "💬"  # a character of four bytes
AT = "2026-11-24T06:20:01.123Z"
# U+1D160 becomes three characters in NFC.
LONG = [WIDE * MAX_REACTION, WIDE * 16, "\U0001d160" * MAX_REACTION, "\U0001d160" * 5, '"' * MAX_REACTION]

MENTIONED = [f"{number:04d}" + '"' * 16 for number in range(49)] + ["x" * 84]  # `"` is escaped in JSON


def author(number: int) -> Identity:
    return Identity(f"{number:04d}" + WIDE * (MAX_USER - 4), WIDE * MAX_NAME, "v1")


def reactions(text: str) -> Iterator[Change]:
    """As many different reactions like this text as the server takes."""
    for number in range(MAX_REACTIONS):
        reaction = chr(0x4E00 + number) + text[1:]
        for shorter in (reaction, reaction[: MAX_REACTION // 2], reaction[:5]):
            try:
                yield compose_reaction(
                    author=author(number),
                    ref=WIDE * MAX_REF,
                    of=10**12 - 99,
                    reaction=shorter,
                    on=True,
                    at=AT,
                )
                break
            except InvalidMessage:
                pass


@pytest.mark.parametrize("mentions", [[], MENTIONED], ids=["no mentions", "mentions"])
@pytest.mark.parametrize("text", LONG, ids=ascii)
def test_the_largest_message_with_all_its_reactions_fits_a_frame_and_a_reply_to_join(
    text: str, mentions: list[str]
) -> None:
    room, data = WIDE * 100, "x" * (MAX_DATA - 2)
    message = compose(
        author=author(0), ref=WIDE * MAX_REF, text=WIDE * MAX_TEXT, data=data, at=AT, mentions=mentions
    )
    assert not mentions or MAX_MENTIONS_BYTES - 40 < mentions_size(mentions) <= MAX_MENTIONS_BYTES
    folding = Folding(message, {})
    folding.reacted = defaultdict(bool)
    edited = Change("edit", 1, "r", "u", "n", AT, text=message.text, data=message.data)
    changes = [edited, *reactions(text)]
    for seq, change in enumerate(changes, 10**12 - 90):
        folding.apply(seq, change)
    assert len(folding.message.reactions) == MAX_REACTIONS
    for entry in (Entry(10**12 - 99, folding.message), Entry(10**12 - 1, folding.message, changes[-1])):
        (frame,) = frames.messages(room, "e" * 8, [entry])
        assert WIDE * MAX_TEXT in frame
        assert len(frame.encode()) <= MAX_FRAME
        rules = {"muted": {"until": AT, "expires_in": 31_622_400}, "slow_mode": 31_622_400}
        who = {"user": author(1).user, "name": author(1).name, "rules": rules, "expires_in": 10**6}
        reply = frames.PageReply(WIDE * MAX_REF, 100, "e" * 8, room=room, seq=10**12 - 1, **who)
        assert reply.fits(entry)
        assert len(reply.encoded(Page([entry], more=False, first_seq=10**12 - 1)).encode()) <= MAX_FRAME


@pytest.mark.parametrize("text", ["👩‍💻", "❤️‍🔥", "🏳️‍🌈", "👩🏽‍❤️‍💋‍👨🏿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏽", "+1", "cafe\u0301"])
def test_any_emoji_is_a_reaction(text: str) -> None:
    change = compose_reaction(author=author(0), ref="r", of=1, reaction=text, on=True, at=AT)
    assert change.reaction == normalize("NFC", text)


@pytest.mark.parametrize(
    "text", ["\u200d", "\U000e0067", "a\u202eb", WIDE * 17, "\ud800", "a\u0085"], ids=ascii
)
def test_what_shows_nothing_or_turns_text_is_no_reaction(text: str) -> None:
    with pytest.raises(InvalidMessage):
        compose_reaction(author=author(0), ref="r", of=1, reaction=text, on=True, at=AT)
