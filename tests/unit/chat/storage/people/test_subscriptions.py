"""Subscriptions and reading marks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chat.identity.identity import Person
from chat.protocol.errors import NotSubscribed, RateLimited
from chat.storage import keys
from tests.unit.chat.storage.people.conftest import MESSAGES, ROOM, World


def test_a_subscription_begins_with_everything_read(world: World) -> None:
    world.send("ada", "r1")
    world.subscribe("eve")
    world.send("ada", "r2")  # stored, and not counted yet
    assert world.subscribe("bob").subscription.read == 2
    world.fan_out()
    assert (world.unread("eve"), world.unread("bob")) == (1, 0)


def test_who_subscribes_again_stays_where_they_are(world: World) -> None:
    first = world.subscribe("bob").subscription
    world.send("ada", "r1")
    world.fan_out()
    again = world.subscriptions.subscribe("bob", ROOM, True).subscription
    assert (again.read, again.since, again.muted) == (first.read, first.since, True)
    assert world.subscribe("bob").subscription.muted  # nothing said: it stays
    assert world.unread("bob") == 1


def test_an_empty_room_can_be_followed(world: World) -> None:
    assert world.subscribe("bob").subscription.read == 0
    world.send("ada", "r1")
    world.fan_out()
    assert world.unread("bob") == 1


def test_the_heads_note_is_no_entry(world: World) -> None:
    world.send("ada", "r1")
    world.fan_out()
    world.subscribe("bob")
    assert world.new_entries() == []
    assert world.send("ada", "r2") == 2


def test_the_devices_of_a_person_may_subscribe_at_once(world: World) -> None:
    for number in range(4):
        world.send("ada", f"r{number}")
    with ThreadPoolExecutor(4) as devices:
        places = list(devices.map(lambda _: world.subscribe("bob"), range(4)))
    assert len({place.subscription.since for place in places}) == 1
    world.fan_out()
    assert world.unread("bob") == 0


def test_a_mark_only_rises(world: World) -> None:
    world.subscribe("bob")
    for number in range(4):
        world.send("ada", f"r{number}")
    world.fan_out()
    assert world.read("bob", 3).subscription.read == 3
    assert world.read("bob", 2).subscription.read == 3
    assert world.read("bob", 3).subscription.read == 3
    assert world.unread("bob") == 1


def test_a_mark_beyond_the_end_counts_as_the_end(world: World) -> None:
    world.subscribe("bob")
    world.send("ada", "r1")
    world.ask("ada", action="edit", seq=1, ref="c1", message="Ho")  # acknowledged, not folded yet
    world.send("ada", "r2")
    assert world.read("bob", 10**12 - 1).subscription.read == 1
    world.fan_out()
    assert world.unread("bob") == 1


def test_who_reads_faster_than_the_fan_out_has_nothing_unread_after_it(world: World) -> None:
    world.subscribe("bob")
    for number in range(3):
        world.send("ada", f"r{number}")
    place = world.read("bob", 2)
    assert place.subscription.unread(place.summary) == 0
    world.fan_out()
    assert world.unread("bob") == 1
    assert world.read("bob", 3).subscription.read_count == 3


def test_a_mark_within_a_second_of_the_last_one_has_to_wait(world: World) -> None:
    world.subscribe("bob")
    for number in range(3):
        world.send("ada", f"r{number}")
    bob = Person("bob", "Bob")
    world.subscriptions.mark(bob, ROOM, 1)
    world.clock.now += 0.4
    assert world.subscriptions.mark(bob, ROOM, 1).subscription.read == 1  # nothing new
    with pytest.raises(RateLimited) as error:
        world.subscriptions.mark(bob, ROOM, 2)
    assert error.value.retry_after == pytest.approx(0.6)
    world.clock.now += 0.6
    assert world.subscriptions.mark(bob, ROOM, 3).subscription.read == 3


def test_of_three_devices_at_once_the_highest_mark_stands_or_is_asked_to_wait(world: World) -> None:
    world.subscribe("bob")
    for number in range(3):
        world.send("ada", f"r{number}")
    world.fan_out()

    def mark(seq: int) -> int | None:
        try:
            return world.subscriptions.mark(Person("bob", "Bob"), ROOM, seq).subscription.read
        except RateLimited:
            return None

    with ThreadPoolExecutor(3) as devices:
        read = list(devices.map(mark, (1, 2, 3)))
    place = world.place("bob")
    assert place is not None
    assert place.subscription.read == max(seq for seq in read if seq is not None)
    assert all(seq is None or seq >= own for own, seq in enumerate(read, 1))
    assert world.unread("bob") == 3 - place.subscription.read


def test_who_has_not_subscribed_cannot_mark(world: World) -> None:
    with pytest.raises(NotSubscribed):
        world.read("bob", 1)
    world.subscribe("bob")
    world.subscriptions.unsubscribe("bob", ROOM)
    world.subscriptions.unsubscribe("bob", ROOM)
    with pytest.raises(NotSubscribed):
        world.read("bob", 1)
    assert world.place("bob") is None


def test_a_mark_is_counted_from_the_nearer_end(world: World) -> None:
    world.subscribe("bob")
    for number in range(10):
        world.send("ada", f"r{number}")
    world.fan_out()
    assert rows_read(world, 2) == 2  # from the old mark
    assert rows_read(world, 9) == 1  # from the end that is counted


def rows_read(world: World, seq: int) -> int:
    """Return how many rows a mark reads."""
    bounds: list[tuple[str, str]] = []
    client = world.dynamodb

    class Spy:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def query(self, **request: Any) -> Any:
            values = request["ExpressionAttributeValues"]
            bounds.append((values[":first"], values[":last"]))
            return client.query(**request)

    world.subscriptions._dynamodb = Spy()
    world.read("bob", seq)
    world.subscriptions._dynamodb = client
    return sum(int(last) - int(first) + 1 for first, last in bounds)


def test_what_has_expired_below_a_mark_is_counted_from_the_other_end(world: World) -> None:
    world.subscribe("bob")
    for number in range(10):
        world.send("ada", f"r{number}")
    world.fan_out()
    for seq in range(1, 3):  # DynamoDB has deleted the oldest rows
        world.dynamodb.delete_item(TableName=MESSAGES, Key=keys.row(ROOM, seq))
    assert world.read("bob", 4).subscription.read == 4
    assert world.unread("bob") == 6


def test_a_page_of_subscriptions_is_ordered_by_room(world: World) -> None:
    rooms = ["a", "a#b", "b", "é", "z"]
    for room in reversed(rooms):
        world.subscriptions.subscribe("bob", room, None)
    world.subscriptions.subscribe("ada", "c", None)
    found, more = world.subscriptions.page("bob", "", 3)
    assert len(found) == 3 and more
    rest, more = world.subscriptions.page("bob", found[-1].room, 3)
    assert not more
    assert sorted(each.room for each in [*found, *rest]) == sorted(rooms)
