"""Check what a page shows of a room against the room's history. No browser, no sockets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tests.loss_checker.changes_oracle import Form
from tests.loss_checker.oracle import Finding

LOADED = 50  # messages that a room on the page begins with
# As web/page/words says it.
DELETED = "This message was deleted."
GAPS = {"Some messages could not be loaded.": "lost", "This room's history begins again here.": "reset"}


@dataclass(frozen=True, slots=True)
class Row:
    """A message as a person sees it. `quote` is whose message it answers, and its words."""

    who: str
    text: str
    delivery: str = "sent"
    mine: bool = False
    at_me: bool = False
    edited: bool = False
    deleted: bool = False
    reactions: Sequence[tuple[str, int, bool]] = ()  # the last: the person's own is among them
    quote: tuple[str, str] | None = None
    replies: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the field, and whether it answers a message."""

    text: str = ""
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows. `badges` are those of the rooms beside the open one."""

    room: str
    draft: Draft
    rows: Sequence[Row]
    notes: Sequence[str]
    badges: Mapping[str, str]


def check_page(where: str, user: str, shown: Shown, history: Mapping[int, Form]) -> Iterator[Finding]:
    """Yield what differs in the newest messages: all that are shown, and at least what a room begins with."""
    for note in shown.notes:
        if note in GAPS:
            yield Finding(GAPS[note], where, note)
    if len(shown.rows) < min(LOADED, len(history)):
        yield Finding("missing", where, f"{len(shown.rows)} of {len(history)} messages are shown")
    newest = sorted(history)[-len(shown.rows) :] if shown.rows else []
    for seq, row in zip_longest(newest, shown.rows):
        expected = expected_row(history[seq], user, history) if seq else None
        if row != expected:
            yield Finding("shown otherwise", where, f"{row}, not {seq} {expected}")
            return  # What follows may only be moved by one.


def expected_row(message: Form, user: str, history: Mapping[int, Form]) -> Row:
    """Return how a message has to be shown to a user."""
    mine, deleted = message["user"] == user, "deleted" in message
    return Row(
        who=_called(message, user),
        text=DELETED if deleted else message["message"],
        mine=mine,
        at_me=not mine and user in message.get("mentions", []),
        edited="edited_at" in message and not deleted,
        deleted=deleted,
        reactions=tuple(
            (each["reaction"], each["count"], any(person["user"] == user for person in each["people"]))
            for each in message.get("reactions", [])
        ),
        quote=_quote(history.get(message.get("reply_to", 0)), user) if "reply_to" in message else None,
        replies=0 if deleted else message.get("replies", 0),
    )


def check_written(
    where: str,
    written: Sequence[str],
    sent: Sequence[str],
    deleted: Sequence[str],
    history: Mapping[int, Form],
) -> Iterator[Finding]:
    """Yield what somebody has written and no page has sent, or twice; and what is deleted and can be read.

    `sent` has the text of each message, once per ref.
    """
    for text in written:
        if (count := sent.count(text)) != 1:
            yield Finding("lost" if count == 0 else "repeated", where, f"{text!r} has {count} refs")
    texts = {message["message"] for message in history.values()}
    for text in deleted:
        if text in texts:
            yield Finding("not deleted", where, repr(text))


def _called(message: Form, user: str) -> str:
    return "You" if message["user"] == user else str(message["name"])


def _quote(message: Form | None, user: str) -> tuple[str, str]:
    if message is None:
        return "", "This message is not available any more."
    return _called(message, user), DELETED if "deleted" in message else " ".join(message["message"].split())
