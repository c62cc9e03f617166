"""A storm of reactions: what waits, what is broadcast when, and that no member misses a number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from itertools import chain, pairwise
from typing import Any

import pytest

from apigateway.poster import Poster
from bench.suites import reactions
from chat.delivery.broadcast import Broadcaster
from chat.delivery.coalescing import COALESCING, STORM, Coalescing, ReactionWorker
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.slice_queue import ReactionTask, SliceTask
from chat.protocol.messages import Change, Entry, Message
from chat.storage.cursors import ReactionCursors
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.members import Member, Slice
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.log import FakeUnread
from tests.support.fakes.member_reader import FakeMembers
from tests.support.fakes.slice_queue import FakeSliceQueue
from tests.support.fakes.xray_daemon import NoDaemon

TABLE = "MessagesTable"
NOW = 1_795_500_000.0
AT = "2026-11-24T06:20:01.123Z"


class Room:
    """A room on real tables, with a member that speaks frames and a plain one; its first message is there."""

    def __init__(self, dynamodb: Any, virtual: asyncio.Runner, *, large_room: int = 1_000) -> None:
        self._virtual = virtual
        self.clock = Clock(NOW)
        rate = Rate(10_000, 10_000)
        self._log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE), now=self.clock, rate=rate)
        self.log = LogRepair(dynamodb, TABLE, 90, self.clock)
        self.cursors = ReactionCursors(dynamodb, TABLE, self.clock)
        self.gateway = FakeGateway()
        self.queue = FakeSliceQueue()
        nobody_is_gone: Any = None
        shared: Any = {
            "members": FakeMembers({"r": [[Member("frames", "v1", 0), Member("plain", "plain", 0)]]}),
            "log": self.log,
            "delivery": Delivery(nobody_is_gone, Poster(self.gateway), nobody_is_gone),
            "slice_queue": self.queue,
            "daemon": NoDaemon(),
        }
        self.coalescing = Coalescing(self.log, self.cursors, shared["slice_queue"], self.clock)
        self.unread = FakeUnread()
        fakes: dict[str, Any] = {**shared, "unread": self.unread}
        self.broadcaster = Broadcaster(coalescing=self.coalescing, large_room=large_room, slices=2, **fakes)
        self.worker = ReactionWorker(cursors=self.cursors, **shared)
        self._people = 0
        self.broadcast(self.message("first"))

    def message(self, text: str) -> Entry:
        self._people += 1
        message = Message(f"m{self._people}", "u", "Ada", text, None, AT)
        receipt = self._log.append("r", message)
        return Entry(receipt.seq, message)

    def edit(self) -> Entry:
        self._people += 1
        change = Change("edit", 1, f"e{self._people}", "u", "Ada", AT, text="edited")
        return Entry(self._log.append("r", change).seq, None, change)

    def reactions(self, number: int) -> list[Entry]:
        """Let so many other people react to the first message."""
        entries = []
        for _ in range(number):
            self._people += 1
            who = f"user-{self._people}"
            change = Change("react", 1, f"r{self._people}", who, who, AT, reaction="👍")
            entries.append(Entry(self._log.append("r", change).seq, None, change))
        return entries

    def broadcast(self, *run: Entry) -> Counts | None:
        return self._virtual.run(self.broadcaster.broadcast("r", run))

    def storm(self) -> None:
        """Begin a storm: what comes now waits."""
        self.broadcast(*self.reactions(STORM))

    def work(self, task: ReactionTask | None = None) -> tuple[int, Counts | None]:
        """Run a task, or the newest one."""
        newest = self.queue.enqueued[-1]
        assert isinstance(newest, ReactionTask)
        return self._virtual.run(self.worker.run(task or newest))

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.gateway.frames["frames"]]

    @property
    def seqs(self) -> list[list[int]]:
        """The numbers of each frame."""
        return [sorted([*ids(frame["messages"]), *frame.get("skipped", [])]) for frame in self.frames]


def ids(messages: Iterable[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in messages]


@pytest.fixture
def room(dynamodb: Any, virtual: asyncio.Runner) -> Room:
    return Room(dynamodb, virtual)


def test_a_few_reactions_are_broadcast_as_they_come(room: Room) -> None:
    for _ in range(3):
        for _ in range(STORM - 1):
            room.broadcast(*room.reactions(1))
        room.clock.now += 1.1
    assert room.seqs == [[seq] for seq in range(1, 3 * (STORM - 1) + 2)]
    assert room.queue.enqueued == []


def test_a_storm_is_broadcast_by_one_task_at_a_time(room: Room) -> None:
    for _ in range(4 * STORM):
        room.broadcast(*room.reactions(1))
    assert len(room.frames) == STORM  # the first message, and the reactions before it was a storm
    task = ReactionTask("r", STORM, 0, room.log.head("r").epoch)
    assert room.queue.enqueued == [task]
    assert room.unread.counted[-1] == ("r", 4 * STORM + 1, 4 * STORM + 1)
    assert room.work() == (4 * STORM + 1, Counts(1, delivered=1))
    assert room.seqs[-1] == list(range(STORM + 1, 4 * STORM + 2))
    (form,) = [change["message"] for change in room.frames[-1]["changes"] if "message" in change]
    assert form["reactions"][0]["count"] == 4 * STORM
    assert room.gateway.frames["plain"] == ["first"]


def test_each_task_begins_a_round_and_what_comes_then_has_a_task_of_its_own(room: Room) -> None:
    room.storm()
    room.work()
    for number in range(1, 4):
        room.broadcast(*room.reactions(2))
        room.broadcast(*room.reactions(3))
        assert [task.round for task in room.queue.enqueued if isinstance(task, ReactionTask)][-1] == number
        assert len(room.queue.enqueued) == number + 1
        room.work()
        assert len(room.seqs[-1]) == 5
    assert sorted(chain(*room.seqs)) == list(range(1, STORM + 17))


def test_a_task_that_dies_after_it_began_a_round_is_run_again_and_misses_nothing(room: Room) -> None:
    room.storm()
    task = room.queue.enqueued[-1]
    assert isinstance(task, ReactionTask)
    entries, room.log.entries = room.log.entries, dies  # type: ignore[method-assign]
    with pytest.raises(TimeoutError):
        room.work(task)
    room.log.entries = entries  # type: ignore[method-assign]
    room.broadcast(*room.reactions(1))  # it has a task of its own
    assert len(room.queue.enqueued) == 2
    room.work(task)
    room.work()
    assert set(chain(*room.seqs)) == set(range(1, STORM + 3))


def dies(*_: object) -> list[Entry]:
    raise TimeoutError


def test_a_task_that_comes_again_posts_nothing_again(room: Room) -> None:
    room.storm()
    task = room.queue.enqueued[-1]
    assert isinstance(task, ReactionTask)
    room.work(task)
    frames = len(room.frames)
    assert room.work(task) == (STORM + 1, Counts())
    assert len(room.frames) == frames


@pytest.mark.parametrize("kind", ["message", "edit", "a reaction and a message"])
def test_anything_else_is_broadcast_at_once_with_what_waits_before_it(room: Room, kind: str) -> None:
    room.storm()
    room.broadcast(*room.reactions(3))
    run = room.reactions(1) if kind == "a reaction and a message" else []
    room.broadcast(*run, room.edit() if kind == "edit" else room.message("at once"))
    last = STORM + 4 + len(run) + 1
    assert room.seqs[-1] == list(range(2, last + 1))
    assert room.unread.counted[-1] == ("r", last - len(run), last)  # not what waited
    if kind != "edit":
        assert ids(room.frames[-1]["messages"]) == [last]
        assert room.gateway.frames["plain"] == ["first", "at once"]
        room.work()  # the task comes later, and repeats no message
        assert ids(room.frames[-1]["messages"]) == []
        assert room.gateway.frames["plain"] == ["first", "at once"]


def test_what_was_broadcast_before_is_not_carried_again(room: Room) -> None:
    room.storm()
    room.work()
    room.broadcast(*room.reactions(2))
    room.broadcast(room.message("at once"))
    assert room.seqs[-1] == [STORM + 2, STORM + 3, STORM + 4]
    room.broadcast(room.message("and another"))
    assert room.seqs[-1] == [STORM + 5]


def test_a_task_stops_at_a_gap_and_the_run_behind_it_has_another(room: Room) -> None:
    room.storm()
    late = room.reactions(2)  # committed, not folded yet
    assert room.work()[0] == STORM + 1
    room.broadcast(*late)
    assert room.work()[0] == STORM + 3


def test_reactions_are_coalesced_for_some_seconds_and_longer_if_the_storm_goes_on(room: Room) -> None:
    room.storm()
    until = room.log.repair("r", room.reactions(1)).coalescing_until
    assert until == int(NOW) + COALESCING
    room.clock.now += COALESCING - 2
    room.broadcast(*room.reactions(STORM))
    assert room.log.repair("r", room.reactions(1)).coalescing_until == int(NOW) + 2 * COALESCING - 2
    room.work()
    room.clock.now += COALESCING + 0.5
    frames = len(room.frames)
    room.broadcast(*room.reactions(1))
    assert len(room.frames) == frames + 1


def test_the_mark_of_a_coalescing_room_is_no_entry(room: Room, stream: Any) -> None:
    stream.records()
    room.log.mark_coalescing("r", int(NOW))
    (record,) = stream.records()
    assert record["dynamodb"]["NewImage"]["not_a_message"] == {"BOOL": True}


def test_what_waits_in_a_large_room_is_broadcast_by_its_slices(room: Room) -> None:
    room.log.mark_large("r", 2)
    room.storm()
    (task,) = room.queue.enqueued
    assert isinstance(task, ReactionTask)
    assert room.work(task) == (STORM + 1, None)
    slices = [SliceTask(Slice("r", number, 2), 1, STORM + 1, epoch=task.epoch) for number in range(2)]
    assert room.queue.enqueued[1:] == slices


def test_a_room_that_becomes_large_while_reactions_wait_misses_none(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = Room(dynamodb, virtual)
    room.storm()
    room.broadcaster._large_room = 1
    room.broadcast(room.message("at once"))
    tasks = [task for task in room.queue.enqueued if isinstance(task, SliceTask)]
    assert {(task.after, task.to) for task in tasks} == {(1, STORM + 2)}


def test_ten_thousand_people_react_to_one_message_within_a_minute() -> None:
    storm = reactions.simulate(10_000 / 60, 60)
    assert storm.count == storm.reactions == 10_000
    assert storm.row_bytes < 32 * 1024
    assert max(len(text.encode()) for _, text in storm.frames) <= 32 * 1024
    changed = [at for at, text in storm.frames if '"changes"' in text and '"messages":[]' in text]
    assert len(changed) <= 60 + STORM  # before it is a storm they come singly
    gaps = [later - at for at, later in pairwise(changed) if at > reactions.WARM]
    assert min(gaps) >= 1
    assert max(storm.message_delays) < 0.3


def test_without_coalescing_a_member_would_get_many_frames_a_second() -> None:
    assert reactions.simulate(50, 10, coalesced=False).frames_per_second > 10
