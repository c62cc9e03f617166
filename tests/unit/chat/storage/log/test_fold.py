"""Changes of messages: folded once, in the order of the log, whatever is repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from chat.identity.identity import Person
from chat.protocol.messages import Change, ChangeKind, Entry, Message, Reaction
from chat.storage.log.fold import MAX_PEOPLE, MAX_REACTIONS
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from tests.support.fakes.mortal_dynamodb import Killed, MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import (
    TABLE,
    broadcast,
    change_rules,
    history,
    items,
    message,
    repair_of,
)

THUMB, HEART = "👍", "❤️"


def change(kind: ChangeKind, of: int, ref: str, *, user: str = "u1", **fields: Any) -> Change:
    return Change(kind, of, ref, user, user.upper(), "later", **fields)


def edit(of: int, ref: str, text: str, **fields: Any) -> Change:
    return change("edit", of, ref, text=text, **fields)


def react(of: int, ref: str, user: str, reaction: str = THUMB, *, on: bool = True) -> Change:
    return change("react", of, ref, user=user, reaction=reaction, on=on)


def now(log: Log, seq: int) -> Message:
    return log.messages("general", [seq])[seq]


def rows(log: Log) -> list[Entry]:
    return [row.entry for row in log.rows_after("general", 0) if not row.pending]


def test_an_edit_changes_its_message_and_is_an_entry_of_its_own(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1", "teh", data='{"a":1}'))
    assert log.append("general", edit(1, "c1", "the")).seq == 2
    edited = replace(message("r1", "the"), edited_at="later", revision=2)
    shown = Entry(2, edited, edit(1, "c1", "the"))
    assert broadcast(stream, log_repair) == [Entry(1, edited), shown]
    stored = Entry(2, edited, edit(1, "c1", ""))  # the row of an edit has no text
    assert rows(log) == log.entries("general", 0) == [Entry(1, edited), stored]


def test_a_change_that_is_not_folded_yet_is_a_gap(log: Log, stream: Stream, log_repair: LogRepair) -> None:
    # Otherwise a page would have its number, and a client drop the broadcast that has its content.
    log.append("general", message("r1"))
    log.append("general", edit(1, "c1", "Ho"))
    log.append("general", message("r2"))
    assert [entry.seq for entry in rows(log)] == [1, 3]
    assert [entry.seq for entry in log.entries("general", 0)] == [1]
    broadcast(stream, log_repair)
    assert [entry.seq for entry in rows(log)] == [1, 2, 3]


def test_of_several_edits_the_last_in_the_log_counts(log: Log, stream: Stream, log_repair: LogRepair) -> None:
    log.append("general", message("r1"))
    for number in range(3):
        log.append("general", edit(1, f"c{number}", f"text {number}"))
    shown = broadcast(stream, log_repair)
    assert {entry.message.text for entry in shown if entry.message} == {"text 2"}
    assert now(log, 1).revision == 4


def test_a_repeated_run_changes_nothing(
    log: Log, stream: Stream, log_repair: LogRepair, dynamodb: Any
) -> None:
    log.append("general", message("r1"))
    log.append("general", edit(1, "c1", "Ho"))
    log.append("general", react(1, "c2", "u2"))
    run = stream.batch()["general"]
    first = log_repair.repair("general", run).entries
    stored = dynamodb.scan(TableName=TABLE)["Items"]
    assert log_repair.repair("general", run).entries == first
    assert log_repair.repair("general", run[1:2]).entries == [replace(first[1], message=first[2].message)]
    assert dynamodb.scan(TableName=TABLE)["Items"] == stored


@pytest.mark.parametrize("cut", [2, 3, 5], ids="the next run ends after {}".format)
@pytest.mark.parametrize("calls", range(1, 10))
def test_a_fan_out_that_dies_anywhere_has_folded_once_after_the_next(
    log: Log, stream: Stream, dynamodb: Any, calls: int, cut: int
) -> None:
    log.append("general", message("r1"))
    for number, on in enumerate((True, False, True)):
        log.append("general", react(1, f"c{number}", "u2", on=on))
    log.append("general", edit(1, "c9", "Ho"))
    run = stream.batch()["general"]
    with pytest.raises(Killed):
        repair_of(MortalDynamoDB(dynamodb, dies_after=calls)).repair("general", run)
    for part in (run[:cut], run[cut:]):
        repair_of(dynamodb).repair("general", part)
    expected = replace(
        message("r1", "Ho"),
        edited_at="later",
        revision=5,
        reactions=(Reaction(THUMB, 1, (Person("u2", "U2"),)),),
    )
    assert now(log, 1) == expected
    assert [entry.seq for entry in rows(log)] == [1, 2, 3, 4, 5]


def test_a_deletion_is_for_good(log: Log, stream: Stream, log_repair: LogRepair, dynamodb: Any) -> None:
    log.append("general", message("r1", "secret", data='"secret"'))
    log.append("general", edit(1, "c1", "secret too", data='"secret"'))
    log.append("general", react(1, "c2", "u2"))
    early = stream.batch()["general"]
    log.append("general", change("delete", 1, "c3"))
    log.append("general", edit(1, "c4", "back again: secret"))
    log.append("general", message("r2"))
    run = early + stream.batch()["general"]
    shown = log_repair.repair("general", run).entries
    deleted = replace(message("r1", ""), deleted=True, edited_at="later", revision=5)
    assert [entry.message for entry in shown[:5]] == [deleted] * 5
    assert "secret" not in str(dynamodb.scan(TableName=TABLE)["Items"])
    assert log_repair.repair("general", run[:1]).entries == [Entry(1, deleted)]


def test_the_head_has_no_text_of_a_message_that_is_deleted(log: Log, dynamodb: Any) -> None:
    log.append("general", message("r1", "secret"))
    log.append("general", change("delete", 1, "c1"))
    assert "secret" not in str(items(dynamodb, "ROOM#"))


def test_a_change_sent_twice_counts_once_and_its_second_number_is_skipped(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    receipts = [log.append("general", edit(1, "c1", "Ho")) for _ in range(2)]
    assert [receipt.seq for receipt in receipts] == [2, 2]
    assert broadcast(stream, log_repair)[2] == Entry(3, None)
    assert now(log, 1).revision == 2


@pytest.mark.parametrize("of", [1, 7], ids=["a skipped number", "no number yet"])
def test_a_change_of_no_message_is_skipped(log: Log, stream: Stream, log_repair: LogRepair, of: int) -> None:
    log_repair.repair("general", [Entry(2, message("r1"))])  # the ref is that of 2
    log.append("general", message("r1"))
    log.append("general", message("r1"))
    log.append("general", edit(of, "c1", "Ho"))
    assert broadcast(stream, log_repair)[-1] == Entry(3, None)
    assert rows(log)[-1] == Entry(3, None)


def test_a_persons_reaction_counts_once_and_can_be_taken_back(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    steps = [("u2", True), ("u3", True), ("u2", True), ("u3", False), ("u4", False), ("u2", True)]
    counts = []
    for number, (user, on) in enumerate(steps):
        log.append("general", react(1, f"c{number}", user, on=on))
        broadcast(stream, log_repair)
        counts.append([(each.count, [p.user for p in each.people]) for each in now(log, 1).reactions])
    assert counts == [
        [(1, ["u2"])], [(2, ["u2", "u3"])], [(2, ["u2", "u3"])], [(1, ["u2"])], [(1, ["u2"])], [(1, ["u2"])],
    ]  # fmt: skip
    assert log.reactions("general", 1, None) == ([(THUMB, Person("u2", "U2"))], False)


def test_the_last_reaction_that_is_taken_back_leaves_nothing(
    log: Log, stream: Stream, log_repair: LogRepair, dynamodb: Any
) -> None:
    log.append("general", message("r1"))
    log.append("general", react(1, "c1", "u2"))
    broadcast(stream, log_repair)
    log.append("general", react(1, "c2", "u2", on=False))
    broadcast(stream, log_repair)
    assert now(log, 1).reactions == ()
    assert log.reactions("general", 1, None) == ([], False)


def test_counts_are_exact_while_the_message_names_the_first_ten(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    for number in range(120):  # more than one transaction takes
        log.append("general", react(1, f"c{number}", f"u{number:03}", HEART if number % 2 else THUMB))
    broadcast(stream, log_repair)
    assert [each.count for each in now(log, 1).reactions] == [60, 60]
    assert [len(each.people) for each in now(log, 1).reactions] == [MAX_PEOPLE, MAX_PEOPLE]
    everybody, more = log.reactions("general", 1, None)
    assert (len(everybody), more) == (120, False)
    assert log.reactions("general", 1, (THUMB, "u100"))[0][0][1].user == "u102"
    assert all(one != other for one, other in pairwise(everybody))


def test_a_message_has_fifty_different_reactions_at_most(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    for number in range(MAX_REACTIONS + 2):
        log.append("general", react(1, f"c{number}", "u2", f"r{number}"))
    broadcast(stream, log_repair)
    assert len(now(log, 1).reactions) == MAX_REACTIONS


def test_long_names_leave_a_message_small(log: Log, stream: Stream, log_repair: LogRepair) -> None:
    log.append("general", message("r1"))
    for number in range(60):
        log.append("general", react(1, f"c{number}", f"{number:0128}", f"r{number % 6}"))
    broadcast(stream, log_repair)
    reactions = now(log, 1).reactions
    assert [each.count for each in reactions] == [10] * 6
    assert 0 < sum(len(person.user) for each in reactions for person in each.people) < 3 * 1024


def test_sending_a_deleted_message_again_does_not_bring_it_back(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    first = log.append("general", message("r1", "secret"))
    run = stream.batch()["general"]
    log.append("general", change("delete", 1, "c1"))
    broadcast(stream, log_repair)
    assert log.append("general", message("r1", "secret")) == first
    log_repair.repair("general", run)  # as the stream brings it again after a failure
    assert history(dynamodb) == {1: "", 2: None, 3: None}


def test_two_fan_outs_at_once_fold_each_change_once(log: Log, stream: Stream, dynamodb: Any) -> None:
    log.append("general", message("r1"))
    for number in range(4):
        log.append("general", react(1, f"c{number}", f"u{number}"))
    run = stream.batch()["general"]

    class Slow(MortalDynamoDB):
        """Lets another fan-out repair the first half of the run before the first write of this one."""

        def __getattr__(self, operation: str) -> Any:
            if operation == "put_item" and not self.calls.count(operation):
                repair_of(dynamodb).repair("general", run[:3])
            return super().__getattr__(operation)

    repair_of(Slow(dynamodb)).repair("general", run)
    (reaction,) = now(log, 1).reactions
    assert (reaction.count, [person.user for person in reaction.people]) == (4, ["u0", "u1", "u2", "u3"])


def test_what_marks_a_head_is_no_entry_and_the_next_message_is_one(
    log: Log, dynamodb: Any, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    assert [entry.seq for entry in stream.batch()["general"]] == [1]
    marks: list[Callable[[], object]] = [
        lambda: change_rules(dynamodb, slow_mode=0),
        lambda: log_repair.mark_large("general", 16),
    ]
    for mark in marks:
        mark()
        assert stream.batch() == {}
        log.append("general", message(f"after {mark}"))
        assert len(stream.batch()["general"]) == 1


def test_the_first_message_of_a_chain_counts_its_replies_once(
    log: Log, stream: Stream, log_repair: LogRepair
) -> None:
    log.append("general", message("r1"))
    for number in range(3):
        log.append("general", replace(message(f"a{number}"), reply_to=1 + number, root=1))
    log.append("general", replace(message("a0"), reply_to=1, root=1))  # sent again
    run = stream.batch()["general"]
    shown = log_repair.repair("general", run).entries
    assert [entry.change for entry in shown] == [None] * 5  # a reply is a message
    assert log_repair.repair("general", run).entries == shown
    assert (now(log, 1).replies, now(log, 1).revision) == (3, 4)
    assert now(log, 3) == replace(message("a1"), reply_to=2, root=1)
    assert shown[0].message == now(log, 1)


def test_a_deleted_message_counts_its_replies(log: Log, stream: Stream, log_repair: LogRepair) -> None:
    log.append("general", message("r1"))
    log.append("general", change("delete", 1, "c1"))
    log.append("general", replace(message("a1"), reply_to=1, root=1))
    broadcast(stream, log_repair)
    assert (now(log, 1).deleted, now(log, 1).replies) == (True, 1)


def test_a_reply_to_what_has_expired_is_a_message(log_repair: LogRepair) -> None:
    reply = Entry(7, replace(message("a1"), reply_to=1, root=1))
    assert log_repair.repair("general", [reply]).entries == [reply]
