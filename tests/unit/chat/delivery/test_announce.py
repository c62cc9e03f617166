"""Signals, told to a room: who comes and goes, who types, what moderators do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from apigateway.poster import Poster
from chat.delivery.announce import Announcer
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.slice_queue import Slice, SliceTask
from chat.identity.identity import Protocol
from chat.identity.people import Person
from chat.membership import Membership
from chat.protocol import frames
from chat.storage.connections import Member
from chat.storage.member_reader import PAGE, MemberPage, ReadFailed
from chat.storage.presence import MAX_LISTED_MEMBERS
from chat.storage.signals import Notice, PresenceChanged, Signal, Typing
from tests.support.fakes.connections import FakeConnections
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.log import FakeLog
from tests.support.fakes.management_client import FakeSockets
from tests.support.fakes.member_reader import FakeMembers
from tests.support.fakes.signals import FakeSignals
from tests.support.fakes.slice_queue import FakeSliceQueue

NOW = 1_795_500_000.0
ADA, EVE, BOB = Person("ada", "Ada"), Person("eve", "Eve"), Person("bob", "Bob")
CLOSED = frames.moderated("general", "close", "Ada", closed=True)


def tab(
    person: Person,
    number: int = 1,
    protocol: Protocol = "v1",
    *,
    name: str | None = None,
    expired: bool = False,
) -> Member:
    connected_at = int(NOW - 3600) * 1000 + number
    return Member(
        f"{person.user}-{number}", protocol, connected_at, person.user, name or person.name, expired
    )


def people(*persons: Person) -> list[dict[str, str]]:
    return [{"user": person.user, "name": person.name} for person in persons]


class Limited(FakeMembers):
    """Gives a first page of so many members as it is asked for, at most."""

    async def page(self, room: str, *, limit: int = PAGE) -> MemberPage:
        page = await super().page(room, limit=limit)
        return page if len(page.members) <= limit else MemberPage(page.members[:limit], {"sk": {"S": "8000"}})


class House:
    """An announcer in virtual time and all that it works with."""

    def __init__(self, virtual: asyncio.Runner, rooms: dict[str, Sequence[Sequence[Member]]]) -> None:
        self._runner = virtual
        self.gateway = FakeGateway(latency=0.015)
        self.members = Limited(rooms)
        self.connections, self.signals, self.sockets = FakeConnections(), FakeSignals(), FakeSockets()
        self.log, self.slice_queue = FakeLog(), FakeSliceQueue()
        fakes: dict[str, Any] = {
            "members": self.members,
            "log": self.log,
            "signals": self.signals,
            "slice_queue": self.slice_queue,
        }
        poster = Poster(self.gateway)
        no_rules: Any = None  # nobody joins
        connections, signals, sockets = (
            cast(Any, fake) for fake in (self.connections, self.signals, self.sockets)
        )
        membership = Membership(connections, no_rules, signals)
        delivery = Delivery(membership, poster, lambda: sockets, now=lambda: NOW)
        self.announcer = Announcer(delivery=delivery, **fakes)

    def announce(self, *signals: Signal) -> Counts | None:
        return self._runner.run(self.announcer.announce("general", signals))

    def announce_all(self, signals: dict[str, Sequence[Signal]]) -> dict[str, Counts | Exception | None]:
        return self._runner.run(self.announcer.announce_all(signals))

    def heard(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.gateway.frames[connection]]


type Open = Callable[..., House]


@pytest.fixture
def house(virtual: asyncio.Runner) -> Open:
    """A room of these members, in one page; or several rooms."""
    return lambda *members, **rooms: House(virtual, rooms or {"general": [members]})


# Who comes and goes


def presence(joined: list[Person], left: list[Person], count: int) -> dict[str, Any]:
    return {
        "type": "presence", "room": "general", "joined": people(*joined), "left": people(*left),
        "count": count,
    }  # fmt: skip


def test_presence_is_read_from_the_members(house: Open) -> None:
    it = house(tab(ADA), tab(EVE))
    assert it.announce(PresenceChanged(ADA), PresenceChanged(BOB)) == Counts(2, delivered=2)
    assert it.heard("ada-1") == it.heard("eve-1") == [presence([ADA], [BOB], 2)]


def test_a_person_with_three_tabs_leaves_with_the_last(virtual: asyncio.Runner) -> None:
    tabs = [tab(ADA, number) for number in (1, 2, 3)]
    told = []
    while tabs:
        tabs.pop()
        it = House(virtual, {"general": [[*tabs, tab(EVE)]]})
        it.announce(PresenceChanged(ADA))
        told += it.heard("eve-1")
    assert told == [presence([ADA], [], 2), presence([ADA], [], 2), presence([], [ADA], 1)]


def test_a_person_who_joins_and_leaves_within_a_batch_is_announced_once(house: Open) -> None:
    it = house(tab(ADA), tab(EVE))
    it.announce(
        PresenceChanged(ADA),
        PresenceChanged(BOB),
        PresenceChanged(ADA),
        PresenceChanged(BOB),
        PresenceChanged(ADA),
    )
    assert it.heard("eve-1") == [presence([ADA], [BOB], 2)]


def test_a_person_is_announced_by_the_newest_name(house: Open) -> None:
    it = house(tab(ADA, 1), tab(ADA, 2, name="Lady Ada"))
    it.announce(PresenceChanged(ADA))
    assert it.heard("ada-1") == [presence([Person("ada", "Lady Ada")], [], 1)]


def test_an_expired_member_is_not_present_and_is_disconnected(house: Open) -> None:
    it = house(tab(ADA, expired=True), tab(EVE))
    it.announce(PresenceChanged(EVE))
    assert it.heard("eve-1") == [presence([EVE], [], 1)]
    assert it.sockets.closed == ["ada-1"]
    assert it.signals.told == [("general", ADA)]  # who has left, the next announcement says


def test_a_member_found_gone_is_pruned_and_signaled(house: Open) -> None:
    it = house(tab(ADA), tab(EVE))
    it.gateway.gone = {"ada-1"}
    assert it.announce(PresenceChanged(EVE)) == Counts(2, delivered=1, gone=1)
    assert (it.connections.forgotten, it.signals.told) == ([("general", "ada-1")], [("general", ADA)])


def test_the_last_leave_is_posted_to_nobody(house: Open) -> None:
    assert house().announce(PresenceChanged(ADA)) == Counts()


# Who types


def test_typing_is_announced_to_the_others_only_on_every_tab(house: Open) -> None:
    it = house(tab(ADA, 1), tab(ADA, 2), tab(EVE))
    it.announce(Typing(ADA))
    typing = {"type": "typing", "room": "general", "user": "ada", "name": "Ada"}
    assert [it.heard(each) for each in ("ada-1", "ada-2", "eve-1")] == [[], [], [typing]]


def test_two_people_who_type_each_get_one_frame(house: Open) -> None:
    it = house(tab(ADA), tab(EVE), tab(BOB))
    it.announce(Typing(ADA), Typing(EVE), Typing(ADA))
    typists = {each: [frame["user"] for frame in it.heard(each)] for each in ("ada-1", "eve-1", "bob-1")}
    assert typists == {"ada-1": ["eve"], "eve-1": ["ada"], "bob-1": ["ada", "eve"]}


def test_a_person_who_has_left_is_not_shown_as_typing(house: Open) -> None:
    it = house(tab(EVE))
    assert it.announce(Typing(ADA)) == Counts()


# What moderators do


def test_notices_reach_everybody_in_the_order_of_the_acts(house: Open) -> None:
    opened = frames.moderated("general", "close", "Ada", closed=False)
    it = house(tab(ADA), tab(EVE))
    it.announce(Notice(CLOSED, "1"), Notice(opened, "2"), Notice(CLOSED, "3"))
    for each in ("ada-1", "eve-1"):
        assert [frame["closed"] for frame in it.heard(each)] == [True, False, True]


def test_a_plain_client_gets_no_signal(house: Open) -> None:
    it = house(tab(ADA, 1, "plain"), tab(EVE))
    counts = it.announce(PresenceChanged(ADA), Typing(EVE), Notice(CLOSED, "1"))
    assert counts == Counts(1, delivered=1)
    assert it.gateway.frames["ada-1"] == []


# Crowds and large rooms


def crowd(number: int) -> list[Member]:
    return [tab(Person(f"u{each}", "Ada")) for each in range(number)]


def test_up_to_200_members_presence_is_announced_and_above_it_is_not(house: Open) -> None:
    signals = (PresenceChanged(Person("u7", "Ada")), Typing(Person("u7", "Ada")), Notice(CLOSED, "1"))
    few = house(*crowd(MAX_LISTED_MEMBERS))
    assert few.announce(*signals) == Counts(200, delivered=200)
    assert [frame["type"] for frame in few.heard("u5-1")] == ["presence", "moderated", "typing"]
    assert few.signals.crowds == []
    many = house(*crowd(MAX_LISTED_MEMBERS + 1))
    assert many.announce(*signals) == Counts(201, delivered=201)
    assert [frame["type"] for frame in many.heard("u5-1")] == ["moderated"]
    assert many.signals.crowds == ["general"]


def test_presence_is_suppressed_only_after_a_presence_signal(house: Open) -> None:
    it = house(*crowd(MAX_LISTED_MEMBERS + 1))
    assert it.announce(Typing(Person("u7", "Ada"))) == Counts()
    assert (it.gateway.posts, it.signals.crowds) == ([], [])


def test_a_notice_reaches_all_pages_of_a_room_but_no_plain_client(house: Open) -> None:
    it = house(general=[crowd(300), [tab(EVE), tab(BOB, 1, "plain")]])
    assert it.announce(Notice(CLOSED, "1")) == Counts(301, delivered=301)
    assert len(it.heard("eve-1")) == 1
    assert it.heard("bob-1") == []


def test_each_slice_of_a_large_room_gets_a_task_per_notice(house: Open) -> None:
    it = house(*crowd(MAX_LISTED_MEMBERS + 1))
    it.log.large = {"general": 3}
    first, second = Notice(CLOSED, "1"), Notice(CLOSED, "2")
    assert it.announce(first, second, PresenceChanged(ADA)) is None
    assert it.gateway.posts == []
    assert it.slice_queue.enqueued == [
        SliceTask(Slice("general", number, 3), 0, 0, notice=notice)
        for notice in (first, second)
        for number in range(3)
    ]


def test_a_large_room_that_is_almost_empty_gets_notices_at_once(house: Open) -> None:
    it = house(tab(ADA))
    it.log.large = {"general": 3}
    it.announce(Notice(CLOSED, "1"))
    assert (len(it.heard("ada-1")), it.slice_queue.enqueued) == (1, [])


# Several rooms


def test_a_room_that_fails_does_not_stop_another(house: Open) -> None:
    it = house(a=[[tab(ADA)]], b=[[tab(EVE)]])
    read = it.members._read

    async def fails_once(number: int) -> None:
        it.members._read = read  # type: ignore[method-assign]
        raise ReadFailed("status 500")

    it.members._read = fails_once  # type: ignore[method-assign]
    results = it.announce_all({"a": [PresenceChanged(ADA)], "b": [PresenceChanged(EVE)]})
    assert isinstance(results["a"], ReadFailed)
    assert results["b"] == Counts(1, delivered=1)
    assert it.heard("eve-1")[0]["room"] == "b"


def test_no_signals_are_no_error(house: Open) -> None:
    assert house().announce_all({}) == {}
