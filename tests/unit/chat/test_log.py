from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.errors import InvalidRef
from chat.history import Row
from chat.log import MAX_SEQ, Log, Receipt
from chat.messages import Entry, Message
from tests.fakes import MortalDynamoDB, Stream

TABLE = "MessagesTable"
NOW = 1_795_500_000.0
DAY = 24 * 3600


def message(ref: str, text: str = "Hi", at: str = "at", data: str | None = None) -> Message:
    return Message(ref, "u1", "Ada", text, data, at)


def log_of(dynamodb: Any) -> Log:
    return Log(dynamodb, TABLE, history_days=90, now=lambda: NOW)


@pytest.fixture
def log(dynamodb: Any) -> Log:
    return log_of(dynamodb)


def items(dynamodb: Any, kind: str) -> dict[str, dict[str, Any]]:
    """The items of a kind, by sort key (by partition key for those that share one)."""
    found = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["pk"].startswith(kind)]
    return {item["pk"] if kind == "REF#" else item["sk"]: item for item in found}


def history(dynamodb: Any) -> dict[int, str | None]:
    """The text of every row, by seq; None for a void."""
    return {int(seq): row.get("message") for seq, row in items(dynamodb, "LOG#").items()}


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
    assert items(dynamodb, "ROOM#") == {
        "HEAD": {"pk": "ROOM#a%23b", "sk": "HEAD", "seq": Decimal(1), "last": content}
    }
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


def test_the_same_message_again_stands_where_it_first_stood(log: Log, dynamodb: Any) -> None:
    first = log.append("general", message("r1", at="first"))
    log.append("general", message("r2", "other"))
    assert log.append("general", message("r1", at="later")) == first == Receipt(1, "first")
    assert history(dynamodb) == {1: "Hi", 2: "other", 3: None}
    assert items(dynamodb, "LOG#")["000000000003"] == {
        "pk": "LOG#general", "sk": "000000000003", "void": True, "at": "later",
        "expires_at": Decimal(int(NOW) + 90 * DAY),
    }  # fmt: skip


@pytest.mark.parametrize("other", [message("r1", "Ho"), message("r1", data="{}")], ids=["text", "data"])
def test_the_same_ref_with_another_message_is_refused_and_counts_for_nothing(
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


# At once


class Rendezvous:
    """A DynamoDB client whose callers, once each has had an answer from the head, go on together."""

    def __init__(self, client: MortalDynamoDB, callers: int) -> None:
        self._client = client
        self._all_have_a_seq = threading.Barrier(callers, timeout=10)

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


# Settling


def test_settling_what_is_whole_writes_nothing(log: Log, dynamodb: Any, stream: Stream) -> None:
    for ref in ("r1", "r2", "r1"):
        log.append("general", message(ref))
    before = dynamodb.scan(TableName=TABLE)["Items"]
    counting = MortalDynamoDB(dynamodb)
    run = stream.batch()["general"]
    assert log_of(counting).settle("general", run).entries == [run[0], run[1], Entry(3, None)]
    assert counting.calls == ["batch_get_item"]
    assert dynamodb.scan(TableName=TABLE)["Items"] == before


def test_settling_reads_what_was_written_a_moment_ago(dynamodb: Any) -> None:
    # Eventually consistent, it could miss the ref of a resend and broadcast both.
    counting = MortalDynamoDB(dynamodb)
    log_of(counting).settle("general", [Entry(1, message("r1"))])
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_settling_writes_what_a_crash_left_out(log: Log, dynamodb: Any, stream: Stream) -> None:
    log.append("general", message("r1", "one"))
    whole = dynamodb.scan(TableName=TABLE)["Items"]
    for kind in ("REF#", "LOG#"):
        for item in items(dynamodb, kind).values():
            dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    log.settle("general", stream.batch()["general"])
    assert sorted(map(repr, dynamodb.scan(TableName=TABLE)["Items"])) == sorted(map(repr, whole))


def test_settling_again_changes_nothing(log: Log, dynamodb: Any) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1")), Entry(3, message("r2"))]
    first = log.settle("general", run).entries
    stored = dynamodb.scan(TableName=TABLE)["Items"]
    assert log.settle("general", run).entries == first == [run[0], Entry(2, None), run[2]]
    assert dynamodb.scan(TableName=TABLE)["Items"] == stored


def test_a_message_twice_in_one_run_counts_once(log: Log, dynamodb: Any) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1", at="later")), Entry(3, message("r1", "other"))]
    assert log.settle("general", run).entries == [run[0], Entry(2, None), Entry(3, None)]
    assert history(dynamodb) == {1: "Hi", 2: None, 3: None}


def test_a_ref_that_a_later_seq_has_taken_makes_the_earlier_one_void(log: Log, dynamodb: Any) -> None:
    later = log.settle("general", [Entry(2, message("r1"))]).entries
    assert log.settle("general", [Entry(1, message("r1"))]).entries == [Entry(1, None)]
    assert later == [Entry(2, message("r1"))]
    assert history(dynamodb) == {1: None, 2: "Hi"}


def test_a_row_that_has_changed_since_is_not_written_again(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1"))
    row = {"pk": "LOG#general", "sk": "000000000001"}
    dynamodb.put_item(TableName=TABLE, Item=row | {"void": True, "edited": 1})
    log.settle("general", [Entry(1, message("r1"))])
    assert dynamodb.get_item(TableName=TABLE, Key=row)["Item"] == row | {"void": True, "edited": 1}


def test_a_run_of_more_than_a_hundred_keys_is_settled_whole(log: Log, dynamodb: Any, stream: Stream) -> None:
    counting = MortalDynamoDB(dynamodb)
    run = [Entry(seq, message(f"r{seq}", f"text {seq}")) for seq in range(1, 121)]
    assert log_of(counting).settle("general", run[::2]).entries == run[::2]
    assert log.settle("general", run).entries == run
    assert history(dynamodb) == {seq: f"text {seq}" for seq in range(1, 121)}
    assert counting.calls.count("batch_get_item") == 2  # 120 keys


# Reading


def test_the_newest_seq_of_each_room_is_read_strongly_consistent(log: Log, dynamodb: Any) -> None:
    for ref in ("r1", "r2"):
        log.append("a#b", message(ref))
    log.append("news", message("r1"))
    counting = MortalDynamoDB(dynamodb)
    assert log_of(counting).seqs({"a#b", "news", "silent"}) == {"a#b": 2, "news": 1, "silent": 0}
    assert counting.calls == ["batch_get_item"]
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_no_room_has_no_seq_and_costs_no_call(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    assert log_of(counting).seqs(set()) == {}
    assert counting.calls == []


def spoken(log: Log, number: int) -> None:
    for each in range(1, number + 1):
        log.append("general", message(f"r{each}", f"text {each}", at=f"at {each}"))


def test_rows_are_read_in_both_directions_and_over_many_reads(log: Log, dynamodb: Any) -> None:
    spoken(log, 150)
    log.append("general", message("r1", "text 1", at="again"))
    log.append("general2", message("r1"))
    assert [row.entry.seq for row in log.rows_after("general", 0)] == list(range(1, 152))
    assert [row.entry.seq for row in log.rows_before("general", 152)] == list(range(151, 0, -1))
    assert [row.entry.seq for row in log.rows_after("general", 149)] == [150, 151]
    assert [row.entry.seq for row in log.rows_before("general", 3)] == [2, 1]
    assert list(log.rows_after("general", 149)) == [
        Row(Entry(150, message("r150", "text 150", at="at 150")), "at 150"),
        Row(Entry(151, None), "again"),
    ]


@pytest.mark.parametrize("seq", [0, 1])
def test_nothing_is_before_the_first(log: Log, seq: int) -> None:
    spoken(log, 1)
    assert list(log.rows_before("general", seq)) == []


def test_nothing_is_after_the_last_or_in_a_room_that_never_was(log: Log) -> None:
    spoken(log, 1)
    for seq in (1, 2, MAX_SEQ - 1, MAX_SEQ):
        assert list(log.rows_after("general", seq)) == []
    assert list(log.rows_after("silent", 0)) == list(log.rows_before("silent", MAX_SEQ)) == []


def test_a_page_that_is_full_early_reads_no_further(log: Log, dynamodb: Any) -> None:
    spoken(log, 150)
    counting = MortalDynamoDB(dynamodb)
    rows = log_of(counting).rows_after("general", 0)
    assert [next(rows).entry.seq for _ in range(10)] == list(range(1, 11))
    assert counting.calls == ["query"]
    assert counting.asked[0]["ConsistentRead"] is True


def test_what_has_expired_is_not_read_even_if_it_is_still_there(dynamodb: Any) -> None:
    now = [NOW]
    log = Log(dynamodb, TABLE, history_days=90, now=lambda: now[0])
    log.append("general", message("r1"))
    now[0] += DAY
    log.append("general", message("r2"))
    now[0] = NOW + 90 * DAY
    assert [row.entry.seq for row in log.rows_after("general", 0)] == [2]
    assert [row.entry.seq for row in log.rows_before("general", 3)] == [2]


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
    assert log_of(Busy(writing)).settle("general", run).entries == [run[0], Entry(2, None)]
    assert "put_item" not in writing.calls  # everything was found


def test_a_failure_of_dynamodb_is_not_taken_for_a_ref_in_use(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Log(dynamodb, "NoSuchTable", 90).settle("general", [Entry(1, message("r1"))])
