"""A room's history, in pages.

A page has no hole: it is the log from one seq to another, and a client that has it needs to ask for nothing
in between. A row that is missing may still come: a crash left it out, or its message is being stored this
moment, and the fan-out settles what it broadcasts. So a page ends before a hole. But a row that has not come
by the time that the stream gives up a record never will, and one that is older than the history has expired:
such a hole is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chat.protocol.messages import Entry

LIMIT = 100  # places of a page, where none are asked for
MAX_LIMIT = 200
# A hole in front of a row this old stays: MaximumRecordAgeInSeconds of FanoutMapping in template.yaml.
GAP_FINAL_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A place in the log as it is stored."""

    entry: Entry
    at: str  # when its message was sent


@dataclass(frozen=True, slots=True)
class Page:
    """Entries by ascending seq. `more`: there are rows beyond. `first_seq`: the page's first seq, if what the
    reader asked for before it is gone for good.
    """

    entries: list[Entry]
    more: bool
    first_seq: int | None = None


def page_after(seq: int, rows: Iterable[Row], fits: Callable[[Entry], bool], now: float) -> Page:
    """What follows `seq`. `rows` are what is there beyond it, ascending; `fits` says whether one fits."""
    entries: list[Entry] = []
    first_seq = None
    for row in rows:
        if row.entry.seq != seq + 1:
            if entries or not _gap_is_final(row, now):
                return Page(entries, more=True, first_seq=first_seq)
            first_seq = row.entry.seq
        if not fits(row.entry):
            return Page(entries, more=True, first_seq=first_seq)
        entries.append(row.entry)
        seq = row.entry.seq
    return Page(entries, more=False, first_seq=first_seq)


def page_before(rows: Iterable[Row], fits: Callable[[Entry], bool]) -> Page:
    """The newest of `rows`, which are descending, down to a hole."""
    entries: list[Entry] = []
    for row in rows:
        beyond_a_hole = entries and row.entry.seq != entries[-1].seq - 1
        if beyond_a_hole or not fits(row.entry):
            return Page(entries[::-1], more=True)
        entries.append(row.entry)
    return Page(entries[::-1], more=False)


def _gap_is_final(row: Row, now: float) -> bool:
    return datetime.fromtimestamp(now, UTC) - datetime.fromisoformat(row.at) >= GAP_FINAL_AFTER
