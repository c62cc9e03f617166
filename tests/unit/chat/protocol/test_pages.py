from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from chat.protocol.messages import Entry, Message
from chat.protocol.pages import GAP_FINAL_AFTER, Page, Row, page_after, page_before

NOW = 1_795_500_000.0
RECENT, OLD = NOW - 1, NOW - GAP_FINAL_AFTER.total_seconds()


def row(seq: int, sent: float = RECENT) -> Row:
    at = datetime.fromtimestamp(sent, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Row(Entry(seq, Message(f"r{seq}", "u1", "Ada", "Hi", None, at)), at)


def rows(*seqs: int, sent: float = RECENT) -> list[Row]:
    return [row(seq, sent) for seq in seqs]


def anything(entry: Entry) -> bool:
    return True


def at_most(places: int) -> Callable[[Entry], bool]:
    left = iter([True] * places)
    return lambda entry: next(left, False)


def seqs(page: Page) -> list[int]:
    return [entry.seq for entry in page.entries]


def test_a_page_follows_on_what_the_reader_has() -> None:
    assert page_after(2, rows(3, 4, 5), anything, NOW) == Page(
        [each.entry for each in rows(3, 4, 5)], more=False
    )


@pytest.mark.parametrize("page", [page_after(0, [], anything, NOW), page_before([], anything)])
def test_where_nothing_is_a_page_is_empty(page: Page) -> None:
    assert page == Page([], more=False)


def test_a_full_page_says_that_there_is_more() -> None:
    page = page_after(0, rows(1, 2, 3), at_most(2), NOW)
    assert (seqs(page), page.more) == ([1, 2], True)
    page = page_after(0, rows(1, 2), at_most(2), NOW)
    assert (seqs(page), page.more) == ([1, 2], False)


@pytest.mark.parametrize("sent", [RECENT, OLD])
def test_a_page_ends_before_a_gap(sent: float) -> None:
    page = page_after(0, rows(1, 2, 4, sent=sent), anything, NOW)
    assert (seqs(page), page.more, page.first_seq) == ([1, 2], True, None)


def test_a_page_waits_for_a_gap_that_may_be_filled() -> None:
    assert page_after(2, rows(4, 5), anything, NOW) == Page([], more=True)
    assert page_after(2, [row(4, OLD + 1)], anything, NOW) == Page([], more=True)


def test_a_page_skips_a_final_gap() -> None:
    page = page_after(2, [row(1_001, OLD), row(1_002)], anything, NOW)
    assert (seqs(page), page.more, page.first_seq) == ([1_001, 1_002], False, 1_001)


def test_a_page_skips_one_gap_and_ends_before_the_next() -> None:
    page = page_after(2, rows(5, 6, 9, sent=OLD), anything, NOW)
    assert (seqs(page), page.more, page.first_seq) == ([5, 6], True, 5)


def test_the_page_before_is_the_newest_down_to_a_gap() -> None:
    page = page_before(rows(9, 8, 7), anything)
    assert (seqs(page), page.more) == ([7, 8, 9], False)
    page = page_before(rows(9, 8, 6), anything)
    assert (seqs(page), page.more) == ([8, 9], True)
    page = page_before(rows(9, 8, 7), at_most(2))
    assert (seqs(page), page.more) == ([8, 9], True)


def test_no_more_is_read_than_the_page_needs() -> None:
    def endless() -> Iterator[Row]:
        for seq in range(1, 5):
            yield row(seq)
        raise AssertionError("read on")

    assert seqs(page_after(0, endless(), at_most(3), NOW)) == [1, 2, 3]
