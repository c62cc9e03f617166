"""Large rooms in slices: the doorbells, the cursors, and who answers the door."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import boto3
import pytest

from apigateway.client import Frame
from apigateway.outcomes import Delivered, Outcome
from apigateway.poster import Poster
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.slice_queue import Cursor, Cursors, Slice, SliceQueue, SliceTask
from chat.delivery.slices import SliceWorker
from chat.identity.identity import Protocol
from chat.protocol.messages import Entry, Message
from chat.storage.connections import HASH_SPACE, Member
from chat.storage.log import Log
from chat.storage.member_reader import MemberPage
from chat.storage.signals import Notice

MESSAGES = "MessagesTable"
ROOM = "a#large room".replace(" ", "-")


def message(number: int) -> Message:
    return Message(f"ref-{number}", "u1", "Ada", f"message {number}", None, "2026-11-24T06:20:01.123Z")


class SliceGateway:
    """API Gateway, where every post is delivered in the loop's next turn."""

    free = 10

    def __init__(self) -> None:
        self.seqs: defaultdict[str, list[int]] = defaultdict(list)
        self.frames: defaultdict[str, list[str]] = defaultdict(list)

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        text = frame.data.decode()
        self.frames[connection_id].append(text)
        if text.startswith("{"):
            self.seqs[connection_id] += [each["seq"] for each in json.loads(text).get("messages", [])]
        asyncio.get_running_loop().call_soon(callback, Delivered())

    def close(self) -> None:
        pass


class Ring:
    """A room's members in the order of their places, read two at a time; each page takes a second."""

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


class Door:
    """SliceQueue that were rung."""

    def __init__(self) -> None:
        self.enqueued: list[SliceTask] = []

    def enqueue(self, tasks: Sequence[SliceTask]) -> None:
        self.enqueued += tasks


class Nowhere:
    def send(self, segment: object) -> None:
        pass


class House:
    """A large room with a log of so many messages, on real tables."""

    def __init__(self, dynamodb: Any, ring: Ring, messages: int) -> None:
        self.log = Log(dynamodb, MESSAGES, 90)
        for number in range(1, messages + 1):
            self.log.append(ROOM, message(number))
        self.cursors = Cursors(dynamodb, MESSAGES)
        self.sockets, self.door, self.ring = SliceGateway(), Door(), ring

    def run_slice(self, runner: asyncio.Runner, task: SliceTask, seconds: float = 1_000) -> Counts:
        async def run() -> Counts:
            loop = asyncio.get_running_loop()
            worker = SliceWorker(
                self.ring,  # type: ignore[arg-type]
                self.log,
                Delivery(
                    None,  # type: ignore[arg-type] - nobody is gone
                    Poster(self.sockets),
                    None,  # type: ignore[arg-type]
                ),
                self.door,  # type: ignore[arg-type]
                self.cursors,
                Nowhere(),
            )
            return await worker.run_slice(task, loop.time() + seconds)

        return runner.run(run())


FIRST = Slice(ROOM, 0, 4)  # places 0 to 16383


@pytest.mark.parametrize("count", [1, 3, 4, 16, 1000])
def test_the_slices_cover_each_point_of_the_hash_space_once(count: int) -> None:
    slices = [Slice("r", number, count) for number in range(count)]
    assert slices[0].first == 0 and slices[-1].last == HASH_SPACE - 1
    assert all(this.last + 1 == following.first for this, following in pairwise(slices))


def test_a_task_is_equal_after_its_way_through_the_queue() -> None:
    task = SliceTask(Slice("ré#um", 3, 16), 41, 45, 2)
    assert SliceTask.parse(task.body()) == task
    with_notice = SliceTask(Slice("ré#um", 3, 16), 0, 0, notice=Notice('{"by":"Ré \\"x\\" 💬"}', "1"))
    assert SliceTask.parse(with_notice.body()) == with_notice


def test_a_notice_is_enqueued_once_and_another_with_the_same_text_too(empty_account: Any) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="Notices.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    slice_queue = SliceQueue(url)
    first, second = (SliceTask(Slice("r", 0, 1), 0, 0, notice=Notice("{}", each)) for each in "12")
    for task in (first, second, first):  # the stream brings the first again
        slice_queue.enqueue([task])
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [SliceTask.parse(each["Body"]) for each in received] == [first, second]


def test_a_run_enqueued_again_is_received_once_and_slices_are_groups(empty_account: Any) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="SliceQueue.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    slice_queue = SliceQueue(url)
    run = [SliceTask(Slice("r", number, 16), 0, 5) for number in range(16)]
    slice_queue.enqueue(run)
    slice_queue.enqueue(run)
    received = []
    while batch := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"], VisibilityTimeout=60
    ).get("Messages"):
        received += batch
    assert sorted(SliceTask.parse(each["Body"]).slice.number for each in received) == list(range(16))
    assert len({each["Attributes"]["MessageGroupId"] for each in received}) == 16
    slice_queue.delay(received[0]["ReceiptHandle"], 0)
    (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert again["Body"] == received[0]["Body"]


def test_a_cursor_is_read_as_written_and_is_none_before(dynamodb: Any) -> None:
    cursors = Cursors(dynamodb, MESSAGES)
    assert cursors.read(FIRST) is None
    for cursor in (Cursor(5), Cursor(5, 9, "00ffabc="), Cursor(9)):
        cursors.write(FIRST, cursor)
        assert cursors.read(FIRST) == cursor
    assert cursors.read(Slice(ROOM, 1, 4)) is None


def test_a_room_becomes_large_once_and_keeps_the_number_of_its_slices(dynamodb: Any) -> None:
    log = Log(dynamodb, MESSAGES, 90)
    log.append(ROOM, message(1))
    run = [Entry(1, message(1))]
    assert log.repair(ROOM, run).slices is None
    assert log.mark_large(ROOM, 16) == 16
    assert log.mark_large(ROOM, 4) == 16
    assert log.repair(ROOM, run).slices == 16
    log.append(ROOM, message(2))
    assert log.repair(ROOM, [Entry(2, message(2))]).slices == 16


def test_the_log_is_read_up_to_the_first_gap(dynamodb: Any) -> None:
    log = Log(dynamodb, MESSAGES, 90)
    for number in range(1, 6):
        log.append(ROOM, message(number))
    log.append(ROOM, message(3))  # sent again: void
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
    house = House(dynamodb, Ring(10, 20, 30, 40_000), 5)
    house.cursors.write(FIRST, Cursor(2))
    counts = house.run_slice(virtual, SliceTask(FIRST, 0, 4))
    assert house.sockets.seqs == {"at-10": [3, 4, 5], "at-20": [3, 4, 5], "at-30": [3, 4, 5]}
    assert (counts.recipients, counts.delivered) == (3, 3)
    assert house.cursors.read(FIRST) == Cursor(5)


def test_the_first_task_says_where_a_slice_begins(dynamodb: Any, virtual: asyncio.Runner) -> None:
    house = House(dynamodb, Ring(10), 5)
    house.run_slice(virtual, SliceTask(FIRST, 3, 4))
    assert house.sockets.seqs == {"at-10": [4, 5]}


def test_a_later_task_finds_nothing_to_do(dynamodb: Any, virtual: asyncio.Runner) -> None:
    house = House(dynamodb, Ring(10), 5)
    house.run_slice(virtual, SliceTask(FIRST, 0, 3))
    assert house.run_slice(virtual, SliceTask(FIRST, 3, 5)) == Counts()
    assert (house.sockets.seqs["at-10"], house.ring.pages) == ([1, 2, 3, 4, 5], 1)


def test_a_slice_that_takes_too_long_goes_on_where_it_stopped(dynamodb: Any, virtual: asyncio.Runner) -> None:
    house = House(dynamodb, Ring(10, 20, 30, 40, 50), 2)
    house.run_slice(virtual, SliceTask(FIRST, 0, 2), seconds=0.5)
    assert house.cursors.read(FIRST) == Cursor(0, 2, "20")
    house.log.append(ROOM, message(3))  # meanwhile
    answered = 0
    while answered < len(house.door.enqueued):
        house.run_slice(virtual, house.door.enqueued[answered], seconds=0.5)
        answered += 1
    assert house.sockets.seqs == {f"at-{place}": [1, 2, 3] for place in (10, 20, 30, 40, 50)}
    assert house.cursors.read(FIRST) == Cursor(3)
    assert len({(each.to, each.part) for each in house.door.enqueued}) == len(house.door.enqueued)


def test_a_failed_task_leaves_the_cursor_and_its_retry_loses_nothing(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    house = House(dynamodb, Ring(10, 20, 30), 2)
    house.ring.fails = 1
    with pytest.raises(TimeoutError):
        house.run_slice(virtual, SliceTask(FIRST, 0, 2))
    assert house.cursors.read(FIRST) is None
    house.run_slice(virtual, SliceTask(FIRST, 0, 2))
    assert house.sockets.seqs == {f"at-{place}": [1, 2] for place in (10, 20, 30)}


# Notices

CLOSED = '{"type":"moderated","action":"lock"}'


def notice(slice_: Slice = FIRST) -> SliceTask:
    return SliceTask(slice_, 0, 0, notice=Notice(CLOSED, "1"))


def test_a_notice_is_posted_to_the_slices_members_that_speak_frames(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    house = House(dynamodb, Ring(10, 20, 30, 40_000), 0)
    house.ring.plain = {20}
    assert house.run_slice(virtual, notice()) == Counts(2, delivered=2)
    assert dict(house.sockets.frames) == {"at-10": [CLOSED], "at-30": [CLOSED]}


def test_a_notice_moves_no_cursor_and_posts_no_message(dynamodb: Any, virtual: asyncio.Runner) -> None:
    house = House(dynamodb, Ring(10), 5)
    house.run_slice(virtual, SliceTask(FIRST, 0, 2))
    house.log.append(ROOM, message(6))
    house.run_slice(virtual, notice())
    assert house.sockets.seqs["at-10"] == [1, 2, 3, 4, 5]
    assert house.cursors.read(FIRST) == Cursor(5)
    house.run_slice(virtual, SliceTask(FIRST, 5, 6))
    assert house.sockets.seqs["at-10"] == [1, 2, 3, 4, 5, 6]


def test_a_notice_that_takes_too_long_is_not_repeated(dynamodb: Any, virtual: asyncio.Runner) -> None:
    house = House(dynamodb, Ring(10, 20, 30, 40, 50), 0)
    assert house.run_slice(virtual, notice(), seconds=1.5) == Counts(4, delivered=4)
    assert house.door.enqueued == []
    assert house.cursors.read(FIRST) is None


def test_a_notice_that_could_not_be_posted_is_posted_when_the_task_is_run_again(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    house = House(dynamodb, Ring(10), 0)
    house.ring.fails = 1
    with pytest.raises(TimeoutError):
        house.run_slice(virtual, notice())
    house.run_slice(virtual, notice())
    assert house.sockets.frames["at-10"] == [CLOSED]


def test_a_message_deleted_before_a_slice_got_it_is_posted_as_deleted(
    dynamodb: Any, virtual: asyncio.Runner
) -> None:
    house = House(dynamodb, Ring(10, 20), 2)
    house.ring.plain = {20}
    house.log.delete(ROOM, 1)
    house.run_slice(virtual, SliceTask(FIRST, 0, 2))
    ((frame,), plain) = house.sockets.frames["at-10"], house.sockets.frames["at-20"]
    first, second = json.loads(frame)["messages"]
    assert (first["message"], first["deleted"], second["message"]) == ("", True, "message 2")
    assert plain == ["message 2"]
