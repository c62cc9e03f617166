"""A function that died or hangs before it has stored its change: what others do, and what it may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.errors import ChatError, InvalidMessage
from chat.protocol.messages import Change, Entry, Message
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rules import RoomRules
from tests.support.fakes.mortal_dynamodb import Killed, MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import DAY, NOW, TABLE, broadcast, items, log_of, message, repair_of
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

HEAD, REF, ROW = 2, 3, 4  # the calls of `append`; the first one learns how busy the room is


def append_and_die(dynamodb: Any, content: Message | Change, dies_after: int) -> None:
    with pytest.raises(Killed):
        log_of(MortalDynamoDB(dynamodb, dies_after)).append("general", content)


@of_every_kind
@pytest.mark.parametrize("dies_after", [HEAD, REF], ids=["head", "ref"])
@pytest.mark.parametrize("resent", ["before", "after"])
def test_what_was_never_stored_gets_a_number_when_it_is_sent_again(
    log: Log, stream: Stream, dynamodb: Any, kind: str, dies_after: int, resent: str
) -> None:
    log.append("general", ROOT)
    log.append("general", replace(CHANGES["react"], id="c0", user="u2", on=False))
    give_up(stream)
    append_and_die(dynamodb, CHANGES[kind], dies_after)
    give_up(stream)
    log.append("general", replace(CHANGES["react"], id="c2", user="u3", on=False))
    if resent == "before":  # the next run
        seq = log.append("general", CHANGES[kind]).seq
        broadcast(stream, repair_of(dynamodb))
    else:
        shown = broadcast(stream, repair_of(dynamodb))
        assert [entry.seq for entry in shown] == [2, 3, 4]
        assert shown[1] == Entry(3, None)
        seq = log.append("general", CHANGES[kind]).seq
        broadcast(stream, repair_of(dynamodb))
    assert log.append("general", CHANGES[kind]).seq == seq
    log.append("general", message("r3"))
    broadcast(stream, repair_of(dynamodb))
    entries = {entry.seq: entry for entry in Reader(dynamodb, 0).after(0).entries}
    assert list(entries) == list(range(1, max(entries) + 1))
    stored = entries[seq].change or entries[seq].message
    assert stored is not None and stored.id == "c1"
    assert is_changed(entries[1].message, kind)


class Overtaken(MortalDynamoDB):
    """A client of a function that hangs before one of its calls, until `meanwhile` is done."""

    def __init__(self, client: Any, before: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(client)
        self._before, self._meanwhile = before, meanwhile

    def __getattr__(self, operation: str) -> Any:
        if len(self.calls) + 1 == self._before:
            self._before = 0
            self._meanwhile()
        return super().__getattr__(operation)


@of_every_kind
def test_a_function_that_is_too_late_to_store_its_change_does_not_acknowledge_it(
    log: Log, stream: Stream, dynamodb: Any, kind: str
) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))

    def meanwhile() -> None:
        give_up(stream)
        log.append("general", replace(CHANGES["react"], id="c2", user="u3", on=False))
        broadcast(stream, repair_of(dynamodb))

    hanging = log_of(Overtaken(dynamodb, ROW, meanwhile))
    with pytest.raises(TimeoutError, match="skipped before"):
        hanging.append("general", CHANGES[kind])
    assert log.append("general", CHANGES[kind]).seq == 4
    broadcast(stream, repair_of(dynamodb))
    assert is_changed(log.messages("general", [1])[1], kind)


@of_every_kind
def test_a_pending_row_never_takes_the_place_of_the_final_one(
    log: Log, stream: Stream, dynamodb: Any, kind: str
) -> None:
    log.append("general", ROOT)
    broadcast(stream, repair_of(dynamodb))
    late = log_of(Overtaken(dynamodb, ROW, lambda: broadcast(stream, repair_of(dynamodb))))
    assert late.append("general", CHANGES[kind]).seq == 2
    assert pending(dynamodb) == []
    assert is_changed(log.messages("general", [1])[1], kind)


@of_every_kind
def test_a_change_whose_resend_is_rejected_is_kept_before_it_is_acknowledged(
    log: Log, stream: Stream, dynamodb: Any, kind: str
) -> None:
    log.append("general", ROOT)
    append_and_die(dynamodb, CHANGES[kind], REF)
    give_up(stream)
    rejected: ChatError = InvalidMessage("There is no such message, or not any more.")
    assert log.committed_before("general", CHANGES[kind], rejected).seq == 2
    assert is_changed(Reader(dynamodb, 31).after(0).entries[0].message, kind)


def test_a_message_whose_function_died_after_the_ref_is_kept_when_it_is_sent_again(
    log: Log, stream: Stream, dynamodb: Any
) -> None:
    log.append("general", message("r0", at=AT))
    append_and_die(dynamodb, ROOT, REF)
    give_up(stream)
    assert log.append("general", replace(ROOT, at="later")).seq == 2
    assert [entry.message for entry in Reader(dynamodb, 0).after(1).entries] == [ROOT, None]


def test_a_deleted_message_that_has_expired_does_not_come_back(stream: Stream, dynamodb: Any) -> None:
    # Its ref is still there, because DynamoDB deletes what has expired in any order.
    now = [NOW]
    log = Log(dynamodb, TABLE, 1, RoomRules(dynamodb, TABLE), now=lambda: now[0])
    for content in (ROOT, CHANGES["delete"]):
        log.append("general", content)
    broadcast(stream, LogRepair(dynamodb, TABLE, 1, now=lambda: now[0]))
    dynamodb.delete_item(TableName=TABLE, Key={"pk": "LOG#general", "sk": f"{1:012}"})
    now[0] += 2 * DAY
    assert log.append("general", ROOT).seq == 1
    assert "teh" not in str(items(dynamodb, "LOG#"))
