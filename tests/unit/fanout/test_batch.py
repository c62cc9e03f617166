"""A batch of the stream, grouped by room, and Lambda's response for it."""

from __future__ import annotations

from typing import Any

import pytest

from chat.identity.identity import Person
from chat.storage.signals import PresenceChanged, ReadReceipt
from fanout.batch import (
    BatchFailed,
    RoomBatch,
    batch_response,
    group_by_room,
    item_of,
    sequence_number_of,
)


def record(number: int, image: dict[str, Any]) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}


def head(number: int, room: str, seq: int) -> dict[str, Any]:
    last = {"id": f"r{seq}", "user": "u1", "name": "Ada", "message": "Hi", "at": "2026-11-24T06:20:01.123Z"}
    return record(
        number,
        {
            "pk": {"S": f"ROOM#{room}"},
            "sk": {"S": "HEAD"},
            "seq": {"N": str(seq)},
            "last": {"M": {name: {"S": value} for name, value in last.items()}},
        },
    )


def presence(number: int, room: str) -> dict[str, Any]:
    texts = {"pk": f"SIG#{room}", "sk": "PRESENCE", "user": "u1", "name": "Ada"}
    return record(number, {name: {"S": value} for name, value in texts.items()})


SUBSCRIPTION = {"pk": {"S": "USER#ada"}, "sk": {"S": "ROOM#a"}}


def subscription(number: int, read: int, cause: str = "read") -> dict[str, Any]:
    image = SUBSCRIPTION | {
        "read": {"N": str(read)}, "read_count": {"N": "0"}, "muted": {"BOOL": False},
        "since": {"S": "2026-11-24T06:19:58Z"}, "cause": {"S": cause}, "name": {"S": "Ada"},
    }  # fmt: skip
    return {"eventName": "MODIFY", **record(number, image)}


def ended(number: int) -> dict[str, Any]:
    keys = {"Keys": SUBSCRIPTION, "SequenceNumber": str(number)}
    return {"eventName": "REMOVE", "dynamodb": keys}


def grouped(records: list[dict[str, Any]], *, receipts: bool = True) -> tuple[RoomBatch, set[int]]:
    return group_by_room(records, receipts=receipts)


UNREADABLE = record(9, {"pk": {"S": "ROOM#a"}, "sk": {"S": "HEAD"}, "seq": {"S": "no number"}})


def test_a_record_has_an_image_in_pythons_types_and_a_number() -> None:
    image = item_of(head(7, "a", 3))
    assert (image["pk"], image["seq"], image["last"]["user"]) == ("ROOM#a", 3, "u1")
    assert sequence_number_of(head(7, "a", 3)) == "7"


def test_each_room_has_its_run_in_order_and_its_signals() -> None:
    batch, failed = grouped([head(1, "a", 1), presence(2, "b"), head(3, "b", 5), head(4, "a", 2)])
    assert {room: [entry.seq for entry in run] for room, run in batch.runs.items()} == {"a": [1, 2], "b": [5]}
    assert batch.signals == {"b": [PresenceChanged(Person("u1", "Ada"))]}
    assert failed == set()


def test_a_room_begins_at_its_first_record() -> None:
    batch, _ = grouped([head(1, "a", 1), presence(2, "b"), head(3, "b", 5), head(4, "a", 2)])
    assert batch.positions(["a"]) == {0}
    assert batch.positions(["b"]) == {1}
    assert batch.positions([]) == set()


def test_a_batch_ends_before_a_record_that_cannot_be_read() -> None:
    batch, failed = grouped([head(1, "a", 1), UNREADABLE, head(3, "b", 1)])
    assert (set(batch.runs), failed) == ({"a"}, {1})


def test_the_response_names_the_failed_records_in_order() -> None:
    records = [head(number, "a", number) for number in (1, 2, 3)]
    assert batch_response(records, set()) == {"batchItemFailures": []}
    assert batch_response(records, {2, 1}) == {
        "batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]
    }


def test_a_batch_fails_as_a_whole_with_its_first_record_unless_that_is_alone() -> None:
    records = [head(number, "a", number) for number in (1, 2)]
    with pytest.raises(BatchFailed):
        batch_response(records, {0})
    assert batch_response(records[:1], {0}) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_of_a_subscription_only_the_newest_version_counts_and_a_removal_is_told() -> None:
    batch, failed = grouped([subscription(7, 1), subscription(8, 2)])
    found = batch.subscriptions["ada"]["a"]
    assert found is not None and found.read == 2 and not failed
    assert batch.positions([], ["ada"]) == {0}
    batch, _ = grouped([subscription(7, 1), ended(9)])
    assert batch.subscriptions == {"ada": {"a": None}}


def test_each_reading_mark_is_a_signal_of_its_room_also_if_a_newer_version_is_none() -> None:
    records = [
        head(1, "a", 3),
        subscription(2, 2),
        subscription(3, 3),
        subscription(4, 3, "mentioned"),
        ended(5),
    ]
    batch, failed = grouped(records)
    ada = Person("ada", "Ada")
    assert (batch.signals, failed) == ({"a": [ReadReceipt(ada, 2), ReadReceipt(ada, 3)]}, set())


@pytest.mark.parametrize("cause", ["subscribed", "mentioned", "taken back", "own"])
def test_another_change_of_a_subscription_is_no_receipt(cause: str) -> None:
    batch, failed = grouped([subscription(1, 2, cause), ended(2)])
    assert (batch.signals, failed) == ({}, set())


def test_a_receipt_that_fails_begins_at_its_record() -> None:
    batch, _ = grouped([head(1, "b", 1), subscription(2, 2), head(3, "a", 3)])
    assert batch.positions(["a"]) == {1}


def test_without_receipts_a_reading_mark_is_told_to_its_person_only() -> None:
    batch, _ = grouped([subscription(2, 2), head(3, "a", 3)], receipts=False)
    assert (batch.signals, set(batch.subscriptions)) == ({}, {"ada"})
    assert batch.positions(["a"]) == {1}


def test_a_removal_of_anything_else_is_unrecognized() -> None:
    key = {"pk": {"S": "ROOM#a"}, "sk": {"S": "HEAD"}}
    removed = {"eventName": "REMOVE", "dynamodb": {"Keys": key, "SequenceNumber": "9"}}
    _, failed = grouped([removed])
    assert failed == {0}
