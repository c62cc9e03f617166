"""Mentions: each is noted once, until it is read or its message is deleted."""

from __future__ import annotations

import pytest

from chat.storage import keys
from chat.storage.people.place import MAX_MENTIONS, Subscription
from tests.unit.chat.storage.people.conftest import MESSAGES, ROOM, World


@pytest.fixture
def followed(world: World) -> World:
    world.subscribe("bob")
    return world


def bob(world: World) -> Subscription:
    place = world.place("bob")
    assert place is not None
    return place.subscription


def mention(world: World, ref: str, *users: str, author: str = "ada") -> int:
    reply = world.ask(author, action="send", ref=ref, message="Hi", mentions=list(users))
    return int(reply["seq"])


def test_a_mention_is_counted_until_it_is_read(followed: World) -> None:
    mention(followed, "r1", "bob", "eve")
    followed.send("ada", "r2")
    mention(followed, "r3", "bob")
    followed.fan_out()
    assert (bob(followed).mentioned, followed.unread("bob")) == (2, 3)
    newest = bob(followed).newest_mention
    assert newest is not None and (newest.seq, newest.user, newest.name) == (3, "ada", "Ada")
    followed.read("bob", 1)
    assert (bob(followed).mentioned, bob(followed).mentions) == (1, {3})
    followed.read("bob", 3)
    assert (bob(followed).mentioned, bob(followed).newest_mention) == (0, None)
    assert followed.place("eve") is None  # not subscribed: nothing was made for her


def test_whoever_writes_after_a_mention_has_read_it(followed: World) -> None:
    mention(followed, "r1", "bob")
    followed.send("bob", "r2")
    mention(followed, "r3", "bob")
    followed.fan_out()
    assert (bob(followed).read, bob(followed).mentions) == (2, {3})
    followed.send("bob", "r4")
    followed.fan_out()
    assert bob(followed).mentioned == 0


def test_a_mention_of_oneself_or_before_the_subscription_counts_nothing(world: World) -> None:
    mention(world, "r1", "bob")
    world.subscribe("bob")
    mention(world, "r2", "bob", author="bob")
    world.fan_out()
    assert bob(world).mentioned == 0


@pytest.mark.parametrize("dies_after", range(1, 7))
def test_a_mention_is_noted_once_whenever_the_fan_out_dies(followed: World, dies_after: int) -> None:
    mention(followed, "r1", "bob", "eve")
    followed.send("bob", "r2")
    mention(followed, "r3", "bob")
    run = followed.new_entries()
    followed.dies(run, dies_after)
    followed.fan_out(run)
    followed.read("bob", 2)
    followed.fan_out(run)
    assert (bob(followed).mentions, bob(followed).read) == ({3}, 2)


def test_a_run_that_comes_again_brings_back_no_mention_that_was_read(followed: World) -> None:
    mention(followed, "r1", "bob")
    run = followed.new_entries()
    followed.fan_out(run)
    followed.read("bob", 1)
    followed.fan_out(run)
    assert bob(followed).mentions == frozenset()


@pytest.mark.parametrize("dies_after", range(1, 10))
def test_a_deletion_takes_its_mentions_back_whenever_the_fan_out_dies(
    followed: World, dies_after: int
) -> None:
    mention(followed, "r1", "bob", "eve")
    mention(followed, "r2", "bob")
    followed.fan_out()
    followed.ask("ada", action="edit", seq=2, ref="c1", message="Ho")
    followed.fan_out()
    assert bob(followed).mentioned == 2  # an edit changes no mention
    followed.ask("ada", action="delete", seq=2, ref="c2")
    run = followed.new_entries()
    followed.dies(run, dies_after)
    followed.fan_out(run)
    assert (bob(followed).mentions, bob(followed).newest_mention) == ({1}, None)
    row = followed.dynamodb.get_item(TableName=MESSAGES, Key=keys.row(ROOM, 2))["Item"]
    assert "mentions" not in row
    (shown,) = [
        each for each in followed.ask("ada", action="history", after=0)["messages"] if each["seq"] == 2
    ]
    assert "mentions" not in shown


def test_a_subscription_keeps_a_hundred_mentions(followed: World) -> None:
    for number in range(MAX_MENTIONS + 3):
        mention(followed, f"r{number}", "bob")
        if number % 20 == 0:
            followed.fan_out()
    followed.fan_out()
    assert bob(followed).mentioned <= MAX_MENTIONS


@pytest.mark.parametrize("page", [1, 2, 500])
@pytest.mark.parametrize("dies_after", range(1, 24))
def test_who_wrote_and_was_mentioned_in_a_run_that_was_given_up_is_marked_with_the_next(
    followed: World, monkeypatch: pytest.MonkeyPatch, dies_after: int, page: int
) -> None:
    monkeypatch.setattr("chat.storage.people.summaries._ENTRIES", page)
    followed.subscribe("ada")
    followed.fan_out()
    mention(followed, "r1", "bob")
    followed.send("ada", "r2")
    followed.send("ada", "r2")  # a skipped number
    followed.ask("eve", action="send", ref="r4", message="so", reply_to=1)
    mention(followed, "r5", "bob", author="eve")
    followed.new_entries()  # given up
    followed.send("eve", "r6")
    run = followed.new_entries()
    followed.dies(run, dies_after)
    followed.fan_out(run)
    followed.fan_out(run)
    assert (bob(followed).mentions, followed.unread("bob")) == ({1, 5}, 5)
    ada = followed.place("ada")
    assert ada is not None
    assert (ada.subscription.read, followed.unread("ada")) == (2, 3)
