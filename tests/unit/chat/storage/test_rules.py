from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chat.protocol.errors import Forbidden, RateLimited
from chat.storage.rules import NO_RULES, RoomRules, Rules
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.support.fakes.stream import Stream

TABLE = "MessagesTable"
ROOM = "a#b"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(dynamodb: Any, clock: Clock) -> RoomRules:
    return RoomRules(dynamodb, TABLE, clock)


def muting(user: str, until: float) -> Callable[[Rules], Rules]:
    return lambda rules: replace(rules, muted={**rules.muted, user: int(until)})


def banning(user: str, until: float) -> Callable[[Rules], Rules]:
    return lambda rules: replace(rules, banned={**rules.banned, user: int(until)})


def item(dynamodb: Any, sk: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = dynamodb.get_item(TableName=TABLE, Key={"pk": "ROOM#a%23b", "sk": sk}).get(
        "Item"
    )
    return found


# Changing the rules


def test_a_room_whose_rules_were_never_changed_has_none(book: RoomRules) -> None:
    assert book.read(ROOM) == NO_RULES
    NO_RULES.require_may_post("u1", 0.0)


def test_a_change_keeps_the_other_rules_and_has_a_version(book: RoomRules, clock: Clock) -> None:
    book.change(ROOM, lambda rules: replace(rules, slow_mode=30))
    book.change(ROOM, lambda rules: replace(rules, locked=True))
    book.change(ROOM, muting("u1", clock.now + 60))
    book.change(ROOM, banning("u.2 #", clock.now + 61))
    assert book.read(ROOM) == Rules(
        4, locked=True, slow_mode=30, muted={"u1": int(clock.now) + 60}, banned={"u.2 #": int(clock.now) + 61}
    )
    assert book.read("another") == NO_RULES


def test_rules_are_read_strongly_consistent(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    RoomRules(counting, TABLE).read(ROOM)
    assert (counting.calls, counting.asked[0]["ConsistentRead"]) == (["get_item"], True)


def test_the_version_is_on_the_head_which_is_marked_as_no_news(
    book: RoomRules, dynamodb: Any, stream: Stream
) -> None:
    book.change(ROOM, lambda rules: replace(rules, slow_mode=30))
    epoch = item(dynamodb, "HEAD")["epoch"]
    assert item(dynamodb, "HEAD") == {
        "pk": "ROOM#a%23b",
        "sk": "HEAD",
        "epoch": epoch,
        "rules_version": 1,
        "not_a_message": True,
    }
    assert len(stream.records()) == 1
    assert stream.batch() == {}


def test_what_has_ended_is_dropped_with_the_next_change(book: RoomRules, clock: Clock) -> None:
    book.change(ROOM, muting("u1", clock.now + 60))
    book.change(ROOM, banning("u2", clock.now + 60))
    book.change(ROOM, muting("u3", clock.now + 61))
    clock.now += 60
    book.change(ROOM, lambda rules: replace(rules, slow_mode=1))
    assert book.read(ROOM) == Rules(4, slow_mode=1, muted={"u3": int(clock.now) + 1})
    book.change(ROOM, muting("u3", clock.now))
    assert book.read(ROOM).muted == {}


class RulesMeanwhile:
    """A DynamoDB client that makes one of `changes` whenever its caller reads the rules."""

    def __init__(self, client: Any, *changes: Callable[[Rules], Rules]) -> None:
        self._client = client
        self._changes = list(changes)

    def get_item(self, **arguments: Any) -> Any:
        answer = self._client.get_item(**arguments)
        if self._changes:
            RoomRules(self._client, TABLE).change(ROOM, self._changes.pop())
        return answer

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)


@pytest.mark.parametrize("before", [0, 1])
def test_changes_at_the_same_time_all_hold(book: RoomRules, dynamodb: Any, clock: Clock, before: int) -> None:
    for _ in range(before):
        book.change(ROOM, lambda rules: replace(rules, locked=True))
    faster = lambda rules: replace(rules, slow_mode=30)  # noqa: E731
    overtaken = RoomRules(RulesMeanwhile(dynamodb, faster), TABLE, clock)
    overtaken.change(ROOM, muting("u1", clock.now + 60))
    rules = book.read(ROOM)
    assert (rules.version, rules.slow_mode, rules.muted) == (before + 2, 30, {"u1": int(clock.now) + 60})


def test_a_change_that_is_always_overtaken_is_an_error(dynamodb: Any, book: RoomRules) -> None:
    meanwhile = [lambda rules: replace(rules, slow_mode=rules.slow_mode + 1)] * 10
    with pytest.raises(TimeoutError):
        RoomRules(RulesMeanwhile(dynamodb, *meanwhile), TABLE).change(
            ROOM, lambda rules: replace(rules, locked=True)
        )
    assert not book.read(ROOM).locked


def test_a_room_names_700_people_at_once_and_they_fit_an_item(
    book: RoomRules, dynamodb: Any, clock: Clock
) -> None:
    longest = [f"{number:04}" + "💬" * 124 for number in range(701)]
    until = int(clock.now) + 60
    book.change(ROOM, lambda rules: replace(rules, muted=dict.fromkeys(longest[:600], until)))
    book.change(ROOM, lambda rules: replace(rules, banned=dict.fromkeys(longest[600:700], until)))
    stored = item(dynamodb, "RULES")
    assert stored is not None
    named = [*stored["muted"], *stored["banned"]]
    assert len(named) == 700
    # A name, a number of up to 21 bytes, and what DynamoDB adds to each.
    assert sum(len(name.encode()) + 21 + 1 for name in named) < 400_000
    with pytest.raises(Forbidden, match="700"):
        book.change(ROOM, muting(longest[700], until))
    assert book.read(ROOM).version == 2
    clock.now += 60
    book.change(ROOM, muting(longest[700], clock.now + 60))
    assert len(book.read(ROOM).muted) == 1


def test_a_failure_of_dynamodb_is_not_taken_for_a_faster_change(dynamodb: Any) -> None:
    class Fails:
        def get_item(self, **arguments: Any) -> Any:
            return dynamodb.get_item(**arguments)

        def transact_write_items(self, **arguments: Any) -> Any:
            raise ClientError({"Error": {"Code": "InternalServerError", "Message": "down"}}, "Any")

    with pytest.raises(ClientError, match="InternalServerError"):
        RoomRules(Fails(), TABLE).change(ROOM, lambda rules: rules)


# Who may speak and who may be there


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (Rules(1, locked=True), "locked"),
        (Rules(1, muted={"u1": 101}), "muted"),
        (Rules(1, banned={"u1": 101}), "banned you"),
    ],
)
def test_a_user_who_may_not_post_gets_the_reason(rules: Rules, why: str) -> None:
    with pytest.raises(Forbidden, match=why):
        rules.require_may_post("u1", 100.9)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(1, slow_mode=60),
        Rules(1, muted={"u1": 100}, banned={"u1": 100}),
        Rules(1, muted={"u2": 999, "U1": 999}, banned={"u2": 999}),
    ],
)
def test_everybody_else_may(rules: Rules) -> None:
    rules.require_may_post("u1", 100.0)


def test_a_banned_user_may_not_join_until_the_ban_ends(book: RoomRules, clock: Clock) -> None:
    book.change(ROOM, banning("u1", clock.now + 60))
    book.change(ROOM, muting("u2", clock.now + 60))
    with pytest.raises(Forbidden, match="banned you"):
        book.require_not_banned("u1", ["general", ROOM])
    book.require_not_banned("u1", ["general"])
    book.require_not_banned("u2", [ROOM])
    book.require_not_banned("u1", [])
    clock.now += 60
    book.require_not_banned("u1", [ROOM])


def test_a_user_whose_ban_is_lifted_may_join(book: RoomRules, clock: Clock) -> None:
    book.change(ROOM, banning("u1", clock.now + 60))
    book.change(ROOM, banning("u1", clock.now))
    book.require_not_banned("u1", [ROOM])


def test_checking_many_rooms_for_bans_is_one_strongly_consistent_call(dynamodb: Any) -> None:
    counting = MortalDynamoDB(dynamodb)
    RoomRules(counting, TABLE).require_not_banned("u1", [f"room {number}" for number in range(98)])
    assert counting.calls == ["batch_get_item"]
    assert counting.asked[0]["RequestItems"][TABLE]["ConsistentRead"] is True


# Slow mode


def waits(book: RoomRules, user: str = "u1", slow: int = 30, room: str = ROOM) -> float:
    """How long a person is told to wait; 0 when it is their turn."""
    try:
        book.start_cooldown(room, user, slow)
    except RateLimited as limited:
        return limited.retry_after
    return 0.0


def test_in_slow_mode_each_person_has_a_cooldown_per_room(book: RoomRules, clock: Clock) -> None:
    clock.now += 0.75
    assert waits(book) == 0
    assert waits(book) == 30
    assert waits(book, "u2") == 0
    assert waits(book, room="another") == 0
    clock.now += 12.25
    assert waits(book) == 17.75
    clock.now += 17.75 - 0.002
    assert waits(book) == pytest.approx(0.002, abs=0.001)
    clock.now += 0.002
    assert waits(book) == 0
    assert waits(book) == 30


def test_a_refunded_cooldown_of_slow_mode_is_over(book: RoomRules) -> None:
    assert waits(book) == 0
    book.refund_cooldown(ROOM, "u1")
    assert waits(book) == 0
    assert waits(book) == 30


def test_users_and_rooms_with_separators_do_not_meet(book: RoomRules) -> None:
    assert waits(book, "c", room="a#b") == 0
    assert waits(book, "b#c", room="a") == 0


def test_cooldowns_are_kept_until_they_end_and_then_deleted(
    book: RoomRules, dynamodb: Any, clock: Clock
) -> None:
    book.start_cooldown(ROOM, "u1", 3600)
    book.start_cooldown(ROOM, "u2", 1)
    book.refund_cooldown(ROOM, "u2")
    items = dynamodb.scan(TableName=TABLE)["Items"]
    ends = {item["pk"]: item["expires_at"] - int(clock.now) for item in items}
    assert ends == {"COOLDOWN#a%23b#u1": 3660, "COOLDOWN#a%23b#u2": 60}


def test_a_failure_of_dynamodb_is_not_taken_for_a_running_cooldown(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        RoomRules(dynamodb, "NoSuchTable").start_cooldown(ROOM, "u1", 30)
