"""Messages that the accepting function posts, and a fan-out that knows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.errors import InvalidRef
from chat.protocol.messages import Change, Entry, Message
from chat.protocol.timestamps import iso
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair, Repaired
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import NOW, TABLE, Sleeps, items, message


class Posts:
    """What was to be posted, and the rows that were there at that moment. `then` happens during it."""

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb
        self.arrive = True
        self.entries: list[Entry] = []
        self.epochs: list[str | None] = []
        self.rows: list[dict[str, Any]] = []
        self.then: Callable[[], object] = lambda: None

    def __call__(self, room: str, epoch: str | None, entry: Entry) -> bool:
        assert room == "general"
        self.entries.append(entry)
        self.epochs.append(epoch)
        self.rows.append(items(self._dynamodb, "LOG#"))
        self.then()
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
    rows = [row for _, row in sorted(items(dynamodb, "LOG#").items())]
    assert not any("posting" in row for row in rows)
    return ["posted" in row for row in rows]


def test_a_message_is_posted_after_its_row_which_says_so_meanwhile_and_in_the_end(
    lane: Log, posts: Posts, clock: Clock, dynamodb: Any
) -> None:
    first = said("r1", clock)
    lane.append("general", first)
    assert posts.entries == [Entry(1, first)]
    assert [(key, row["message"], row["posting"]) for key, row in posts.rows[0].items()] == [
        ("000000000001", "Hi", True)
    ]
    assert posted(dynamodb) == [True]
    clock.now += 1
    lane.append("general", said("r2", clock))
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


def test_what_follows_a_reaction_waits_for_it_a_second_longer(lane: Log, posts: Posts, clock: Clock) -> None:
    lane.append("general", said("r1", clock))
    for ref, pause in (("r2", 1.4), ("r3", 1.6)):
        clock.now += 2
        at = iso(clock(), "milliseconds")
        lane.append("general", Change("react", 1, f"change before {ref}", "u1", "Ada", at, reaction="+"))
        clock.now += pause
        lane.append("general", said(ref, clock))
    assert [entry.seq for entry in posts.entries] == [1, 5]


def test_changes_are_left_to_the_stream_which_folds_them(lane: Log, posts: Posts, clock: Clock) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    at = iso(clock(), "milliseconds")
    lane.append("general", Change("edit", 1, "c1", "u1", "Ada", at, text="Ho"))
    clock.now += 2
    lane.append("general", Change("react", 1, "c2", "u1", "Ada", iso(clock(), "milliseconds"), reaction="+"))
    assert [entry.seq for entry in posts.entries] == [1]


def reply(ref: str, clock: Clock) -> Message:
    return replace(said(ref, clock), reply_to=1, root=1)


def test_a_reply_is_posted_at_once_and_counted_once_when_the_stream_brings_it(
    lane: Log, posts: Posts, repair: LogRepair, clock: Clock, stream: Stream
) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    at = iso(clock(), "milliseconds")
    lane.append("general", Change("edit", 1, "c1", "u1", "Ada", at, text="Ho"))
    clock.now += 1
    lane.append("general", reply("r2", clock))
    assert [entry.seq for entry in posts.entries] == [1, 3]
    # Whoever takes over finds the edit behind it.
    assert posts.rows[-1]["000000000003"]["changed_before"] == 2
    run = stream.batch()["general"]
    for _ in range(2):  # the stream may bring it again
        assert 3 in repair.repair("general", run).posted
        assert lane.messages("general", [1])[1].replies == 1


def test_a_function_that_dies_in_the_posts_of_a_reply_leaves_it_to_the_stream(
    lane: Log, posts: Posts, repair: LogRepair, clock: Clock, stream: Stream
) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    lane.append("general", said("r1", clock))
    clock.now += 1
    posts.then = die
    with pytest.raises(Died):
        lane.append("general", reply("r2", clock))
    repaired = repair.repair("general", stream.batch()["general"])
    assert (repaired.posted, [entry.seq for entry in repaired.entries]) == ({1}, [1, 2])
    assert lane.append("general", reply("r2", clock)).seq == 2
    assert lane.messages("general", [1])[1].replies == 1


def test_of_two_replies_at_once_the_second_is_left_to_the_stream(
    lane: Log, posts: Posts, repair: LogRepair, clock: Clock, stream: Stream
) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    posts.then = lambda: lane.append("general", reply("r3", clock))
    lane.append("general", reply("r2", clock))
    assert [entry.seq for entry in posts.entries] == [1, 2]
    assert repair.repair("general", stream.batch()["general"]).posted == {1, 2}
    assert lane.messages("general", [1])[1].replies == 2


def test_what_is_sent_again_is_not_posted_again(lane: Log, posts: Posts, clock: Clock) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 1
    assert lane.append("general", said("r1", clock)).seq == 1
    clock.now += 1
    with pytest.raises(InvalidRef):
        lane.append("general", replace(said("r1", clock), text="something else"))
    assert [entry.seq for entry in posts.entries] == [1]


def test_what_the_fan_out_has_stored_first_is_left_to_it(
    lane: Log, posts: Posts, repair: LogRepair, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    class Overtaken:
        """DynamoDB for a function that the fan-out overtakes before its row."""

        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

        def put_item(self, **request: Any) -> Any:
            if request["Item"]["pk"].startswith("LOG#"):
                repair.repair("general", stream.batch()["general"])
            return dynamodb.put_item(**request)

    rules = RoomRules(dynamodb, TABLE, clock)
    overtaken = Log(Overtaken(), TABLE, 90, rules, now=clock, rate=Rate(10_000, 10_000), post_at_once=posts)
    assert overtaken.append("general", said("r1", clock)).seq == 1
    assert posts.entries == []
    assert posted(dynamodb) == [False]


@pytest.fixture
def repair(dynamodb: Any, clock: Clock, sleeps: Sleeps) -> LogRepair:
    return LogRepair(dynamodb, TABLE, 90, now=clock, sleep=sleeps)


def mark(dynamodb: Any, expression: str) -> None:
    (row,) = (row for row in items(dynamodb, "LOG#").values() if "posting" in row)
    key = {"pk": row["pk"], "sk": row["sk"]}
    dynamodb.update_item(TableName=TABLE, Key=key, UpdateExpression=expression)


def test_the_fan_out_waits_for_the_posts_of_any_message_of_a_run(
    lane: Log, posts: Posts, repair: LogRepair, sleeps: Sleeps, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    lane.append("general", said("r1", clock))
    clock.now += 5
    runs: list[Repaired] = []
    sleeps.then[3] = lambda: mark(dynamodb, "SET posted = posting REMOVE posting")
    posts.then = lambda: runs.append(repair.repair("general", stream.batch()["general"]))
    lane.append("general", said("r2", clock))
    (repaired,) = runs
    assert (sleeps.pauses, repaired.posted) == (3, {1, 2})
    assert [entry.seq for entry in repaired.entries] == [1, 2]


def test_the_fan_out_waits_for_the_posts_of_a_message_whose_row_came_after_its_read(
    lane: Log, posts: Posts, sleeps: Sleeps, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    class ReadEarly:
        """DynamoDB for a fan-out that has read the rows a moment ago."""

        reads = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

        def batch_get_item(self, **request: Any) -> Any:
            answer = dynamodb.batch_get_item(**request)
            self.reads += 1
            if self.reads == 1:
                items = answer["Responses"][TABLE]
                items[:] = [item for item in items if not item["sk"].isdigit()]
            return answer

    repair = LogRepair(ReadEarly(), TABLE, 90, now=clock, sleep=sleeps)
    runs: list[Repaired] = []
    sleeps.then[3] = lambda: mark(dynamodb, "SET posted = posting REMOVE posting")
    posts.then = lambda: runs.append(repair.repair("general", stream.batch()["general"]))
    lane.append("general", said("r1", clock))
    (repaired,) = runs
    assert (sleeps.pauses, repaired.posted) == (3, {1})


def test_the_fan_out_takes_half_a_second_for_a_death_and_posts_to_all(
    lane: Log, posts: Posts, repair: LogRepair, sleeps: Sleeps, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    runs: list[Repaired] = []
    posts.then = lambda: runs.append(repair.repair("general", stream.batch()["general"]))
    lane.append("general", said("r1", clock))
    (repaired,) = runs
    assert (sleeps.pauses, repaired.posted) == (25, frozenset())
    assert [entry.seq for entry in repaired.entries] == [1]


def test_a_later_message_does_not_wait_for_a_reply_whose_function_died(
    lane: Log, posts: Posts, sleeps: Sleeps, clock: Clock, dynamodb: Any, stream: Stream
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    lane.append("general", said("r1", clock))
    clock.now += 5
    posts.then = die
    with pytest.raises(KeyboardInterrupt):
        lane.append("general", replace(said("r2", clock), reply_to=1, root=1))
    LogRepair(dynamodb, TABLE, 90, now=clock, sleep=sleeps).repair("general", stream.batch()["general"])
    waited, sleeps.pauses = sleeps.pauses, 0
    assert waited > 0
    posts.then = lambda: None
    clock.now += 3_600
    lane.append("general", said("r3", clock))
    another = LogRepair(dynamodb, TABLE, 90, now=clock, sleep=sleeps)
    assert another.repair("general", stream.batch()["general"]).posted == {3}
    assert sleeps.pauses == 0
