"""Broadcasts of runs, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from apigateway.batch import MAX_QUEUED
from apigateway.outcomes import Failed, Gone, Throttled
from apigateway.poster import Poster
from chat.delivery.broadcast import Broadcaster
from chat.delivery.deliver import Counts, Delivery
from chat.identity.identity import Person, Protocol
from chat.membership import Membership
from chat.protocol.messages import Entry, Message
from chat.storage.member_reader import ReadFailed
from chat.storage.members import Member
from tests.support.fakes.connections import FakeConnections
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.log import FakeLog, FakeUnread, NoCoalescing
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.member_reader import FakeMembers
from tests.support.fakes.signals import FakeSignals
from tests.support.fakes.slice_queue import FakeSliceQueue
from tests.support.fakes.xray_daemon import NoDaemon

NOW = 1_795_500_000.0
LONG_AGO = int((NOW - 60) * 1000)
JUST_NOW = int((NOW - 9.9) * 1000)
DYNAMODB_DOWN = ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, "Any")


def member(
    connection: str, protocol: Protocol = "v1", connected_at: int = LONG_AGO, *, expired: bool = False
) -> Member:
    return Member(connection, protocol, connected_at, f"user of {connection}", "Ada", expired)


def run(*texts: str) -> list[Entry]:
    return [
        Entry(seq, Message(f"r{seq}", "u1", "Ada", text, None, "2026-11-24T06:20:01.123Z"))
        for seq, text in enumerate(texts, start=1)
    ]


class Chat:
    """A broadcaster in virtual time, and its fakes."""

    def __init__(
        self,
        virtual: asyncio.Runner,
        rooms: dict[str, Sequence[Sequence[Member]]],
        *,
        posts: int = 256,
        page_latency: float = 0.01,
    ) -> None:
        self._runner = virtual
        self.loop = virtual.get_loop()
        self.gateway = FakeGateway(limit=posts, latency=0.015)
        self.members = FakeMembers(rooms, latency=page_latency)
        self.connections = FakeConnections()
        self.log = FakeLog()
        self.signals = FakeSignals()
        self.unread = FakeUnread()
        self.sockets = FakeManagementClient()
        no_rules: Any = None  # nothing joins here
        connections, signals, sockets = (
            cast(Any, fake) for fake in (self.connections, self.signals, self.sockets)
        )
        membership = Membership(connections, no_rules, signals)
        poster = Poster(self.gateway)
        fakes: dict[str, Any] = {
            "members": self.members,
            "log": self.log,
            "slice_queue": FakeSliceQueue(),
            "unread": self.unread,
            "coalescing": NoCoalescing(),
        }
        self.broadcaster = Broadcaster(
            delivery=Delivery(membership, poster, lambda: sockets, now=lambda: NOW),
            daemon=NoDaemon(),
            large_room=1_000_000,
            slices=16,
            **fakes,
        )

    def broadcast(self, room: str, run: Sequence[Entry]) -> Counts | None:
        return self._runner.run(self.broadcaster.broadcast(room, run))

    def broadcast_all(self, runs: dict[str, Sequence[Entry]]) -> dict[str, Counts | Exception | None]:
        return self._runner.run(self.broadcaster.broadcast_all(runs))

    def seqs_of(self, connection: str) -> list[int]:
        frames = [json.loads(frame) for frame in self.gateway.frames[connection]]
        return [message["seq"] for frame in frames for message in frame["messages"]]


type Open = Callable[..., Chat]


@pytest.fixture
def chat(virtual: asyncio.Runner) -> Open:
    return lambda rooms, **options: Chat(virtual, rooms, **options)


def test_a_message_reaches_all_members_of_the_room_and_nobody_else(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2")], [member("c3")]], "b": [[member("c4")]]})
    assert room.broadcast("a", run("Hi", "Ho")) == Counts(3, delivered=3, gone=0, shed=0)
    assert [room.seqs_of(connection) for connection in ("c1", "c2", "c3", "c4")] == [[1, 2]] * 3 + [[]]


def test_a_run_is_one_frame_or_one_frame_per_message_for_plain_clients(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2", "plain")]]})
    room.broadcast("a", run("Hi", "Ho", "He"))
    assert len(room.gateway.frames["c1"]) == 1
    assert room.gateway.frames["c2"] == ["Hi", "Ho", "He"]


def test_a_run_is_repaired_before_it_is_posted(chat: Open) -> None:
    room = chat({"a": [[member("c1")]]})
    repaired: list[list[str]] = []
    room.members.on_page = lambda number: repaired.append(list(room.log.repaired))
    room.broadcast("a", run("Hi"))
    assert repaired == [["a"]]


def test_an_empty_room_is_no_error(chat: Open) -> None:
    room = chat({"a": [[]]})
    assert room.broadcast("a", run("Hi")) == Counts(0, 0, 0, 0)


def test_a_plain_client_gets_nothing_of_skipped_numbers(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2", "plain")]]})
    assert room.broadcast("a", [Entry(7, None)]) == Counts(1, delivered=1, gone=0, shed=0)
    assert [json.loads(frame)["skipped"] for frame in room.gateway.frames["c1"]] == [[7]]
    assert room.gateway.frames["c2"] == []


# Reading while posting


def test_a_page_is_posted_to_while_the_next_is_read(chat: Open) -> None:
    room = chat({"a": [[member(f"c{page}-{n}") for n in range(10)] for page in range(5)]})
    posted: list[int] = []
    room.members.on_page = lambda number: posted.append(len(room.gateway.posts))
    room.broadcast("a", run("Hi"))
    assert posted == [0, 10, 20, 30, 40]
    assert room.loop.time() < 5 * 0.01 + 0.03  # the pages, one after another, and the last page's posts


def test_memory_does_not_grow_with_the_room(chat: Open) -> None:
    rooms = {"a": [[member(f"c{page}-{n}") for n in range(1_000)] for page in range(20)]}
    room = chat(rooms, posts=50, page_latency=0.0)
    ahead: list[int] = []
    room.members.on_page = lambda number: ahead.append(number * 1_000 - len(room.gateway.posts))
    assert room.broadcast("a", run("Hi")) == Counts(20_000, delivered=20_000, gone=0, shed=0)
    assert max(ahead) <= MAX_QUEUED


@pytest.mark.parametrize("error", [ReadFailed("status 500"), ExceptionGroup("", [ReadFailed("status 500")])])
def test_a_page_that_cannot_be_read_fails_the_broadcast_but_leaves_no_post_under_way(
    chat: Open, error: Exception
) -> None:
    # Lambda freezes a process between invocations: the remaining posts would go out after newer messages.
    room = chat({"a": [[member(f"c{n}") for n in range(100)], [member("c3")]]}, posts=10)

    def fail_on_the_second_page(number: int) -> None:
        if number == 1:
            raise error

    room.members.on_page = fail_on_the_second_page
    with pytest.raises(type(error)):
        room.broadcast("a", run("Hi"))
    assert room.gateway.under_way == 0
    assert len(room.gateway.posts) == 100


# Gone connections


def test_a_closed_socket_leaves_the_room_and_the_others_get_the_message(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2"), member("c3")]]})
    room.gateway.gone = {"c2"}
    assert room.broadcast("a", run("Hi")) == Counts(3, delivered=2, gone=1, shed=0)
    assert room.connections.pruned == [("a", "c2")]
    assert room.seqs_of("c1") == room.seqs_of("c3") == [1]
    assert room.loop.time() < 0.1


def test_a_socket_that_is_not_open_yet_is_tried_once_more(chat: Open) -> None:
    room = chat({"a": [[member("c1", connected_at=JUST_NOW)], [member("c2")]]})
    room.gateway.troubles["c1"] = [Gone()]
    assert room.broadcast("a", run("Hi")) == Counts(2, delivered=2, gone=0, shed=0)
    assert room.seqs_of("c1") == [1]
    assert room.gateway.posts == ["c1", "c2", "c1"]  # after the posts to everybody else


def test_a_socket_within_10_seconds_of_its_connect_is_never_pruned(chat: Open) -> None:
    room = chat({"a": [[member("c1", connected_at=JUST_NOW)]]})
    room.gateway.gone = {"c1"}
    assert room.broadcast("a", run("Hi")) == Counts(1, delivered=0, gone=1, shed=0)
    assert room.gateway.posts == ["c1", "c1"]
    assert room.connections.pruned == []


def test_the_grace_ends_after_10_seconds(chat: Open) -> None:
    room = chat({"a": [[member("c1", connected_at=int((NOW - 10) * 1000))]]})
    room.gateway.gone = {"c1"}
    room.broadcast("a", run("Hi"))
    assert room.connections.pruned == [("a", "c1")]
    assert room.gateway.posts == ["c1"]


def test_a_prune_that_fails_does_not_fail_the_broadcast(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2")]]})
    room.gateway.gone = {"c1"}
    room.connections.trouble = DYNAMODB_DOWN
    assert room.broadcast("a", run("Hi")) == Counts(2, delivered=1, gone=1, shed=0)


def test_a_connection_found_gone_is_signaled_to_the_room(chat: Open) -> None:
    room = chat({"a": [[member("c1"), member("c2")]]})
    room.gateway.gone = {"c1"}
    room.broadcast("a", run("Hi"))
    assert room.signals.changed == [("a", Person("user of c1", "Ada"))]


def test_an_expired_member_gets_only_the_last_frame_and_is_pruned(chat: Open) -> None:
    room = chat({"a": [[member("c1", expired=True), member("c2"), member("c3", "plain", expired=True)]]})
    assert room.broadcast("a", run("Hi")) == Counts(1, delivered=1)
    assert [json.loads(frame)["type"] for frame in room.gateway.frames["c1"]] == ["disconnect"]
    assert room.gateway.frames["c3"] == []
    assert room.seqs_of("c2") == [1]
    assert sorted(room.sockets.closed) == ["c1", "c3"]
    assert sorted(room.connections.pruned) == [("a", "c1"), ("a", "c3")]
    assert sorted(person.user for _, person in room.signals.changed) == ["user of c1", "user of c3"]


# Shed connections


@pytest.mark.parametrize("trouble", [Throttled(), Failed("status 500")])
def test_a_connection_that_accepts_nothing_is_shed_and_stays_a_member(
    chat: Open, trouble: Throttled | Failed
) -> None:
    room = chat({"a": [[member("c1"), member("c2")]]})
    room.gateway.troubles["c1"] = [trouble] * 100
    assert room.broadcast("a", run("Hi")) == Counts(2, delivered=1, gone=0, shed=1)
    assert room.connections.pruned == []
    assert room.seqs_of("c2") == [1]


# Several rooms


def test_all_rooms_of_a_batch_are_broadcast(chat: Open) -> None:
    rooms = {f"room-{number}": [[member(f"c{number}")]] for number in range(100)}
    room = chat(dict(rooms))
    results = room.broadcast_all({room: run("Hi") for room in rooms})
    assert results == {room: Counts(1, delivered=1, gone=0, shed=0) for room in rooms}
    assert list(results) == list(rooms)


def test_rooms_are_broadcast_at_the_same_time(chat: Open) -> None:
    room = chat({f"room-{number}": [[member(f"c{number}")]] for number in range(50)}, page_latency=1.0)
    results = room.broadcast_all({f"room-{number}": run("Hi") for number in range(50)})
    assert list(results.values()) == [Counts(1, delivered=1, gone=0, shed=0)] * 50
    assert room.loop.time() < 1.1


@pytest.mark.parametrize("error", [DYNAMODB_DOWN, ValueError("a bug of ours")])
def test_a_failing_room_does_not_stop_another(chat: Open, error: Exception) -> None:
    room = chat({"a": [[member("c1")]], "b": [[member("c2")]]})
    room.log.troubles["a"] = error
    results = room.broadcast_all({"a": run("Hi"), "b": run("Ho")})
    assert results == {"a": error, "b": Counts(1, delivered=1, gone=0, shed=0)}
    assert (room.seqs_of("c1"), room.seqs_of("c2")) == ([], [1])


def test_no_rooms_are_no_error(chat: Open) -> None:
    assert chat({}).broadcast_all({}) == {}


def test_a_run_is_counted_beside_its_posts(chat: Open) -> None:
    room = chat({"a": [[member("c1")]], "b": [[member("c2")]]})
    room.broadcast_all({"a": run("Hi", "Ho"), "b": run("He")})
    assert sorted(room.unread.counted) == [("a", 1, 2), ("b", 1, 1)]


def test_a_run_that_cannot_be_counted_is_posted_and_must_come_again(chat: Open) -> None:
    room = chat({"a": [[member("c1")]], "b": [[member("c2")]]})
    room.unread.trouble = DYNAMODB_DOWN
    with pytest.raises(ClientError):
        room.broadcast("a", run("Hi"))
    assert room.seqs_of("c1") == [1]  # a second time does no harm: clients drop by seq what they have
