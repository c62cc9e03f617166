"""A room's history, in pages.

A page has no gap: it is the log from one seq to another, so a client need not ask for anything in between. A
missing row may still come: a crash left it out and the fan-out will repair it, or its message is being stored
at this moment. So a page ends before a gap. But a row that is missing when the stream gives up its record
will never come, and a row older than the history has expired. A page skips such a final gap. A pending change
is a gap, too, that is never final: its content is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chat.protocol.messages import Entry

LIMIT = 100  # entries of a page, if the client asks for no number
MAX_LIMIT = 200
# A gap before a row this old is final: MaximumRecordAgeInSeconds of FanoutMapping in template.yaml.
GAP_FINAL_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of the log as it is stored. `pending`: a change that is not folded yet; the entry is empty."""

    entry: Entry
    at: str  # when its message was sent, ISO 8601
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Entries by ascending seq. `more`: there are further rows. `first_seq`: the page's first seq, if entries
    before it that the client asked for are lost.
    """

    entries: list[Entry]
    more: bool
    first_seq: int | None = None


def page_after(seq: int, rows: Iterable[Row], fits: Callable[[Entry], bool], now: float) -> Page:
    """Return the page after `seq`. `rows` are all after it, ascending; `fits` adds an entry if it fits."""
    entries: list[Entry] = []
    first_seq, pending = None, False
    for row in rows:
        if row.pending:
            pending = True
            continue
        if row.entry.seq != seq + 1:
            if entries or pending or not _gap_is_final(row, now):
                return Page(entries, more=True, first_seq=first_seq)
            first_seq = row.entry.seq
        if not fits(row.entry):
            return Page(entries, more=True, first_seq=first_seq)
        entries.append(row.entry)
        seq = row.entry.seq
    return Page(entries, more=False, first_seq=first_seq)


def page_before(rows: Iterable[Row], fits: Callable[[Entry], bool]) -> Page:
    """Return the page with the newest of `rows`, which are descending, down to a gap."""
    entries: list[Entry] = []
    for row in rows:
        if row.pending:
            continue
        behind_a_gap = entries and row.entry.seq != entries[-1].seq - 1
        if behind_a_gap or not fits(row.entry):
            return Page(entries[::-1], more=True)
        entries.append(row.entry)
    return Page(entries[::-1], more=False)


def _gap_is_final(row: Row, now: float) -> bool:
    return datetime.fromtimestamp(now, UTC) - datetime.fromisoformat(row.at) >= GAP_FINAL_AFTER
