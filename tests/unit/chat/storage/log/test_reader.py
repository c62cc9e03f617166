"""Reading a log."""

from __future__ import annotations

from typing import Any

import pytest

from chat.protocol.messages import Entry
from chat.protocol.pages import Row
from chat.storage.keys import MAX_SEQ
from chat.storage.log.log import Log
from chat.storage.rules import RoomRules
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.unit.chat.storage.log.conftest import DAY, NOW, TABLE, log_of, message


def test_the_newest_seq_of_each_room_is_read_strongly_consistent(log: Log, dynamodb: Any) -> None:
    for ref in ("r1", "r2"):
        log.append("a#b", message(ref))
    log.append("news", message("r1"))
    counting = MortalDynamoDB(dynamodb)
    heads = log_of(counting).heads({"a#b", "news", "silent"})
    assert {room: head.seq for room, head in heads.items()} == {"a#b": 2, "news": 1, "silent": 0}
    assert counting.calls == ["batch_get_item"]
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_no_room_has_no_seq_and_costs_no_call(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    assert log_of(counting).heads(set()) == {}
    assert counting.calls == []


def spoken(log: Log, number: int) -> None:
    for each in range(1, number + 1):
        log.append("general", message(f"r{each}", f"text {each}", at=f"at {each}"))


def test_rows_are_read_in_both_directions_and_over_many_reads(log: Log, dynamodb: Any) -> None:
    spoken(log, 150)
    log.append("general", message("r1", "text 1", at="again"))
    log.append("general2", message("r1"))
    assert [row.entry.seq for row in log.rows_after("general", 0)] == list(range(1, 152))
    assert [row.entry.seq for row in log.rows_before("general", 152)] == list(range(151, 0, -1))
    assert [row.entry.seq for row in log.rows_after("general", 149)] == [150, 151]
    assert [row.entry.seq for row in log.rows_before("general", 3)] == [2, 1]
    assert list(log.rows_after("general", 149)) == [
        Row(Entry(150, message("r150", "text 150", at="at 150")), "at 150"),
        Row(Entry(151, None), "again"),
    ]


@pytest.mark.parametrize("seq", [0, 1])
def test_nothing_is_before_the_first(log: Log, seq: int) -> None:
    spoken(log, 1)
    assert list(log.rows_before("general", seq)) == []


def test_nothing_is_after_the_last_or_in_a_room_that_never_was(log: Log) -> None:
    spoken(log, 1)
    for seq in (1, 2, MAX_SEQ - 1, MAX_SEQ):
        assert list(log.rows_after("general", seq)) == []
    assert list(log.rows_after("silent", 0)) == list(log.rows_before("silent", MAX_SEQ)) == []


def test_a_page_that_is_full_early_reads_no_further(log: Log, dynamodb: Any) -> None:
    spoken(log, 150)
    counting = MortalDynamoDB(dynamodb)
    rows = log_of(counting).rows_after("general", 0)
    assert [next(rows).entry.seq for _ in range(10)] == list(range(1, 11))
    assert counting.calls == ["query"]
    assert counting.asked[0]["ConsistentRead"] is True


def test_what_has_expired_is_not_read_even_if_it_is_still_there(dynamodb: Any) -> None:
    now = [NOW]
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE), now=lambda: now[0])
    log.append("general", message("r1"))
    now[0] += DAY
    log.append("general", message("r2"))
    now[0] = NOW + 90 * DAY
    assert [row.entry.seq for row in log.rows_after("general", 0)] == [2]
    assert [row.entry.seq for row in log.rows_before("general", 3)] == [2]
