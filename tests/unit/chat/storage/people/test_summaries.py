"""What the fan-out counts: each entry once, whatever dies or is repeated. Nothing deleted stays readable."""

from __future__ import annotations

from typing import Any

import pytest

from chat.identity.identity import Person
from chat.storage import keys
from chat.storage.newest import MAX_SHOWN, Newest
from chat.storage.people.subscriptions import Subscriptions
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB
from tests.unit.chat.storage.people.conftest import MESSAGES, ROOM, World


@pytest.fixture
def followed(world: World) -> World:
    """Bob follows the room; Ada and Eve write in it."""
    world.subscribe("bob")
    world.fan_out()
    return world


def newest(world: World) -> Newest:
    summary = world.summary()
    assert summary is not None and summary.newest is not None
    return summary.newest


def count(world: World) -> tuple[int, int]:
    """Return up to where the log is counted, and how many messages there are."""
    summary = world.summary()
    assert summary is not None
    return summary.seq, summary.count


def test_a_room_that_nobody_follows_costs_nothing_more(world: World) -> None:
    world.send("ada", "r1")
    assert world.fan_out() == ["batch_get_item"]
    assert world.summary() is None


def test_a_run_of_a_followed_room_costs_a_write_and_one_per_author(followed: World) -> None:
    for user, ref in (("ada", "r1"), ("eve", "r2"), ("ada", "r3")):
        followed.send(user, ref)
    assert followed.fan_out() == ["batch_get_item", "update_item", "update_item", "update_item"]


def test_messages_are_counted_from_when_the_room_is_followed(world: World) -> None:
    for number in range(3):
        world.send("ada", f"before {number}")
    world.subscribe("bob")  # the fan-out has not come to these yet
    world.send("ada", "r1")
    assert world.unread("bob") == 0
    world.fan_out()
    assert count(world) == (4, 1)
    assert world.unread("bob") == 1


def test_changes_and_skipped_numbers_do_not_count_and_a_deleted_message_does(followed: World) -> None:
    followed.send("ada", "r1")
    followed.send("ada", "r1")
    followed.ask("ada", action="edit", seq=1, ref="c1", message="Ho")
    followed.ask("bob", action="react", seq=1, ref="c2", reaction="+1")
    followed.ask("ada", action="delete", seq=1, ref="c3")
    followed.fan_out()
    assert count(followed) == (5, 1)
    assert followed.unread("bob") == 1


@pytest.mark.parametrize("dies_after", range(1, 8))
def test_a_run_whose_fan_out_dies_anywhere_is_counted_once(followed: World, dies_after: int) -> None:
    for number, user in enumerate(("ada", "eve", "bob", "ada")):
        followed.send(user, f"r{number}")
    run = followed.new_entries()
    # It reads, counts, and marks three authors.
    assert followed.dies(run, dies_after) == (dies_after <= 5)
    followed.fan_out(run)
    followed.fan_out(run)
    assert count(followed) == (4, 4)
    place = followed.place("bob")
    assert place is not None and place.subscription.read == 3  # Bob's own message
    assert followed.unread("bob") == 1


@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_run_that_comes_again_longer_counts_only_the_rest(followed: World, split: int) -> None:
    for number in range(4):
        followed.send("ada", f"r{number}")
    run = followed.new_entries()
    followed.fan_out(run[:split])
    followed.fan_out(run)
    assert count(followed) == (4, 4)


def test_an_old_run_that_comes_again_changes_nothing(followed: World) -> None:
    runs = []
    for user, ref in (("ada", "r1"), ("bob", "r2"), ("ada", "r3")):
        followed.send(user, ref)
        runs.append(followed.new_entries())
        followed.fan_out(runs[-1])
    for run in runs:
        followed.fan_out(run)
    assert count(followed) == (3, 3)
    assert followed.unread("bob") == 1


def test_a_run_that_was_given_up_is_counted_with_the_next(followed: World) -> None:
    followed.send("ada", "r1")
    followed.send("ada", "r1")  # a skipped number
    followed.send("eve", "r2")
    followed.new_entries()  # given up: the functions' own rows are all there is
    followed.send("ada", "r3")
    followed.fan_out()
    assert count(followed) == (4, 3)
    assert followed.unread("bob") == 3


def test_the_first_run_that_is_counted_may_follow_one_that_was_given_up(followed: World) -> None:
    followed.send("ada", "r1")
    followed.new_entries()
    followed.send("ada", "r2")
    followed.fan_out()
    assert count(followed) == (2, 2)


def test_the_newest_message_is_shown_shortened(followed: World) -> None:
    followed.send("ada", "r1", "x" * 1_000)
    followed.fan_out()
    shown = newest(followed)
    assert (shown.seq, shown.user, shown.name) == (1, "ada", "Ada")
    assert shown.text == "x" * MAX_SHOWN


@pytest.mark.parametrize("together", [True, False], ids=["in one run", "later"])
def test_an_edit_and_a_deletion_of_the_newest_message_are_shown(followed: World, together: bool) -> None:
    followed.send("ada", "r1", "teh secret")
    if not together:
        followed.fan_out()
    followed.ask("ada", action="edit", seq=1, ref="c1", message="the secret")
    if not together:
        followed.fan_out()
        assert newest(followed).text == "the secret"
    followed.ask("ada", action="delete", seq=1, ref="c2")
    followed.fan_out()
    assert (newest(followed).text, newest(followed).deleted) == ("", True)


@pytest.mark.parametrize("dies_after", range(1, 12))
def test_nothing_deleted_stays_readable_whenever_the_fan_out_dies(followed: World, dies_after: int) -> None:
    followed.send("ada", "r1", "secret")
    followed.fan_out()
    followed.ask("ada", action="delete", seq=1, ref="c1")
    run = followed.new_entries()
    died = followed.dies(run, dies_after)
    followed.fan_out(run)
    summary = followed.dynamodb.get_item(TableName=MESSAGES, Key=keys.summary(ROOM))["Item"]
    assert "secret" not in repr(summary)
    assert died == (dies_after <= len(["read", "row", "fold", "change's row", "summary", "newest"]))


def test_a_run_that_comes_again_does_not_bring_back_what_was_deleted(followed: World) -> None:
    followed.send("ada", "r1", "secret")
    run = followed.new_entries()
    followed.fan_out(run)
    followed.ask("ada", action="delete", seq=1, ref="c1")
    followed.fan_out()
    followed.fan_out(run)
    assert newest(followed).deleted


def react(world: World, ref: str) -> None:
    world.ask("eve", action="react", seq=1, ref=ref, reaction=ref)


def test_a_reaction_neither_reads_nor_writes_the_summary_if_its_instance_has_counted(followed: World) -> None:
    followed.send("ada", "r1")
    followed.fan_out()
    react(followed, "c1")
    calls = ["batch_get_item", "get_item", "batch_get_item", "put_item", "put_item", "put_item"]
    assert followed.fan_out() == calls
    followed.new_instance()
    for ref in ("c2", "c3"):
        react(followed, ref)
        found = followed.fan_out()
        assert sorted(found) == sorted([*calls, *["batch_get_item"] * (ref == "c2")])
    assert count(followed) == (1, 1)


@pytest.mark.parametrize("change", [{"action": "edit", "message": "Ho"}, {"action": "delete"}], ids=str)
def test_an_edit_or_deletion_writes_the_summary_only_if_it_shows_the_message(
    followed: World, change: dict[str, Any]
) -> None:
    for ref in ("r1", "r2"):
        followed.send("ada", ref)
    followed.fan_out()
    for seq, writes in ((1, 0), (2, 1)):
        followed.ask("ada", **change, seq=seq, ref=f"c{seq}")
        assert followed.fan_out().count("update_item") == writes
    assert count(followed) == (2, 2)


def test_the_next_message_passes_over_changes_in_one_write(followed: World) -> None:
    followed.send("bob", "r1")
    followed.fan_out()
    for ref in ("c1", "c2", "c3"):
        react(followed, ref)
        followed.fan_out()
    followed.send("ada", "r2")
    assert followed.fan_out() == ["batch_get_item", *["update_item"] * 2]  # the count, and Ada's mark
    assert count(followed) == (5, 2)
    assert followed.unread("bob") == 1


def test_the_first_message_since_a_room_is_followed_passes_over_changes(world: World) -> None:
    world.send("ada", "r1")
    world.fan_out()
    world.subscribe("bob")
    react(world, "c1")
    world.fan_out()
    assert world.summary() is None
    world.send("ada", "r2")
    world.fan_out()
    assert count(world) == (3, 1)


@pytest.mark.parametrize(
    "change", [{"action": "react", "reaction": "+1"}, {"action": "edit", "message": "Ho"}], ids=str
)
def test_a_message_whose_run_was_given_up_is_counted_by_a_change(
    followed: World, change: dict[str, Any]
) -> None:
    followed.send("ada", "r1")
    followed.fan_out()
    react(followed, "c1")
    followed.fan_out()
    followed.send("ada", "r2")
    followed.new_entries()  # given up
    followed.ask("ada", **change, seq=1, ref="c2")
    followed.fan_out()
    assert count(followed) == (4, 2)
    assert (newest(followed).seq, followed.unread("bob")) == (3, 2)


def test_very_many_changes_behind_the_count_are_not_read_by_marks_and_subscriptions(followed: World) -> None:
    followed.send("ada", "r1")
    followed.fan_out()
    for number in range(20):
        react(followed, f"c{number % 3}, {number}")
    followed.fan_out()
    client = MortalDynamoDB(followed.dynamodb)
    people = Subscriptions(client, MESSAGES, followed.clock)
    assert people.mark(Person("bob", "Bob"), ROOM, 21).subscription.read == 21
    assert people.subscribe("eve", ROOM, None).subscription.read == 21
    assert "query" not in client.calls
    followed.send("ada", "r2")
    followed.fan_out()
    assert (followed.unread("bob"), count(followed)) == (1, (22, 2))


def test_two_fan_outs_of_one_run_at_once_count_it_once(followed: World, dynamodb: Any) -> None:
    followed.send("ada", "r1")
    followed.send("ada", "r2")
    run = followed.new_entries()
    for part in (run[:1], run, run[1:], run):
        followed.fan_out(part)
    assert count(followed) == (2, 2)
