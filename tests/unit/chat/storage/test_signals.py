from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.identity.identity import Person
from chat.protocol.errors import RateLimited
from chat.storage.signals import (
    Notice,
    PostTyping,
    PresenceChanged,
    Signals,
    Typing,
    from_item,
    is_signal,
)
from tests.support.fakes.clock import Clock
from tests.support.fakes.stream import Stream

TABLE = "MessagesTable"
ROOM = "a#b"
ADA, EVE = Person("u1", "Ada"), Person("u#2", "Eve ツ")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signals(dynamodb: Any, clock: Clock) -> Signals:
    return Signals(dynamodb, TABLE, clock)


def items(dynamodb: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dynamodb.scan(TableName=TABLE)["Items"]
    return found


# Coming and going


def test_the_stream_has_each_coming_and_going_in_order(signals: Signals, stream: Stream) -> None:
    signals.presence_changed(ROOM, ADA)
    signals.presence_changed(ROOM, EVE)
    signals.presence_changed(ROOM, EVE)  # the same again: come and gone within a moment
    signals.presence_changed("another", ADA)
    assert stream.signals() == [
        (ROOM, PresenceChanged(ADA)), (ROOM, PresenceChanged(EVE)),
        (ROOM, PresenceChanged(EVE)), ("another", PresenceChanged(ADA)),
    ]  # fmt: skip


def test_those_of_a_room_share_an_item_so_that_lambda_keeps_their_order(
    signals: Signals, stream: Stream
) -> None:
    for person in (ADA, EVE, ADA):
        signals.presence_changed(ROOM, person)
    keys = {str(record["dynamodb"]["Keys"]) for record in stream.records()}
    assert len(keys) == 1


def test_presence_is_suppressed_for_a_minute_in_a_room_above_its_limit(
    signals: Signals, clock: Clock, stream: Stream
) -> None:
    signals.presence_changed(ROOM, ADA)
    stream.signals()
    signals.suppress_presence(ROOM)
    assert stream.signals() == []  # the pause itself is no signal
    clock.now += 59
    signals.presence_changed(ROOM, EVE)
    assert stream.records() == []
    signals.presence_changed("another", EVE)
    assert stream.signals() == [("another", PresenceChanged(EVE))]
    clock.now += 1
    signals.presence_changed(ROOM, EVE)
    assert stream.signals() == [(ROOM, PresenceChanged(EVE, was_above=True))]


def test_a_room_grows_above_the_presence_limit_once_until_it_has_shrunk(
    signals: Signals, clock: Clock, stream: Stream
) -> None:
    signals.presence_changed(ROOM, ADA)
    assert signals.suppress_presence(ROOM) is True
    assert signals.suppress_presence(ROOM) is False
    clock.now += 60
    signals.presence_changed(ROOM, EVE)
    assert signals.suppress_presence(ROOM) is False
    clock.now += 60
    signals.presence_changed(ROOM, EVE)
    stream.signals()
    signals.resume_presence(ROOM)
    assert stream.signals() == []  # this is no signal
    signals.presence_changed(ROOM, ADA)
    assert stream.signals() == [(ROOM, PresenceChanged(ADA))]
    assert signals.suppress_presence(ROOM) is True


def test_presence_can_be_suppressed_before_the_first_signal(signals: Signals, stream: Stream) -> None:
    signals.suppress_presence(ROOM)
    signals.presence_changed(ROOM, ADA)
    assert stream.signals() == []


# Typing


def test_a_person_sends_one_typing_signal_in_three_seconds_per_room(
    signals: Signals, clock: Clock, stream: Stream
) -> None:
    signals.typing(ROOM, ADA)
    signals.typing(ROOM, EVE)
    signals.typing("another", ADA)
    clock.now += 1.25
    with pytest.raises(RateLimited) as limited:
        signals.typing(ROOM, Person("u1", "Ada by another name"))
    assert limited.value.retry_after == 1.75
    assert stream.signals() == [(ROOM, Typing(ADA)), (ROOM, Typing(EVE)), ("another", Typing(ADA))]
    clock.now += 1.5
    with pytest.raises(RateLimited):
        signals.typing(ROOM, ADA)
    clock.now += 0.25
    signals.typing(ROOM, ADA)
    assert stream.signals() == [(ROOM, Typing(ADA))]


class Lane:
    """Posts typing frames, or leaves them to the stream. `then` happens during the posts."""

    def __init__(self) -> None:
        self.open, self.arrives = True, True
        self.prepared = 0
        self.posted: list[tuple[str, Person]] = []
        self.then: Callable[[], object] = lambda: None

    def __call__(self, room: str, person: Person) -> PostTyping:
        self.prepared += 1

        def post() -> bool:
            self.posted.append((room, person))
            self.then()
            return self.arrives

        return post if self.open else None


@pytest.fixture
def lane() -> Lane:
    return Lane()


@pytest.fixture
def in_lane(dynamodb: Any, clock: Clock, lane: Lane) -> Signals:
    return Signals(dynamodb, TABLE, clock, prepare_typing=lane)


def test_a_typing_frame_that_everybody_has_is_not_broadcast(
    in_lane: Signals, lane: Lane, clock: Clock, stream: Stream
) -> None:
    in_lane.typing(ROOM, ADA)
    assert lane.posted == [(ROOM, ADA)]
    with pytest.raises(RateLimited):
        in_lane.typing(ROOM, ADA)
    assert lane.posted == [(ROOM, ADA)]
    assert stream.signals() == []
    lane.open = False  # the room has grown
    clock.now += 3
    in_lane.typing(ROOM, ADA)
    assert stream.signals() == [(ROOM, Typing(ADA))]


def test_a_signal_that_comes_too_soon_reads_no_members(
    in_lane: Signals, lane: Lane, clock: Clock, dynamodb: Any
) -> None:
    in_lane.typing(ROOM, ADA)
    for _ in range(5):
        clock.now += 0.1
        with pytest.raises(RateLimited):
            in_lane.typing(ROOM, ADA)
    assert lane.prepared == 1
    other = Signals(dynamodb, TABLE, clock, prepare_typing=lane)  # another instance of the function
    for _ in range(5):
        with pytest.raises(RateLimited):
            other.typing(ROOM, ADA)
    assert lane.prepared == 2
    clock.now += 3
    other.typing(ROOM, ADA)
    assert lane.prepared == 3


def test_a_typing_frame_that_not_everybody_has_is_broadcast(
    in_lane: Signals, lane: Lane, clock: Clock, stream: Stream
) -> None:
    lane.arrives = False
    in_lane.typing(ROOM, ADA)
    assert stream.signals() == [(ROOM, Typing(ADA))]
    clock.now += 2.5
    with pytest.raises(RateLimited) as limited:
        in_lane.typing(ROOM, ADA)
    assert limited.value.retry_after == 0.5


def test_whoever_dies_while_posting_typing_frames_is_followed_by_the_next(
    in_lane: Signals, lane: Lane, clock: Clock, stream: Stream
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    lane.then = die
    with pytest.raises(KeyboardInterrupt):
        in_lane.typing(ROOM, ADA)
    assert stream.signals() == []
    clock.now += 3
    lane.then = lambda: None
    in_lane.typing(ROOM, ADA)
    in_lane.typing(ROOM, EVE)
    assert lane.posted[-2:] == [(ROOM, ADA), (ROOM, EVE)]


# Notices


def test_two_notices_that_read_the_same_are_two(signals: Signals, stream: Stream) -> None:
    for _ in range(2):
        signals.notice(ROOM, '{"type":"moderated"}')
    (room, first), (_, second) = stream.signals()
    assert isinstance(first, Notice) and isinstance(second, Notice)
    assert (room, first.frame, second.frame) == (ROOM, '{"type":"moderated"}', '{"type":"moderated"}')
    assert first.id != second.id


# All of them


def test_signals_are_no_history_and_are_deleted_soon(signals: Signals, dynamodb: Any, clock: Clock) -> None:
    signals.presence_changed(ROOM, ADA)
    signals.suppress_presence("another")
    signals.typing(ROOM, ADA)
    signals.notice(ROOM, "{}")
    stored = items(dynamodb)
    assert len(stored) == 4
    assert {item["pk"].partition("#")[0] for item in stored} == {"SIG"}
    kept = {item["pk"]: item["expires_at"] - int(clock.now) for item in stored}
    above = kept.pop("SIG#another")
    assert all(60 <= seconds <= 120 for seconds in kept.values())  # not before the room is counted again
    assert above == 24 * 3600


def test_a_signal_is_distinguished_from_a_head() -> None:
    assert is_signal({"pk": "SIG#general", "sk": "PRESENCE"})
    assert not is_signal({"pk": "ROOM#general", "sk": "HEAD"})
    assert not is_signal({"pk": "ROOM#SIG#", "sk": "HEAD"})


@pytest.mark.parametrize(
    "item",
    [
        {"pk": "SIG#a"},
        {"pk": "SIG#a", "sk": "PRESENCE", "user": "u1"},
        {"pk": "SIG#a", "sk": "TYPING#u1"},
        {"pk": "SIG#a", "sk": "NOTICE", "id": "1"},
    ],
    ids=str,
)
def test_what_is_no_signal_is_an_error(item: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        from_item(item)


@pytest.mark.parametrize("kind", ["presence_changed", "typing"])
def test_a_failure_of_dynamodb_is_not_taken_for_a_failed_condition(dynamodb: Any, kind: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        getattr(Signals(dynamodb, "NoSuchTable"), kind)(ROOM, ADA)
