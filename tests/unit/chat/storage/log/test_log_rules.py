"""The rules of a room, when a message is committed."""

from __future__ import annotations

from typing import Any

import pytest

from chat.protocol.errors import Forbidden, RateLimited
from chat.storage.log.log import Log, Receipt
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import NOW, TABLE, change_rules, history, log_of, message

LATER = int(NOW) + 60


@pytest.mark.parametrize(
    "rules", [{"locked": True}, {"muted": {"u1": LATER}}, {"banned": {"u1": LATER}}], ids=str
)
def test_a_rule_holds_at_once_in_every_instance(dynamodb: Any, stream: Stream, rules: dict[str, Any]) -> None:
    fresh, old, older = (log_of(dynamodb) for _ in range(3))
    older.append("general", message("r1"))  # when there were no rules
    change_rules(dynamodb, slow_mode=0)
    old.append("general", message("r2"))
    stream.batch()
    change_rules(dynamodb, **rules)
    for log in (fresh, old, older):
        for _ in range(2):  # known by reading, and by heart
            with pytest.raises(Forbidden):
                log.append("general", message("r3"))
    assert stream.batch() == {}
    assert history(dynamodb) == {1: "Hi", 2: "Hi"}
    others = log_of(dynamodb)
    if "locked" not in rules:
        others.append("general", message("r4", user="u2"))
    others.append("general", message("r5"), exempt=True)
    others.append("news", message("r6"))


@pytest.mark.parametrize("rules", [{"locked": False}, {"muted": {}}, {"banned": {}}], ids=str)
def test_a_lifted_rule_ends_at_once_in_every_instance(dynamodb: Any, rules: dict[str, Any]) -> None:
    change_rules(dynamodb, locked="locked" in rules, muted={"u1": LATER} if "muted" in rules else {},
          banned={"u1": LATER} if "banned" in rules else {})  # fmt: skip
    remembers, fresh = log_of(dynamodb), log_of(dynamodb)
    with pytest.raises(Forbidden):
        remembers.append("general", message("r1"))
    change_rules(dynamodb, **rules)
    remembers.append("general", message("r2"))
    fresh.append("general", message("r3"))


@pytest.mark.parametrize(
    "rules",
    [{"locked": True}, {"muted": {"u1": LATER}}, {"banned": {"u1": LATER}}, {"slow_mode": 30}],
    ids=str,
)
def test_a_message_sent_again_has_its_receipt_whatever_the_rules_are_now(
    dynamodb: Any, rules: dict[str, Any]
) -> None:
    log = log_of(dynamodb)
    change_rules(dynamodb, slow_mode=30)
    first = log.append("general", message("r1", at="first"))
    change_rules(dynamodb, **rules)
    assert log.append("general", message("r1", at="later")) == first == Receipt(1, "first")
    assert history(dynamodb) == {1: "Hi"}
    for other in (message("r1", "Ho"), message("r2")):
        with pytest.raises((Forbidden, RateLimited)):
            log.append("general", other)


def test_nobody_gets_the_receipt_of_anothers_message(dynamodb: Any) -> None:
    log = log_of(dynamodb)
    log.append("general", message("r1", user="u2"))
    change_rules(dynamodb, locked=True)
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))


def test_a_message_sent_again_has_its_receipt_in_a_room_at_its_limit_too(dynamodb: Any) -> None:
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, lambda: NOW), lambda: NOW, Rate(1, 1))
    first = log.append("general", message("r1"))
    assert log.append("general", message("r1")) == first
    assert history(dynamodb) == {1: "Hi"}


class RulesMeanwhile:
    """A DynamoDB client that changes the rules between its caller's check and its caller's commit."""

    def __init__(self, client: Any, **rules: Any) -> None:
        self._client = client
        self.rules = rules

    def update_item(self, **arguments: Any) -> Any:
        if self.rules:
            rules, self.rules = self.rules, {}
            change_rules(self._client, **rules)
        return self._client.update_item(**arguments)

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


@pytest.mark.parametrize("before", [False, True])
def test_a_rule_set_between_check_and_commit_holds(dynamodb: Any, before: bool) -> None:
    if before:
        change_rules(dynamodb, slow_mode=0)
        log_of(dynamodb).append("general", message("r0"))
    committed = history(dynamodb)
    log = log_of(RulesMeanwhile(dynamodb, muted={"u1": LATER}))
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))
    assert history(dynamodb) == committed


def test_a_mute_ends_by_itself(dynamodb: Any) -> None:
    clock = Clock(NOW)
    change_rules(dynamodb, muted={"u1": LATER})
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock)
    with pytest.raises(Forbidden):
        log.append("general", message("r1"))
    clock.now = LATER
    assert log.append("general", message("r1")).seq == 1


def test_rules_are_read_once_by_each_instance_and_then_cost_nothing(dynamodb: Any) -> None:
    change_rules(dynamodb, muted={"u2": LATER})
    counting = MortalDynamoDB(dynamodb)
    log = log_of(counting)
    log.append("general", message("r1"))
    assert counting.calls == ["update_item", "get_item", "update_item", "put_item", "put_item"]
    counting.calls.clear()
    log.append("general", message("r2"))
    assert counting.calls == ["update_item", "put_item", "put_item"]


def test_a_message_that_a_rule_forbids_costs_two_reads(dynamodb: Any) -> None:
    change_rules(dynamodb, muted={"u1": LATER})
    counting = MortalDynamoDB(dynamodb)
    log = log_of(counting)
    log.append("general", message("r1", user="u2"))
    counting.calls.clear()
    with pytest.raises(Forbidden):
        log.append("general", message("r2"))
    assert counting.calls == ["get_item", "get_item"]  # the rules, which may have been lifted, and the ref


def test_a_room_with_rules_before_its_first_message_begins_at_1(dynamodb: Any, stream: Stream) -> None:
    change_rules(dynamodb, slow_mode=1)
    log = log_of(dynamodb)
    assert log.head("general").seq == 0
    assert log.append("general", message("r1")).seq == 1
    assert [entry.seq for entry in stream.batch()["general"]] == [1]


def test_slow_mode_holds_for_a_person_over_all_instances(dynamodb: Any) -> None:
    clock = Clock(NOW)
    change_rules(dynamodb, slow_mode=30)
    instances = [Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock) for _ in range(3)]
    instances[0].append("general", message("r1"))
    for log in instances:
        with pytest.raises(RateLimited, match="30 seconds") as limited:
            log.append("general", message("r2"))
        assert limited.value.retry_after == 30
    instances[0].append("general", message("r3", user="u2"))
    instances[1].append("general", message("r4"), exempt=True)
    clock.now += 30
    instances[2].append("general", message("r2"))
    assert [row.entry.message.id for row in instances[0].rows_after("general", 0) if row.entry.message] == [
        "r1", "r3", "r4", "r2",
    ]  # fmt: skip


def test_a_cooldown_is_refunded_if_the_room_takes_no_more(dynamodb: Any) -> None:
    clock = Clock(NOW)
    change_rules(dynamodb, slow_mode=30)
    log = Log(dynamodb, TABLE, 90, RoomRules(dynamodb, TABLE, clock), clock, Rate(1, 1))
    log.append("general", message("r1", user="u2"))
    with pytest.raises(RateLimited) as limited:
        log.append("general", message("r2"))
    assert limited.value.retry_after <= 2.001  # the room's rate, and a second at random
    clock.now += limited.value.retry_after
    log.append("general", message("r2"))
    clock.now += 1.001
    with pytest.raises(RateLimited, match="slow mode"):
        log.append("general", message("r3"))


def test_a_rule_set_during_a_commit_starts_no_second_cooldown(dynamodb: Any) -> None:
    change_rules(dynamodb, slow_mode=30)
    client = RulesMeanwhile(dynamodb)
    log = log_of(client)
    log.append("general", message("r1", user="u2"))
    client.rules = {"slow_mode": 60}
    assert log.append("general", message("r2")).seq == 2
