"""Repairing a run."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.messages import Entry
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import TABLE, history, items, message, repair_of


def test_repairing_a_whole_run_writes_nothing(log: Log, dynamodb: Any, stream: Stream) -> None:
    for ref in ("r1", "r2", "r1"):
        log.append("general", message(ref))
    before = dynamodb.scan(TableName=TABLE)["Items"]
    counting = MortalDynamoDB(dynamodb)
    run = stream.batch()["general"]
    assert repair_of(counting).repair("general", run).entries == [run[0], run[1], Entry(3, None)]
    assert counting.calls == ["batch_get_item"]
    assert dynamodb.scan(TableName=TABLE)["Items"] == before


def test_repair_reads_what_was_written_a_moment_ago(dynamodb: Any) -> None:
    # Eventually consistent, it could miss the ref of a resend and broadcast both.
    counting = MortalDynamoDB(dynamodb)
    repair_of(counting).repair("general", [Entry(1, message("r1"))])
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_repair_writes_what_a_crash_left_out(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1", "one"))
    whole = dynamodb.scan(TableName=TABLE)["Items"]
    for kind in ("REF#", "LOG#"):
        for item in items(dynamodb, kind).values():
            dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    log_repair.repair("general", stream.batch()["general"])
    assert sorted(map(repr, dynamodb.scan(TableName=TABLE)["Items"])) == sorted(map(repr, whole))


def test_a_second_repair_changes_nothing(log: Log, dynamodb: Any, log_repair: LogRepair) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1")), Entry(3, message("r2"))]
    first = log_repair.repair("general", run).entries
    stored = dynamodb.scan(TableName=TABLE)["Items"]
    assert log_repair.repair("general", run).entries == first == [run[0], Entry(2, None), run[2]]
    assert dynamodb.scan(TableName=TABLE)["Items"] == stored


def test_a_message_twice_in_one_run_counts_once(log: Log, dynamodb: Any, log_repair: LogRepair) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1", at="later")), Entry(3, message("r1", "other"))]
    assert log_repair.repair("general", run).entries == [run[0], Entry(2, None), Entry(3, None)]
    assert history(dynamodb) == {1: "Hi", 2: None, 3: None}


def test_a_ref_that_a_later_seq_has_taken_skips_the_earlier_one(
    log: Log, dynamodb: Any, log_repair: LogRepair
) -> None:
    later = log_repair.repair("general", [Entry(2, message("r1"))]).entries
    assert log_repair.repair("general", [Entry(1, message("r1"))]).entries == [Entry(1, None)]
    assert later == [Entry(2, message("r1"))]
    assert history(dynamodb) == {1: None, 2: "Hi"}


def test_a_row_that_has_changed_since_is_not_written_again(
    log: Log, dynamodb: Any, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    row = {"pk": "LOG#general", "sk": "000000000001"}
    dynamodb.put_item(TableName=TABLE, Item=row | {"skipped": True, "edited": 1})
    log_repair.repair("general", [Entry(1, message("r1"))])
    assert dynamodb.get_item(TableName=TABLE, Key=row)["Item"] == row | {"skipped": True, "edited": 1}


def test_a_run_of_more_than_a_hundred_keys_is_repaired_whole(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    counting = MortalDynamoDB(dynamodb)
    run = [Entry(seq, message(f"r{seq}", f"text {seq}")) for seq in range(1, 121)]
    assert repair_of(counting).repair("general", run[::2]).entries == run[::2]
    assert log_repair.repair("general", run).entries == run
    assert history(dynamodb) == {seq: f"text {seq}" for seq in range(1, 121)}
    assert counting.calls.count("batch_get_item") == 2  # 120 keys


class Busy:
    """A DynamoDB client that answers one key of a BatchGetItem and leaves the others to be asked again."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def batch_get_item(self, RequestItems: Any) -> Any:
        (first, *rest) = RequestItems[TABLE]["Keys"]
        answer = self._client.batch_get_item(RequestItems={TABLE: {**RequestItems[TABLE], "Keys": [first]}})
        return answer | {"UnprocessedKeys": {TABLE: {"Keys": rest}} if rest else {}}

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


def test_what_a_busy_dynamodb_leaves_out_is_asked_for_again(log: Log, dynamodb: Any) -> None:
    for ref in ("r1", "r1"):
        log.append("general", message(ref))
    run = [Entry(1, message("r1")), Entry(2, message("r1"))]
    writing = MortalDynamoDB(dynamodb)
    assert repair_of(Busy(writing)).repair("general", run).entries == [run[0], Entry(2, None)]
    assert "put_item" not in writing.calls  # everything was found


def test_a_failure_of_dynamodb_is_not_taken_for_a_ref_in_use(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        LogRepair(dynamodb, "NoSuchTable", 90).repair("general", [Entry(1, message("r1"))])
