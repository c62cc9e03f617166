"""The queue of slice tasks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import boto3
import pytest

from chat.delivery.slice_queue import ReactionTask, SliceQueue, SliceTask, parse_task
from chat.storage.keys import HASH_SPACE
from chat.storage.members import Slice
from chat.storage.signals import Notice


@pytest.mark.parametrize("count", [1, 3, 4, 16, 1000])
def test_the_slices_cover_each_point_of_the_hash_space_once(count: int) -> None:
    slices = [Slice("r", number, count) for number in range(count)]
    assert slices[0].first == 0 and slices[-1].last == HASH_SPACE - 1
    assert all(this.last + 1 == following.first for this, following in pairwise(slices))


def test_a_task_is_equal_after_its_way_through_the_queue() -> None:
    task = SliceTask(Slice("ré#um", 3, 16), 41, 45, 2, epoch="7f3a91c2")
    assert SliceTask.parse(task.body()) == task
    with_notice = SliceTask(Slice("ré#um", 3, 16), 0, 0, notice=Notice('{"moderator":"Ré \\"x\\" 💬"}', "1"))
    assert SliceTask.parse(with_notice.body()) == with_notice


def test_reactions_that_wait_for_one_broadcast_are_one_task_in_a_group_of_its_own() -> None:
    task = ReactionTask("ré#um", 41, 3, "7f3a91c2")
    assert parse_task(task.body()) == task
    assert parse_task(SliceTask(Slice("ré#um", 0, 1), 41, 45).body()) == SliceTask(
        Slice("ré#um", 0, 1), 41, 45
    )
    assert replace(task, after=44).deduplication == task.deduplication
    assert replace(task, round=4).deduplication != task.deduplication
    slices = [SliceTask(Slice("ré#um", number, 16), 41, 45) for number in range(16)]
    assert task.group not in {each.group for each in slices}
    assert replace(task, room="r").group != task.group


def test_a_notice_is_enqueued_once_and_another_with_the_same_text_too(empty_account: Any) -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="Notices.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    slice_queue = SliceQueue(url)
    first, second = (SliceTask(Slice("r", 0, 1), 0, 0, notice=Notice("{}", each)) for each in "12")
    for task in (first, second, first):  # the stream repeats the first
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
