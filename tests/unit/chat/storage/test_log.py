from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.errors import Forbidden, InvalidRef, RateLimited
from chat.protocol.messages import Entry, Message
from chat.protocol.pages import Row
from chat.storage.keys import MAX_SEQ
from chat.storage.log import Log, Receipt
from chat.storage.rate_limits import Rate
from chat.storage.repair import LogRepair
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream

TABLE = "MessagesTable"
NOW = 1_795_500_000.0
DAY = 24 * 3600


def message(ref: str, text: str = "Hi", at: str = "at", data: str | None = None, user: str = "u1") -> Message:
    return Message(ref, user, "Ada", text, data, at)


def log_of(dynamodb: Any) -> Log:
    rules = RoomRules(dynamodb, TABLE, lambda: NOW)
    return Log(dynamodb, TABLE, 90, rules, now=lambda: NOW, rate=Rate(10_000, 10_000))


def repair_of(dynamodb: Any) -> LogRepair:
    return LogRepair(dynamodb, TABLE, 90, now=lambda: NOW)


@pytest.fixture
def log(dynamodb: Any) -> Log:
    return log_of(dynamodb)


@pytest.fixture
def log_repair(dynamodb: Any) -> LogRepair:
    return repair_of(dynamodb)


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
        "HEAD": {"pk": "ROOM#a%23b", "sk": "HEAD", "seq": Decimal(1), "last": content, "due": NOW * 1e6 + 100}
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
        "pk": "LOG#general", "sk": "000000000003", "skipped": True, "at": "later",
        "expires_at": Decimal(int(NOW) + 90 * DAY),
    }  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [message("r1", "Ho"), message("r1", data="{}"), message("r1", user="u2")],
    ids=["text", "data", "user"],
)
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


# The room's rate


def test_a_flood_over_four_instances_is_held_and_other_rooms_are_not_slowed(dynamodb: Any) -> None:
    """500 messages a second for two seconds into one room that takes 50; another has its ten a second."""
    clock = Clock(NOW)
    instances = [
        Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(50, 50)) for _ in range(4)
    ]
    refusals: list[float] = []
    for number in range(1_000):
        clock.now = NOW + number / 500
        log = instances[number % 4]
        try:
            log.append("flood", message(f"r{number}"), moderator=number % 2 == 0)
        except RateLimited as refused:
            refusals.append(refused.retry_after)
        if number % 50 == 0:
            log.append("quiet", message(f"r{number}"))
    taken = log.seqs({"flood", "quiet"})
    assert taken["flood"] == pytest.approx(50 + 2 * 50, rel=0.1)
    assert taken["flood"] + len(refusals) == 1_000
    assert all(0 < seconds <= 0.021 for seconds in refusals)
    assert taken["quiet"] == 20


def test_who_waits_as_long_as_was_said_is_heard(dynamodb: Any) -> None:
    clock = Clock(NOW)
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(3, 1))
    for number in range(5):
        log.append("general", message(f"r{number}"))
        with pytest.raises(RateLimited) as refused:
            log.append("general", message("too soon"))
        clock.now += refused.value.retry_after
    assert history(dynamodb) == dict.fromkeys(range(1, 6), "Hi")


def test_a_refused_message_leaves_nothing(dynamodb: Any, stream: Stream) -> None:
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, lambda: NOW), lambda: NOW, Rate(1, 1))
    log.append("general", message("r1"))
    stream.batch()
    with pytest.raises(RateLimited):
        log.append("general", message("r2"))
    assert stream.records() == []
    assert (set(items(dynamodb, "REF#")), history(dynamodb)) == ({"REF#general#r1"}, {1: "Hi"})


# The room's rules

LATER = int(NOW) + 60


def ruled(dynamodb: Any, **rules: Any) -> None:
    RoomRules(dynamodb, TABLE, lambda: NOW).change("general", lambda old: replace(old, **rules))


@pytest.mark.parametrize(
    "rules", [{"locked": True}, {"muted": {"u1": LATER}}, {"banned": {"u1": LATER}}], ids=str
)
def test_a_ruling_holds_from_the_moment_it_is_made_in_every_instance(
    dynamodb: Any, stream: Stream, rules: dict[str, Any]
) -> None:
    fresh, old, older = (log_of(dynamodb) for _ in range(3))
    older.append("general", message("r1"))  # when there were no rules
    ruled(dynamodb, slow_mode=0)
    old.append("general", message("r2"))
    stream.batch()
    ruled(dynamodb, **rules)
    for log in (fresh, old, older):
        for _ in range(2):  # known by reading, and by heart
            with pytest.raises(Forbidden):
                log.append("general", message("r3"))
    assert stream.batch() == {}
    assert history(dynamodb) == {1: "Hi", 2: "Hi"}
    others = log_of(dynamodb)
    if "locked" not in rules:
        others.append("general", message("r4", user="u2"))
    others.append("general", message("r5"), moderator=True)
    others.append("news", message("r6"))


@pytest.mark.parametrize("rules", [{"locked": False}, {"muted": {}}, {"banned": {}}], ids=str)
def test_what_a_ruling_ends_has_ended_in_every_instance(dynamodb: Any, rules: dict[str, Any]) -> None:
    ruled(dynamodb, locked="locked" in rules, muted={"u1": LATER} if "muted" in rules else {},
          banned={"u1": LATER} if "banned" in rules else {})  # fmt: skip
    remembers, fresh = log_of(dynamodb), log_of(dynamodb)
    with pytest.raises(Forbidden):
        remembers.append("general", message("r1"))
    ruled(dynamodb, **rules)
    remembers.append("general", message("r2"))
    fresh.append("general", message("r3"))


@pytest.mark.parametrize(
    "rules",
    [{"locked": True}, {"muted": {"u1": LATER}}, {"banned": {"u1": LATER}}, {"slow_mode": 30}],
    ids=str,
)
def test_whoever_sends_again_what_was_stored_is_told_so_whatever_was_ruled_since(
    dynamodb: Any, rules: dict[str, Any]
) -> None:
    log = log_of(dynamodb)
    ruled(dynamodb, slow_mode=30)
    first = log.append("general", message("r1", at="first"))
    ruled(dynamodb, **rules)
    assert log.append("general", message("r1", at="later")) == first == Receipt(1, "first")
    assert history(dynamodb) == {1: "Hi"}
    for other in (message("r1", "Ho"), message("r2")):
        with pytest.raises((Forbidden, RateLimited)):
            log.append("general", other)


def test_nobody_is_told_where_anothers_message_stands(dynamodb: Any) -> None:
    log = log_of(dynamodb)
    log.append("general", message("r1", user="u2"))
    ruled(dynamodb, locked=True)
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))


def test_whoever_sends_again_into_a_room_that_takes_no_more_is_told_too(dynamodb: Any) -> None:
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, lambda: NOW), lambda: NOW, Rate(1, 1))
    first = log.append("general", message("r1"))
    assert log.append("general", message("r1")) == first
    assert history(dynamodb) == {1: "Hi"}


class RulesMeanwhile:
    """A DynamoDB client under whose caller a ruling is made between its judging and its committing."""

    def __init__(self, client: Any, **rules: Any) -> None:
        self._client = client
        self.rules = rules

    def update_item(self, **arguments: Any) -> Any:
        if self.rules:
            rules, self.rules = self.rules, {}
            ruled(self._client, **rules)
        return self._client.update_item(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


@pytest.mark.parametrize("before", [False, True])
def test_a_ruling_between_judging_and_committing_holds(dynamodb: Any, before: bool) -> None:
    if before:
        ruled(dynamodb, slow_mode=0)
        log_of(dynamodb).append("general", message("r0"))
    committed = history(dynamodb)
    log = log_of(RulesMeanwhile(dynamodb, muted={"u1": LATER}))
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))
    assert history(dynamodb) == committed


def test_a_mute_passes_by_itself(dynamodb: Any) -> None:
    clock = Clock(NOW)
    ruled(dynamodb, muted={"u1": LATER})
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock)
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))
    clock.now = LATER
    assert log.append("general", message("r1")).seq == 1


def test_rules_are_read_once_by_each_instance_and_then_cost_nothing(dynamodb: Any) -> None:
    ruled(dynamodb, muted={"u2": LATER})
    counting = MortalDynamoDB(dynamodb)
    log = log_of(counting)
    log.append("general", message("r1"))
    assert counting.calls == ["update_item", "get_item", "update_item", "put_item", "put_item"]
    counting.calls.clear()
    log.append("general", message("r2"))
    assert counting.calls == ["update_item", "put_item", "put_item"]


def test_who_is_kept_from_speaking_costs_two_reads(dynamodb: Any) -> None:
    ruled(dynamodb, muted={"u1": LATER})
    counting = MortalDynamoDB(dynamodb)
    log = log_of(counting)
    log.append("general", message("r1", user="u2"))
    counting.calls.clear()
    with pytest.raises(Forbidden):
        log.append("general", message("r2"))
    assert counting.calls == ["get_item", "get_item"]  # the rules, which may have been lifted, and the ref


def test_a_room_that_was_ruled_before_anyone_spoke_begins_at_1(dynamodb: Any, stream: Stream) -> None:
    ruled(dynamodb, slow_mode=1)
    log = log_of(dynamodb)
    assert log.seqs({"general"}) == {"general": 0}
    assert log.append("general", message("r1")).seq == 1
    assert [entry.seq for entry in stream.batch()["general"]] == [1]


def test_in_slow_mode_each_person_waits_whichever_instance_they_meet(dynamodb: Any) -> None:
    clock = Clock(NOW)
    ruled(dynamodb, slow_mode=30)
    instances = [Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock) for _ in range(3)]
    instances[0].append("general", message("r1"))
    for log in instances:
        with pytest.raises(RateLimited, match="30 seconds") as refused:
            log.append("general", message("r2"))
        assert refused.value.retry_after == 30
    instances[0].append("general", message("r3", user="u2"))
    instances[1].append("general", message("r4"), moderator=True)
    clock.now += 30
    instances[2].append("general", message("r2"))
    assert [row.entry.message.id for row in instances[0].rows_after("general", 0) if row.entry.message] == [
        "r1", "r3", "r4", "r2",
    ]  # fmt: skip


def test_a_turn_in_slow_mode_is_not_lost_to_a_room_that_takes_no_more(dynamodb: Any) -> None:
    clock = Clock(NOW)
    ruled(dynamodb, slow_mode=30)
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(1, 1))
    log.append("general", message("r1", user="u2"))
    with pytest.raises(RateLimited) as refused:
        log.append("general", message("r2"))
    assert refused.value.retry_after <= 1.001
    clock.now += refused.value.retry_after
    log.append("general", message("r2"))
    clock.now += 1.001
    with pytest.raises(RateLimited, match="slow mode"):
        log.append("general", message("r3"))


def test_a_ruling_while_one_waits_for_a_turn_costs_no_second_turn(dynamodb: Any) -> None:
    ruled(dynamodb, slow_mode=30)
    client = RulesMeanwhile(dynamodb)
    log = log_of(client)
    log.append("general", message("r1", user="u2"))
    client.rules = {"slow_mode": 60}
    assert log.append("general", message("r2")).seq == 2


# Deleting


def page(log: Log) -> list[Message | None]:
    return [row.entry.message for row in log.rows_after("general", 0)]


def test_a_deleted_message_keeps_its_place_and_loses_its_text(log: Log, dynamodb: Any) -> None:
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


def test_the_newest_message_is_deleted_from_the_head_too_which_is_no_news(
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
    assert log.seqs({"general"}) == {"general": 2}


def test_what_marks_a_head_is_no_message_and_the_next_message_is_one(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    assert [entry.seq for entry in stream.batch()["general"]] == [1]
    marks: list[Callable[[], object]] = [
        lambda: ruled(dynamodb, slow_mode=0),
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
    for seq in (2, 3, MAX_SEQ):  # a void, and nothing
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
    assert repair_of(counting).repair("general", run).entries == [run[0], run[1], Entry(3, None)]
    assert counting.calls == ["batch_get_item"]
    assert dynamodb.scan(TableName=TABLE)["Items"] == before


def test_settling_reads_what_was_written_a_moment_ago(dynamodb: Any) -> None:
    # Eventually consistent, it could miss the ref of a resend and broadcast both.
    counting = MortalDynamoDB(dynamodb)
    repair_of(counting).repair("general", [Entry(1, message("r1"))])
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


def test_settling_writes_what_a_crash_left_out(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1", "one"))
    whole = dynamodb.scan(TableName=TABLE)["Items"]
    for kind in ("REF#", "LOG#"):
        for item in items(dynamodb, kind).values():
            dynamodb.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    log_repair.repair("general", stream.batch()["general"])
    assert sorted(map(repr, dynamodb.scan(TableName=TABLE)["Items"])) == sorted(map(repr, whole))


def test_settling_again_changes_nothing(log: Log, dynamodb: Any, log_repair: LogRepair) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1")), Entry(3, message("r2"))]
    first = log_repair.repair("general", run).entries
    stored = dynamodb.scan(TableName=TABLE)["Items"]
    assert log_repair.repair("general", run).entries == first == [run[0], Entry(2, None), run[2]]
    assert dynamodb.scan(TableName=TABLE)["Items"] == stored


def test_a_run_that_comes_again_does_not_bring_back_what_was_deleted_meanwhile(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1", "secret", data='"secret"'))
    log.append("general", message("r2", "Ho"))
    run = stream.batch()["general"]
    log.delete("general", 1)
    first, second = log_repair.repair("general", run).entries
    assert first.message is not None
    assert (first.message.text, first.message.data, first.message.deleted) == ("", None, True)
    assert second == run[1]


def test_a_message_twice_in_one_run_counts_once(log: Log, dynamodb: Any, log_repair: LogRepair) -> None:
    run = [Entry(1, message("r1")), Entry(2, message("r1", at="later")), Entry(3, message("r1", "other"))]
    assert log_repair.repair("general", run).entries == [run[0], Entry(2, None), Entry(3, None)]
    assert history(dynamodb) == {1: "Hi", 2: None, 3: None}


def test_a_ref_that_a_later_seq_has_taken_makes_the_earlier_one_void(
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


def test_a_run_of_more_than_a_hundred_keys_is_settled_whole(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    counting = MortalDynamoDB(dynamodb)
    run = [Entry(seq, message(f"r{seq}", f"text {seq}")) for seq in range(1, 121)]
    assert repair_of(counting).repair("general", run[::2]).entries == run[::2]
    assert log_repair.repair("general", run).entries == run
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
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE), now=lambda: now[0])
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
    assert repair_of(Busy(writing)).repair("general", run).entries == [run[0], Entry(2, None)]
    assert "put_item" not in writing.calls  # everything was found


def test_a_failure_of_dynamodb_is_not_taken_for_a_ref_in_use(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        LogRepair(dynamodb, "NoSuchTable", 90).repair("general", [Entry(1, message("r1"))])
