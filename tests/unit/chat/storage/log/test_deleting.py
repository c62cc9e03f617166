"""Deleting messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.messages import Entry, Message
from chat.storage.keys import MAX_SEQ
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rules import RoomRules
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import DAY, NOW, TABLE, change_rules, history, items, message


def page(log: Log) -> list[Message | None]:
    return [row.entry.message for row in log.rows_after("general", 0)]


def test_a_deleted_message_keeps_its_entry_and_loses_its_text(log: Log, dynamodb: Any) -> None:
    for ref in ("r1", "r2", "r3"):
        log.append("general", message(ref, data='{"a":1}'))
    deleted = replace(message("r2", text=""), deleted=True)
    assert log.delete("general", 2) == Entry(2, deleted)
    assert page(log) == [message("r1", data='{"a":1}'), deleted, message("r3", data='{"a":1}')]
    assert log.entries("general", 1, 2) == [Entry(2, deleted)]
    row = items(dynamodb, "LOG#")["000000000002"]
    assert row == {
        "pk": "LOG#general", "sk": "000000000002", "id": "r2", "user": "u1", "name": "Ada", "message": "",
        "at": "at", "deleted": True, "expires_at": Decimal(int(NOW) + 90 * DAY),
    }  # fmt: skip
    assert items(dynamodb, "ROOM#")["HEAD"]["last"]["message"] == "Hi"  # of the third


def test_the_newest_message_is_deleted_from_the_head_too_without_a_broadcast(
    log: Log, dynamodb: Any, stream: Stream
) -> None:
    log.append("general", message("r1"))
    log.append("general", message("r2", "secret", data='"secret"'))
    stream.batch()
    log.delete("general", 2)
    head = items(dynamodb, "ROOM#")["HEAD"]
    assert (head["seq"], head["last"]["message"], head["last"]["deleted"]) == (2, "", True)
    assert "secret" not in str(dynamodb.scan(TableName=TABLE)["Items"])
    assert len(stream.records()) == 1
    assert log.head("general").seq == 2


def test_what_marks_a_head_is_no_message_and_the_next_message_is_one(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    assert [entry.seq for entry in stream.batch()["general"]] == [1]
    marks: list[Callable[[], object]] = [
        lambda: change_rules(dynamodb, slow_mode=0),
        lambda: log.delete("general", 1),
        lambda: log_repair.mark_large("general", 16),
    ]
    for mark in marks:
        mark()
        assert stream.batch() == {}
        log.append("general", message(f"after {mark}"))
        assert len(stream.batch()["general"]) == 1


def test_deleting_again_is_fine_and_what_is_no_message_cannot_be_deleted(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1"))
    log.append("general", message("r1"))
    before = page(log)
    for seq in (2, 3, MAX_SEQ):  # a skipped number, and nothing
        assert log.delete("general", seq) is None
    assert log.delete("silent", 1) is None
    assert page(log) == before
    assert log.delete("general", 1) == log.delete("general", 1)
    assert items(dynamodb, "ROOM#").keys() == {"HEAD"}


def test_sending_a_deleted_message_again_does_not_bring_it_back(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    first = log.append("general", message("r1", "secret"))
    run = stream.batch()["general"]
    log.delete("general", 1)
    assert log.append("general", message("r1", "secret")) == first
    log_repair.repair("general", run)  # as the stream brings it again after a failure
    assert history(dynamodb) == {1: "", 2: None}


def test_a_failure_of_dynamodb_is_not_taken_for_a_message_that_is_not_there(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Log(dynamodb, "NoSuchTable", 90, RoomRules(dynamodb, TABLE)).delete("general", 1)
