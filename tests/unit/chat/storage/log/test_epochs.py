"""The epoch of a log, which tells it from another log of the same room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.messages import Change, Head
from chat.storage.items import epoch_of
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import TABLE, change_rules, items, log_of, message, repair_of


def test_an_epoch_comes_with_the_first_message_and_never_changes(
    log: Log, dynamodb: Any, log_repair: LogRepair
) -> None:
    assert log.head("general") == Head(0, None)
    log.append("general", message("r1"))
    first = log.head("general")
    assert first.epoch is not None
    log_of(dynamodb).append("general", message("r2"))
    change_rules(dynamodb, locked=False)
    log_repair.mark_large("general", 4)
    log.append("general", Change("delete", 2, "c1", "u1", "Ada", "at"))
    assert log.head("general") == replace(first, seq=3)


def test_an_epoch_can_come_with_the_first_rule(log: Log, dynamodb: Any) -> None:
    change_rules(dynamodb, slow_mode=1)
    first = log.head("general")
    assert (first.seq, first.epoch is None) == (0, False)
    change_rules(dynamodb, slow_mode=0)
    log.append("general", message("r1"), exempt=True)
    assert log.head("general") == replace(first, seq=1)


def test_a_log_that_begins_again_has_another_epoch_and_so_has_another_room(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1"))
    log.append("news", message("r1"))
    first = log.head("general").epoch
    assert first != log.head("news").epoch
    for item in dynamodb.scan(TableName=TABLE)["Items"]:
        dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    log.append("general", message("r1"))
    assert log.head("general").epoch not in (first, None)


def test_a_restored_backup_has_other_epochs_because_its_table_has_another_name(
    log: Log, dynamodb: Any
) -> None:
    log.append("general", message("r1"))
    head = items(dynamodb, "ROOM#")["HEAD"]
    assert epoch_of(head, TABLE) == log.head("general").epoch
    assert epoch_of(head, "restored") not in (epoch_of(head, TABLE), None)


@pytest.mark.parametrize("crash", [False, True])
def test_a_broadcast_knows_the_epoch_without_a_further_read(
    log: Log, dynamodb: Any, stream: Stream, crash: bool
) -> None:
    log.append("general", message("r1"))
    if crash:
        for kind in ("REF#", "LOG#"):
            for item in items(dynamodb, kind).values():
                dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    counting = MortalDynamoDB(dynamodb)
    repaired = repair_of(counting).repair("general", stream.batch()["general"])
    assert repaired.epoch == log.head("general").epoch
    assert counting.calls == ["batch_get_item", *(["put_item", "put_item"] if crash else [])]
