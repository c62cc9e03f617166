"""Slice tasks: what a slice's members get, and how far its cursor moves."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from apigateway.client import Frame
from apigateway.outcomes import Delivered, Outcome
from apigateway.poster import Poster
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.slice_queue import SliceTask
from chat.delivery.slices import SliceWorker
from chat.identity.identity import Protocol
from chat.protocol.messages import Change, Entry, Message
from chat.storage.cursors import Cursor, Cursors
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import MemberPage
from chat.storage.members import Member, Slice
from chat.storage.rules import RoomRules
from chat.storage.signals import Notice

MESSAGES = "MessagesTable"

ROOM = "a#large room".replace(" ", "-")


def message(number: int) -> Message:
    return Message(f"ref-{number}", "u1", "Ada", f"message {number}", None, "2026-11-24T06:20:01.123Z")


class SliceGateway:
    """API Gateway, where every post is delivered in the loop's next iteration."""

    free = 10

    def __init__(self) -> None:
        self.seqs: defaultdict[str, list[int]] = defaultdict(list)
        self.frames: defaultdict[str, list[str]] = defaultdict(list)

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        text = frame.data.decode()
        self.frames[connection_id].append(text)
        if text.startswith("{"):
            self.seqs[connection_id] += [message["seq"] for message in json.loads(text).get("messages", [])]
        asyncio.get_running_loop().call_soon(callback, Delivered())

    def close(self) -> None:
        pass


class HashSpace:
    """A room's members in the order of their hashes, two per page; each page takes a second."""

    def __init__(self, *places: int) -> None:
        self.places = sorted(places)
        self.plain: set[int] = set()
        self.fails = 0
        self.pages = 0

    async def page(self, room: str) -> MemberPage:
        raise AssertionError("a slice reads its range")

    async def read_in_order(
        self,
        room: str,
        use: Callable[[Sequence[Member]], Awaitable[None]],
        first: int,
        last: int,
        *,
        after: str | None,
        until: float,
    ) -> str | None:
        places = [place for place in self.places if first <= place <= last and str(place) > (after or "")]
        while places:
            page, places = places[:2], places[2:]
            self.pages += 1
            if self.fails:
                self.fails -= 1
                raise TimeoutError
            await asyncio.sleep(1)
            await use([Member(f"at-{place}", self._protocol(place), 0) for place in page])
            if places and asyncio.get_running_loop().time() > until:
                return str(page[-1])
        return None

    def _protocol(self, place: int) -> Protocol:
        return "plain" if place in self.plain else "v1"


class TaskQueue:
    """A queue that records the tasks."""

    def __init__(self) -> None:
        self.enqueued: list[SliceTask] = []

    def enqueue(self, tasks: Sequence[SliceTask]) -> None:
        self.enqueued += tasks


class NoDaemon:
    def send(self, segment: object) -> None:
        pass


class LargeRoom:
    """A large room with a number of messages in its log, on real tables."""

    def __init__(self, dynamodb: Any, hash_space: HashSpace, messages: int) -> None:
        self.log = Log(dynamodb, MESSAGES, 90, RoomRules(dynamodb, MESSAGES))
        for number in range(1, messages + 1):
            self.log.append(ROOM, message(number))
        self.cursors = Cursors(dynamodb, MESSAGES)
        self.sockets, self.queue, self.hash_space = SliceGateway(), TaskQueue(), hash_space

    def run_slice(self, runner: asyncio.Runner, task: SliceTask, seconds: float = 1_000) -> Counts:
        async def run() -> Counts:
            loop = asyncio.get_running_loop()
            worker = SliceWorker(
                self.hash_space,  # type: ignore[arg-type]
                self.log,
                Delivery(
                    None,  # type: ignore[arg-type] - nobody is gone
                    Poster(self.sockets),
                    None,  # type: ignore[arg-type]
                ),
                self.queue,  # type: ignore[arg-type]
                self.cursors,
                NoDaemon(),
            )
            return await worker.run_slice(task, loop.time() + seconds)

        return runner.run(run())


FIRST = Slice(ROOM, 0, 4)  # hashes 0 to 16383


def test_a_cursor_is_read_as_written_and_is_none_before(dynamodb: Any) -> None:
    cursors = Cursors(dynamodb, MESSAGES)
    assert cursors.read(FIRST) is None
    for cursor in (Cursor(5), Cursor(5, 9, "00ffabc="), Cursor(9)):
        cursors.write(FIRST, cursor)
        assert cursors.read(FIRST) == cursor
    assert cursors.read(Slice(ROOM, 1, 4)) is None


def test_a_room_becomes_large_once_and_keeps_the_number_of_its_slices(dynamodb: Any) -> None:
    log = Log(dynamodb, MESSAGES, 90, RoomRules(dynamodb, MESSAGES))
    log.append(ROOM, message(1))
    run, repair = [Entry(1, message(1))], LogRepair(dynamodb, MESSAGES, 90)
    assert repair.repair(ROOM, run).slices is None
    assert repair.mark_large(ROOM, 16) == 16
    assert repair.mark_large(ROOM, 4) == 16
    assert repair.repair(ROOM, run).slices == 16
    log.append(ROOM, message(2))
    assert repair.repair(ROOM, [Entry(2, message(2))]).slices == 16


def test_the_log_is_read_up_to_the_first_gap(dynamodb: Any) -> None:
    log = Log(dynamodb, MESSAGES, 90, RoomRules(dynamodb, MESSAGES))
    for number in range(1, 6):
        log.append(ROOM, message(number))
    log.append(ROOM, message(3))  # sent again: skipped
    assert [entry.seq for entry in log.entries(ROOM, 0)] == [1, 2, 3, 4, 5, 6]
    assert log.entries(ROOM, 5) == [Entry(6, None)]
    assert [entry.seq for entry in log.entries(ROOM, 1, 3)] == [2, 3]
    assert log.entries(ROOM, 6) == []
    dynamodb.delete_item(TableName=MESSAGES, Key={"pk": "LOG#a%23large-room", "sk": "000000000004"})
    assert [entry.seq for entry in log.entries(ROOM, 0)] == [1, 2, 3]
    assert log.entries(ROOM, 3) == []


def test_a_slices_members_and_no_others_get_everything_since_its_cursor(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30, 40_000), 5)
    room.cursors.write(FIRST, Cursor(2))
    counts = room.run_slice(virtual, SliceTask(FIRST, 0, 4))
    assert room.sockets.seqs == {"at-10": [3, 4, 5], "at-20": [3, 4, 5], "at-30": [3, 4, 5]}
    assert (counts.recipients, counts.delivered) == (3, 3)
    assert room.cursors.read(FIRST) == Cursor(5)


def test_every_frame_of_a_slice_names_the_log_also_in_a_further_invocation(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30), 2)
    room.run_slice(virtual, SliceTask(FIRST, 0, 2, epoch="7f3a91c2"), seconds=0.5)
    (rest,) = room.queue.enqueued
    room.run_slice(virtual, rest)
    frames = [json.loads(text) for texts in room.sockets.frames.values() for text in texts]
    assert [(frame["type"], frame["epoch"]) for frame in frames] == [("messages", "7f3a91c2")] * 3


def test_the_first_task_says_where_a_slice_begins(dynamodb: Any, virtual: asyncio.Runner) -> None:
    room = LargeRoom(dynamodb, HashSpace(10), 5)
    room.run_slice(virtual, SliceTask(FIRST, 3, 4))
    assert room.sockets.seqs == {"at-10": [4, 5]}


def test_a_later_task_finds_nothing_to_do(dynamodb: Any, virtual: asyncio.Runner) -> None:
    room = LargeRoom(dynamodb, HashSpace(10), 5)
    room.run_slice(virtual, SliceTask(FIRST, 0, 3))
    assert room.run_slice(virtual, SliceTask(FIRST, 3, 5)) == Counts()
    assert (room.sockets.seqs["at-10"], room.hash_space.pages) == ([1, 2, 3, 4, 5], 1)


def test_a_slice_that_takes_too_long_goes_on_where_it_stopped(dynamodb: Any, virtual: asyncio.Runner) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30, 40, 50), 2)
    room.run_slice(virtual, SliceTask(FIRST, 0, 2), seconds=0.5)
    assert room.cursors.read(FIRST) == Cursor(0, 2, "20")
    room.log.append(ROOM, message(3))  # meanwhile
    answered = 0
    while answered < len(room.queue.enqueued):
        room.run_slice(virtual, room.queue.enqueued[answered], seconds=0.5)
        answered += 1
    assert room.sockets.seqs == {f"at-{place}": [1, 2, 3] for place in (10, 20, 30, 40, 50)}
    assert room.cursors.read(FIRST) == Cursor(3)
    assert len({(each.to, each.part) for each in room.queue.enqueued}) == len(room.queue.enqueued)


def test_a_failed_task_leaves_the_cursor_and_its_retry_loses_nothing(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30), 2)
    room.hash_space.fails = 1
    with pytest.raises(TimeoutError):
        room.run_slice(virtual, SliceTask(FIRST, 0, 2))
    assert room.cursors.read(FIRST) is None
    room.run_slice(virtual, SliceTask(FIRST, 0, 2))
    assert room.sockets.seqs == {f"at-{place}": [1, 2] for place in (10, 20, 30)}


LOCKED = '{"type":"moderated","action":"lock"}'


def notice(slice_: Slice = FIRST) -> SliceTask:
    return SliceTask(slice_, 0, 0, notice=Notice(LOCKED, "1"))


def test_a_notice_is_posted_to_the_slices_members_that_speak_frames(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30, 40_000), 0)
    room.hash_space.plain = {20}
    assert room.run_slice(virtual, notice()) == Counts(2, delivered=2)
    assert dict(room.sockets.frames) == {"at-10": [LOCKED], "at-30": [LOCKED]}


def test_a_notice_moves_no_cursor_and_posts_no_message(dynamodb: Any, virtual: asyncio.Runner) -> None:
    room = LargeRoom(dynamodb, HashSpace(10), 5)
    room.run_slice(virtual, SliceTask(FIRST, 0, 2))
    room.log.append(ROOM, message(6))
    room.run_slice(virtual, notice())
    assert room.sockets.seqs["at-10"] == [1, 2, 3, 4, 5]
    assert room.cursors.read(FIRST) == Cursor(5)
    room.run_slice(virtual, SliceTask(FIRST, 5, 6))
    assert room.sockets.seqs["at-10"] == [1, 2, 3, 4, 5, 6]


def test_a_notice_that_takes_too_long_is_not_repeated(dynamodb: Any, virtual: asyncio.Runner) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20, 30, 40, 50), 0)
    assert room.run_slice(virtual, notice(), seconds=1.5) == Counts(4, delivered=4)
    assert room.queue.enqueued == []
    assert room.cursors.read(FIRST) is None


def test_a_notice_that_could_not_be_posted_is_posted_when_the_task_is_run_again(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10), 0)
    room.hash_space.fails = 1
    with pytest.raises(TimeoutError):
        room.run_slice(virtual, notice())
    room.run_slice(virtual, notice())
    assert room.sockets.frames["at-10"] == [LOCKED]


def test_a_message_deleted_before_a_slice_got_it_is_posted_as_deleted(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    room = LargeRoom(dynamodb, HashSpace(10, 20), 2)
    room.hash_space.plain = {20}
    deletion = Change("delete", 1, "c1", "u1", "Ada", "at")
    assert room.log.append(ROOM, deletion).seq == 3
    LogRepair(dynamodb, MESSAGES, 90).repair(ROOM, [Entry(3, None, deletion)])
    room.run_slice(virtual, SliceTask(FIRST, 0, 3))
    ((frame,), plain) = room.sockets.frames["at-10"], room.sockets.frames["at-20"]
    (first, second), (change,) = json.loads(frame)["messages"], json.loads(frame)["changes"]
    assert (change["kind"], change["of"], change["message"]) == ("delete", 1, first)
    assert (first["message"], first["deleted"], second["message"]) == ("", True, "message 2")
    assert plain == ["message 2"]
