"""A run that the stream has given up: its changes are acknowledged, so who comes next folds them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.messages import Change
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rules import RoomRules
from tests.support.fakes.mortal_dynamodb import Killed, MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import DAY, NOW, TABLE, broadcast, items, message, repair_of
from tests.unit.chat.storage.log.given_up import (
    AT,
    CHANGES,
    ROOT,
    Reader,
    give_up,
    is_changed,
    of_every_kind,
    pending,
)


@of_every_kind
@pytest.mark.parametrize("next_is", ["a message", "a change"])
@pytest.mark.parametrize("dies_after", range(8), ids="killed after {} calls".format)
def test_the_next_run_takes_over_what_was_given_up_wherever_the_fan_out_died(
    log: Log, stream: Stream, dynamodb: Any, kind: str, next_is: str, dies_after: int
) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))
    assert log.append("general", CHANGES[kind]).seq == 2
    run = stream.batch()["general"]
    for _ in range(5 if dies_after else 0):  # 1 + MaximumRetryAttempts
        dying = repair_of(MortalDynamoDB(dynamodb, dies_after))
        with suppress(Killed):
            dying.repair("general", run)
    other = replace(CHANGES["react"], id="c2", user="u2", reaction="other")
    log.append("general", message("r2") if next_is == "a message" else other)
    run = stream.batch()["general"]
    shown = repair_of(dynamodb).repair("general", run).entries
    assert [entry.seq for entry in shown] in ([2, 3], [3])  # 3 alone: 2 was done, and only its posts were not
    assert dies_after or shown[0].change == (None if kind == "reply" else replace(CHANGES[kind], text=""))
    again = repair_of(dynamodb).repair("general", run).entries
    assert again == shown[-1:]
    entries = Reader(dynamodb, 1).after(0).entries
    assert [entry.seq for entry in entries] == [1, 2, 3]
    (root,) = [entry.message for entry in entries if entry.seq == 1]
    if next_is == "a message":
        assert is_changed(root, kind)
    else:
        named = {"edit": 1, "delete": 0, "react": 2, "reply": 1}
        assert root is not None and len(root.reactions) == named[kind]
        assert kind == "react" or is_changed(root, kind)
    assert pending(dynamodb) == []


@of_every_kind
@pytest.mark.parametrize("seconds", [31, 2 * 3600], ids=["soon", "after the gap would be final"])
@pytest.mark.parametrize("dies_after", range(8), ids="killed after {} calls".format)
def test_in_a_quiet_room_whoever_reads_takes_over(
    log: Log, stream: Stream, dynamodb: Any, kind: str, seconds: float, dies_after: int
) -> None:
    log.append("general", ROOT)
    log.append("general", message("r2", at=AT))
    broadcast(stream, repair_of(dynamodb))
    log.append("general", CHANGES[kind])
    run = stream.batch()["general"]
    if dies_after:
        dying = repair_of(MortalDynamoDB(dynamodb, dies_after))
        with suppress(Killed):
            dying.repair("general", run)
    page = Reader(dynamodb, seconds).after(2)
    assert [entry.seq for entry in page.entries] == [3]
    assert (page.more, page.first_seq) == (False, None)
    assert is_changed(Reader(dynamodb, seconds).before(4).entries[0].message, kind)
    assert pending(dynamodb) == []
    repaired = repair_of(dynamodb).repair("general", run).entries  # the stream was only slow
    assert repaired[0].seq == 3
    assert is_changed(log.messages("general", [1])[1], kind)


def test_a_young_pending_change_is_a_gap_for_everybody(log: Log, stream: Stream, dynamodb: Any) -> None:
    log.append("general", ROOT)
    log.append("general", CHANGES["edit"])
    log.append("general", message("r2", at=AT))
    young = Reader(dynamodb, 29)
    assert [entry.seq for entry in young.after(0).entries] == [1]
    assert young.after(0).more
    assert (young.after(1).entries, young.after(1).more) == ([], True)
    assert [entry.seq for entry in young.before(4).entries] == [3]
    assert [entry.seq for entry in young.before(3).entries] == [1]
    assert [entry.seq for entry in log.entries("general", 0)] == [1]
    assert log.entries("general", 1) == []
    assert "the" not in repr([*young.after(0).entries, *young.before(4).entries])
    broadcast(stream, repair_of(dynamodb))
    assert [entry.seq for entry in log.entries("general", 0)] == [1, 2, 3]


def test_a_pending_change_whose_fold_fails_is_never_skipped(
    log: Log, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (ROOT, CHANGES["edit"], message("r2", at=AT)):
        log.append("general", content)
    reader = Reader(dynamodb, 2 * 3600)
    with monkeypatch.context() as broken:
        broken.setattr(Log, "fold", failing)
        page = reader.after(1)
        assert (page.entries, page.more, page.first_seq) == ([], True, None)
        assert [entry.seq for entry in reader.after(2).entries] == [3]
    assert [entry.seq for entry in reader.after(1).entries] == [2, 3]


def failing(*_: Any) -> Any:
    raise KeyError("a fault of ours")


def test_a_change_that_cannot_be_folded_holds_up_later_changes_and_no_message(
    log: Log, stream: Stream, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))
    log.append("general", CHANGES["edit"])
    give_up(stream)
    with monkeypatch.context() as broken:
        broken.setattr(LogRepair, "fold", failing)
        log.append("general", message("r2"))
        assert [entry.seq for entry in broadcast(stream, repair_of(dynamodb))] == [3]
        log.append("general", replace(CHANGES["edit"], id="c2", text="the last"))
        with pytest.raises(KeyError):
            broadcast(stream, repair_of(dynamodb))
    log.append("general", message("r3"))
    shown = broadcast(stream, repair_of(dynamodb))
    assert [entry.seq for entry in shown] == [2, 4, 5]
    assert log.messages("general", [1])[1].text == "the last"


def test_several_runs_that_were_given_up_are_folded_in_order(log: Log, stream: Stream, dynamodb: Any) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))
    for number in range(4):
        on = number % 2 == 0
        log.append("general", replace(CHANGES["react"], id=f"on{number}", on=on))
        log.append("general", replace(CHANGES["reply"], id=f"a{number}"))
        log.append("general", replace(CHANGES["edit"], id=f"e{number}", text=f"text {number}"))
        give_up(stream)
    log.append("general", message("r2"))
    shown = broadcast(stream, repair_of(dynamodb))
    assert [entry.seq for entry in shown] == list(range(2, 15))
    root = log.messages("general", [1])[1]
    assert (root.text, root.replies, root.reactions, root.revision) == ("text 3", 4, (), 13)


def test_nothing_deleted_is_left_when_the_edit_and_the_deletion_were_given_up(
    log: Log, stream: Stream, dynamodb: Any
) -> None:
    log.append("general", replace(ROOT, text="secret"))
    broadcast(stream, repair_of(dynamodb))
    edit = Change("edit", 1, "c0", "u1", "Ada", AT, text="secret too", data='"secret"')
    for content in (edit, CHANGES["delete"], replace(edit, id="c2", text="secret again")):
        log.append("general", content)
        give_up(stream)
    log.append("general", message("r2"))
    shown = broadcast(stream, repair_of(dynamodb))
    assert "secret" not in repr(shown)
    assert "secret" not in str([*items(dynamodb, "LOG#").values(), *items(dynamodb, "ROOM#").values()])


# What the next run costs


def test_a_room_of_messages_alone_costs_no_more(log: Log, stream: Stream, dynamodb: Any) -> None:
    log.append("general", ROOT)
    counting = MortalDynamoDB(dynamodb)
    broadcast(stream, repair_of(counting))
    assert counting.calls == ["batch_get_item"]
    assert len(counting.asked[0]["RequestItems"][TABLE]["Keys"]) == 3  # head, ref, row


def test_a_new_instance_reads_one_row_more_to_know_that_the_last_change_is_done(
    log: Log, stream: Stream, dynamodb: Any
) -> None:
    for content in (ROOT, CHANGES["edit"]):
        log.append("general", content)
    broadcast(stream, repair_of(dynamodb))
    counting = MortalDynamoDB(dynamodb)
    new = repair_of(counting)
    for number in (1, 2):
        log.append("general", message(f"m{number}"))
        broadcast(stream, new)
    assert counting.calls == ["batch_get_item"] * 2
    assert [len(asked["RequestItems"][TABLE]["Keys"]) for asked in counting.asked] == [4, 3]


def test_a_newest_change_that_has_expired_is_not_missed(stream: Stream, dynamodb: Any) -> None:
    now = [NOW]
    log = Log(dynamodb, TABLE, 1, RoomRules(dynamodb, TABLE), now=lambda: now[0])
    for content in (ROOT, CHANGES["edit"]):
        log.append("general", content)
    broadcast(stream, LogRepair(dynamodb, TABLE, 1, now=lambda: now[0]))
    for seq in (1, 2):
        dynamodb.delete_item(TableName=TABLE, Key={"pk": "LOG#general", "sk": f"{seq:012}"})
    now[0] += 2 * DAY
    for ref in ("r2", "r3"):
        log.append("general", message(ref))
        broadcast(stream, LogRepair(dynamodb, TABLE, 1, now=lambda: now[0]))
    assert sorted(items(dynamodb, "LOG#")) == ["000000000003", "000000000004"]


STORM = 20  # changes of one turn: so many are finished in several threads


@pytest.mark.parametrize("kind", ["react", "edit"])
@pytest.mark.parametrize("twice", [False, True], ids=["each once", "one sent twice"])
@pytest.mark.parametrize("dies_after", range(1, 54, 3), ids="killed after {} calls".format)
def test_a_storm_of_changes_is_finished_wherever_the_fan_out_died(
    log: Log, stream: Stream, dynamodb: Any, kind: str, twice: bool, dies_after: int
) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))
    for number in range(STORM):
        log.append("general", replace(CHANGES[kind], id=f"c{number}", user=f"u{number}"))
    run = stream.batch()["general"]
    if twice:
        run.append(replace(run[STORM // 2], seq=STORM + 2))
        dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": "ROOM#general", "sk": "HEAD"},
            UpdateExpression="SET #seq = :seq, changed_before = changed, changed = :seq",
            ExpressionAttributeNames={"#seq": "seq"},
            ExpressionAttributeValues={":seq": STORM + 2},
        )
        stream.batch()
    with suppress(Killed):
        repair_of(MortalDynamoDB(dynamodb, dies_after)).repair("general", run)
    log.append("general", message("r2"))
    broadcast(stream, repair_of(dynamodb))
    last = run[-1].seq + 1
    entries = Reader(dynamodb, 1).after(0).entries
    assert [entry.seq for entry in entries] == list(range(1, last + 1))
    assert pending(dynamodb) == []
    root = log.messages("general", [1])[1]
    assert root.revision == STORM + 1
    assert is_changed(root, "edit") if kind == "edit" else root.reactions[0].count == STORM
