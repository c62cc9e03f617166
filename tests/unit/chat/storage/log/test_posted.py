"""Messages that are posted before their rows are written, and a fan-out that knows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.errors import InvalidRef
from chat.protocol.messages import Change, Entry, Message
from chat.protocol.timestamps import iso
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import NOW, TABLE, items, message


class Posts:
    """What was to be posted, and the rows that were there at that moment."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.arrive = True
        self.entries: list[Entry] = []
        self.epochs: list[str | None] = []
        self.rows: list[list[str]] = []

    def __call__(self, room: str, epoch: str | None, entry: Entry) -> bool:
        assert room == "general"
        self.entries.append(entry)
        self.epochs.append(epoch)
        self.rows.append(sorted(items(self._dynamodb, "LOG#")))
        return self.arrive


@pytest.fixture
def posts(dynamodb: Any) -> Posts:
    return Posts(dynamodb)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def lane(dynamodb: Any, posts: Posts, clock: Clock) -> Log:
    rules = RoomRules(dynamodb, TABLE, clock)
    return Log(dynamodb, TABLE, 90, rules, now=clock, rate=Rate(10_000, 10_000), post_at_once=posts)


def said(ref: str, clock: Clock) -> Message:
    return message(ref, at=iso(clock(), "milliseconds"))


def posted(dynamodb: Any) -> list[bool]:
    return ["posted" in row for _, row in sorted(items(dynamodb, "LOG#").items())]


def test_a_message_is_posted_after_its_ref_and_before_its_row_which_says_so(
    lane: Log, posts: Posts, clock: Clock, dynamodb: Any
) -> None:
    first = said("r1", clock)
    lane.append("general", first)
    assert posts.entries == [Entry(1, first)]
    assert posts.rows == [[]]
    assert items(dynamodb, "REF#")
    assert posted(dynamodb) == [True]
    clock.now += 1
    lane.append("general", said("r2", clock))
    assert posts.rows[1] == ["000000000001"]
    assert posts.epochs == 2 * [lane.head("general").epoch]


def test_what_not_everybody_has_is_not_marked(lane: Log, posts: Posts, clock: Clock, dynamodb: Any) -> None:
    posts.arrive = False
    lane.append("general", said("r1", clock))
    assert posted(dynamodb) == [False]


def test_what_follows_within_half_a_second_is_left_to_the_stream(
    lane: Log, posts: Posts, clock: Clock, dynamodb: Any
) -> None:
    for number, pause in enumerate((0, 0.1, 0.45, 0.6, 0.2), start=1):
        clock.now += pause
        lane.append("general", said(f"r{number}", clock))
    assert [entry.seq for entry in posts.entries] == [1, 4]
    assert posted(dynamodb) == [True, False, False, True, False]


def test_changes_and_replies_are_left_to_the_stream_which_folds_them(
    lane: Log, posts: Posts, clock: Clock
) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    at = iso(clock(), "milliseconds")
    lane.append("general", Change("edit", 1, "c1", "u1", "Ada", at, text="Ho"))
    clock.now += 1
    lane.append("general", replace(said("r2", clock), reply_to=1, root=1))
    assert [entry.seq for entry in posts.entries] == [1]


def test_what_is_sent_again_is_not_posted_again(lane: Log, posts: Posts, clock: Clock) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    assert lane.append("general", said("r1", clock)).seq == 1
    clock.now += 1
    with pytest.raises(InvalidRef):
        lane.append("general", replace(said("r1", clock), text="something else"))
    assert [entry.seq for entry in posts.entries] == [1]


class Sleeps:
    """Passes the time of a fan-out that waits, and lets something happen after some checks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.checks = 0
        self.then: tuple[int, Any] | None = None

    def __call__(self, seconds: float) -> None:
        self.checks += 1
        self._clock.now += seconds
        if self.then and self.then[0] == self.checks:
            self.then[1]()


def test_the_fan_out_waits_for_the_row_of_a_young_message_and_knows_that_it_is_posted(
    lane: Log, posts: Posts, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    sleeps = Sleeps(clock)
    repair = LogRepair(dynamodb, TABLE, 90, now=clock, posted_within=0.5, sleep=sleeps)
    lane.append("general", said("r1", clock))
    run = stream.batch()["general"]
    (row,) = items(dynamodb, "LOG#").values()
    dynamodb.delete_item(TableName=TABLE, Key={"pk": row["pk"], "sk": row["sk"]})
    sleeps.then = (3, lambda: dynamodb.put_item(TableName=TABLE, Item=row))
    repaired = repair.repair("general", run)
    assert sleeps.checks == 3
    assert (repaired.posted, repaired.entries) == ({1}, run)


def test_the_fan_out_waits_half_a_second_for_a_function_that_died_and_then_does_all(
    lane: Log, posts: Posts, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    sleeps = Sleeps(clock)
    repair = LogRepair(dynamodb, TABLE, 90, now=clock, posted_within=0.5, sleep=sleeps)
    lane.append("general", said("r1", clock))
    run = stream.batch()["general"]
    (row,) = items(dynamodb, "LOG#").values()
    dynamodb.delete_item(TableName=TABLE, Key={"pk": row["pk"], "sk": row["sk"]})
    repaired = repair.repair("general", run)
    assert clock.now - NOW == pytest.approx(0.5, abs=0.05)
    assert (repaired.posted, repaired.entries) == (frozenset(), run)
    assert posted(dynamodb) == [False]
