"""Sending, sending again, the room's rate, and many senders at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from chat.protocol.errors import InvalidRef, RateLimited
from chat.protocol.messages import Message
from chat.storage.log.log import Log, Receipt
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.support.waiting import TIMEOUT
from tests.unit.chat.storage.log.conftest import DAY, NOW, TABLE, history, items, log_of, message

# Sending


def test_messages_of_a_room_are_numbered_from_1(log: Log) -> None:
    assert [log.append("general", message(f"r{number}")).seq for number in range(1, 6)] == [1, 2, 3, 4, 5]
    assert log.append("news", message("r1")).seq == 1


def test_a_message_is_a_head_a_ref_and_a_row(log: Log, dynamodb: Any) -> None:
    said = message("r#1", "Hi", "2026-11-24T06:20:01.123Z", '{"a":1}')
    assert log.append("a#b", said) == Receipt(1, "2026-11-24T06:20:01.123Z")
    content = {
        "id": "r#1", "user": "u1", "name": "Ada", "message": "Hi", "data": '{"a":1}',
        "at": "2026-11-24T06:20:01.123Z",
    }  # fmt: skip
    epoch = items(dynamodb, "ROOM#")["HEAD"]["epoch"]
    assert items(dynamodb, "ROOM#") == {
        "HEAD": {
            "pk": "ROOM#a%23b", "sk": "HEAD", "seq": Decimal(1), "last": content, "due": NOW * 1e6 + 100,
            "epoch": epoch, "messaged": Decimal(1), "messaged_before": Decimal(0),
        }
    }  # fmt: skip
    assert items(dynamodb, "REF#") == {
        "REF#a%23b#r%231": {
            "pk": "REF#a%23b#r%231", "sk": "REF", "id": "r#1", "seq": Decimal(1), "digest": said.digest,
            "at": said.at, "expires_at": Decimal(int(NOW) + DAY),
        }
    }  # fmt: skip
    assert items(dynamodb, "LOG#") == {
        "000000000001": {
            "pk": "LOG#a%23b", "sk": "000000000001", **content, "expires_at": Decimal(int(NOW) + 90 * DAY),
        }
    }  # fmt: skip


def test_the_head_holds_the_newest_message_and_never_expires(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1", "Hi", data='{"a":1}'))
    log.append("general", message("r2", "Ho"))
    head = items(dynamodb, "ROOM#")["HEAD"]
    assert (head["seq"], head["last"]["message"], "data" in head["last"]) == (2, "Ho", False)
    assert "expires_at" not in head


def test_a_row_sorts_as_its_seq_does(log: Log, dynamodb: Any) -> None:
    for number in range(1, 12):
        log.append("general", message(f"r{number}", f"text {number}"))
    assert [row["message"] for _, row in sorted(items(dynamodb, "LOG#").items())] == [
        f"text {number}" for number in range(1, 12)
    ]


def test_to_send_is_three_writes_and_no_read(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    log_of(counting).append("general", message("r1"))
    assert counting.calls == ["update_item", "put_item", "put_item"]


# Sending again


def test_the_same_message_again_has_its_first_receipt(log: Log, dynamodb: Any) -> None:
    first = log.append("general", message("r1", at="first"))
    log.append("general", message("r2", "other"))
    assert log.append("general", message("r1", at="later")) == first == Receipt(1, "first")
    assert history(dynamodb) == {1: "Hi", 2: "other", 3: None}
    assert items(dynamodb, "LOG#")["000000000003"] == {
        "pk": "LOG#general", "sk": "000000000003", "skipped": True, "at": "later",
        "expires_at": Decimal(int(NOW) + 90 * DAY),
    }  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [message("r1", "Ho"), message("r1", data="{}"), message("r1", user="u2")],
    ids=["text", "data", "user"],
)
def test_the_same_ref_with_another_message_is_an_error_and_counts_for_nothing(
    log: Log, dynamodb: Any, other: Message
) -> None:
    log.append("general", message("r1"))
    with pytest.raises(InvalidRef):
        log.append("general", other)
    assert history(dynamodb) == {1: "Hi", 2: None}
    assert log.append("general", message("r1")).seq == 1  # the first one still stands


def test_a_ref_is_of_one_room(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1"))
    assert log.append("news", message("r1", "Ho")).seq == 1


def test_rooms_and_refs_with_separators_do_not_meet(log: Log) -> None:
    log.append("a", message("b#c"))
    assert log.append("a#b", message("c", "Ho")).seq == 1


# The room's rate


def test_a_flood_over_four_instances_is_held_and_other_rooms_are_not_slowed(dynamodb: Any) -> None:
    """500 messages a second for two seconds into one room that takes 50; another has its ten a second."""
    clock = Clock(NOW)
    instances = [
        Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(50, 50)) for _ in range(4)
    ]
    waits: list[float] = []
    for number in range(1_000):
        clock.now = NOW + number / 500
        log = instances[number % 4]
        try:
            log.append("flood", message(f"r{number}"), exempt=number % 2 == 0)
        except RateLimited as limited:
            waits.append(limited.retry_after)
        if number % 50 == 0:
            log.append("quiet", message(f"r{number}"))
    taken = {room: head.seq for room, head in log.heads({"flood", "quiet"}).items()}
    assert taken["flood"] == pytest.approx(50 + 2 * 50, rel=0.1)
    assert taken["flood"] + len(waits) == 1_000
    assert all(0 < seconds <= 1.021 for seconds in waits)  # spread over a second
    assert taken["quiet"] == 20


def test_a_sender_that_waits_for_retry_after_is_accepted(dynamodb: Any) -> None:
    clock = Clock(NOW)
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(3, 1))
    for number in range(5):
        log.append("general", message(f"r{number}"))
        with pytest.raises(RateLimited) as limited:
            log.append("general", message("too soon"))
        clock.now += limited.value.retry_after
    assert history(dynamodb) == dict.fromkeys(range(1, 6), "Hi")


def test_a_message_that_is_not_committed_leaves_nothing(dynamodb: Any, stream: Stream) -> None:
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, lambda: NOW), lambda: NOW, Rate(1, 1))
    log.append("general", message("r1"))
    stream.batch()
    with pytest.raises(RateLimited):
        log.append("general", message("r2"))
    assert stream.records() == []
    assert (set(items(dynamodb, "REF#")), history(dynamodb)) == ({"REF#general#r1"}, {1: "Hi"})


# At once


class Rendezvous:
    """A DynamoDB client whose callers, once each has had an answer from the head, go on together."""

    def __init__(self, client: MortalDynamoDB, callers: int) -> None:
        self._client = client
        self._all_have_a_seq = threading.Barrier(callers, timeout=TIMEOUT)

    def update_item(self, **arguments: Any) -> Any:
        answer = self._client.update_item(**arguments)
        self._all_have_a_seq.wait()
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_messages_at_once_get_a_seq_each(dynamodb: Any) -> None:
    log = log_of(Rendezvous(MortalDynamoDB(dynamodb), 8))
    with ThreadPoolExecutor(8) as senders:
        receipts = senders.map(
            lambda number: log.append("general", message(f"r{number}", f"text {number}")), range(8)
        )
        text_of = {receipt.seq: f"text {number}" for number, receipt in enumerate(receipts)}
    assert sorted(text_of) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert history(dynamodb) == text_of


def test_one_message_sent_many_times_at_once_counts_once(dynamodb: Any) -> None:
    log = log_of(Rendezvous(MortalDynamoDB(dynamodb), 8))
    with ThreadPoolExecutor(8) as senders:
        receipts = list(senders.map(lambda number: log.append("general", message("r1")), range(8)))
    assert len(set(receipts)) == 1
    assert history(dynamodb) == {seq: "Hi" if seq == receipts[0].seq else None for seq in range(1, 9)}
