from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.broadcast import Broadcaster, Tally
from chat.connections import Member
from chat.identity import Protocol
from chat.messages import Entry, Message
from chat.posting import Failed, Gone, Poster, Throttled
from tests.fakes import FakeConnections, FakeGateway, FakeLog, LazyExecutor

NOW = 1_795_500_000.0
LONG_AGO = int((NOW - 60) * 1000)
JUST_NOW = int((NOW - 9.9) * 1000)
DYNAMODB_DOWN = ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, "Any")


def member(connection: str, protocol: Protocol = "v1", connected_at: int = LONG_AGO) -> Member:
    return Member(connection, protocol, connected_at)


def run(*texts: str) -> list[Entry]:
    return [
        Entry(seq, Message(f"r{seq}", "u1", "Ada", text, None, "2026-11-24T06:20:01.123Z"))
        for seq, text in enumerate(texts, start=1)
    ]


class Chat:
    """A broadcaster and all that it works with."""

    def __init__(self, executor: Executor, rooms: dict[str, Sequence[Sequence[Member]]]) -> None:
        self.gateway = FakeGateway()
        self.connections = FakeConnections(rooms)
        self.log = FakeLog()
        self.waits: list[float] = []
        connections: Any = self.connections
        log: Any = self.log
        self.broadcaster = Broadcaster(
            connections,
            log,
            Poster(self.gateway, sleep=lambda seconds: None),
            executor,
            now=lambda: NOW,
            sleep=self.waits.append,
        )

    def heard(self, connection: str) -> list[int]:
        frames = [json.loads(frame) for frame in self.gateway.frames[connection]]
        return [message["seq"] for frame in frames for message in frame["messages"]]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_everyone_in_the_room_hears_and_nobody_else(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1"), member("c2")], [member("c3")]], "b": [[member("c4")]]})
    assert chat.broadcaster.broadcast("a", run("Hi", "Ho")) == Tally(3, delivered=3, gone=0, shed=0)
    assert [chat.heard(connection) for connection in ("c1", "c2", "c3", "c4")] == [[1, 2]] * 3 + [[]]


def test_a_run_is_one_frame_for_frames_and_one_a_message_for_plain_clients(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1"), member("c2", "plain")]]})
    chat.broadcaster.broadcast("a", run("Hi", "Ho", "He"))
    assert len(chat.gateway.frames["c1"]) == 1
    assert chat.gateway.frames["c2"] == ["Hi", "Ho", "He"]


def test_a_run_is_settled_before_anyone_hears_it(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1")]]})
    settled: list[list[str]] = []
    chat.connections.on_page = lambda number: settled.append(list(chat.log.settled))
    chat.broadcaster.broadcast("a", run("Hi"))
    assert settled == [["a"]]


def test_an_empty_room_is_no_trouble(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[]]})
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(0, 0, 0, 0)


# Reading while posting


def test_a_page_is_posted_to_while_the_next_is_read() -> None:
    executor = LazyExecutor()
    chat = Chat(executor, {"a": [[member(f"c{page}-{n}") for n in range(10)] for page in range(5)]})
    outstanding: list[int] = []
    chat.connections.on_page = lambda number: outstanding.append(executor.outstanding)
    chat.broadcaster.broadcast("a", run("Hi"))
    assert outstanding == [0, 10, 10, 10, 10]


def test_never_more_than_two_pages_are_outstanding() -> None:
    executor = LazyExecutor()
    chat = Chat(executor, {"a": [[member(f"c{page}-{n}") for n in range(10)] for page in range(20)]})
    assert chat.broadcaster.broadcast("a", run("Hi")).delivered == 200
    assert executor.most <= 20
    assert executor.outstanding == 0


def test_a_broadcast_that_fails_leaves_no_post_under_way() -> None:
    # Lambda freezes a process between invocations: what is left would be posted later, after newer messages.
    executor = LazyExecutor()
    chat = Chat(executor, {"a": [[member("c1"), member("c2")], [member("c3")]]})

    def fail_on_the_second_page(number: int) -> None:
        if number == 1:
            raise DYNAMODB_DOWN

    chat.connections.on_page = fail_on_the_second_page
    with pytest.raises(ClientError):
        chat.broadcaster.broadcast("a", run("Hi"))
    assert executor.outstanding == 0


# Who is gone


def test_a_closed_socket_leaves_the_room_and_the_rest_still_hear(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1"), member("c2"), member("c3")]]})
    chat.gateway.gone = {"c2"}
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(3, delivered=2, gone=1, shed=0)
    assert chat.connections.left == [("a", "c2")]  # even if its connection is not known any more
    assert chat.connections.closed == ["c2"]  # and with it its other rooms
    assert chat.heard("c1") == chat.heard("c3") == [1]
    assert chat.waits == []


def test_a_socket_that_is_not_open_yet_is_asked_once_more_and_hears(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1", connected_at=JUST_NOW)]]})
    chat.gateway.troubles["c1"] = [Gone()]
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(1, delivered=1, gone=0, shed=0)
    assert chat.heard("c1") == [1]
    assert len(chat.waits) == 1


def test_a_socket_within_10_seconds_of_its_connect_is_never_pruned(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1", connected_at=JUST_NOW)]]})
    chat.gateway.gone = {"c1"}
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(1, delivered=0, gone=1, shed=0)
    assert chat.gateway.posts == ["c1", "c1"]
    assert (chat.connections.left, chat.connections.closed) == ([], [])


def test_the_grace_ends_after_10_seconds(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1", connected_at=int((NOW - 10) * 1000))]]})
    chat.gateway.gone = {"c1"}
    chat.broadcaster.broadcast("a", run("Hi"))
    assert chat.connections.closed == ["c1"]
    assert chat.gateway.posts == ["c1"]


def test_a_prune_that_fails_does_not_fail_the_broadcast(threads: Executor) -> None:
    chat = Chat(threads, {"a": [[member("c1"), member("c2")]]})
    chat.gateway.gone = {"c1"}
    chat.connections.trouble = DYNAMODB_DOWN
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(2, delivered=1, gone=1, shed=0)


# Who does not take it


@pytest.mark.parametrize("trouble", [Throttled(), Failed("status 500")])
def test_a_connection_that_takes_nothing_is_shed_and_stays_a_member(
    threads: Executor, trouble: Throttled | Failed
) -> None:
    chat = Chat(threads, {"a": [[member("c1"), member("c2")]]})
    chat.gateway.troubles["c1"] = [trouble] * 100
    assert chat.broadcaster.broadcast("a", run("Hi")) == Tally(2, delivered=1, gone=0, shed=1)
    assert (chat.connections.left, chat.connections.closed) == ([], [])
    assert chat.heard("c2") == [1]


# Several rooms


def test_all_rooms_of_a_batch_are_broadcast(threads: Executor) -> None:
    rooms = {f"room-{number}": [[member(f"c{number}")]] for number in range(100)}
    chat = Chat(threads, dict(rooms))
    results = chat.broadcaster.broadcast_all({room: run("Hi") for room in rooms})
    assert results == {room: Tally(1, delivered=1, gone=0, shed=0) for room in rooms}
    assert list(results) == list(rooms)


def test_rooms_are_broadcast_at_the_same_time(threads: Executor) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> None:
        meeting.wait()

    chat = Chat(threads, {"a": [[member("c1")]], "b": [[member("c2")]]})
    chat.connections.on_page = lambda number: meet()
    results = chat.broadcaster.broadcast_all({"a": run("Hi"), "b": run("Ho")})
    assert list(results.values()) == [Tally(1, delivered=1, gone=0, shed=0)] * 2


@pytest.mark.parametrize("error", [DYNAMODB_DOWN, ValueError("a bug of ours")])
def test_a_failing_room_does_not_stop_another(threads: Executor, error: Exception) -> None:
    chat = Chat(threads, {"a": [[member("c1")]], "b": [[member("c2")]]})
    chat.log.troubles["a"] = error
    results = chat.broadcaster.broadcast_all({"a": run("Hi"), "b": run("Ho")})
    assert results == {"a": error, "b": Tally(1, delivered=1, gone=0, shed=0)}
    assert (chat.heard("c1"), chat.heard("c2")) == ([], [1])


def test_no_rooms_are_no_trouble(threads: Executor) -> None:
    assert Chat(threads, {}).broadcaster.broadcast_all({}) == {}
