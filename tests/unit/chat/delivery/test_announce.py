"""Announcements: presence, typing, read receipts and the notices of moderators.

Over 300 lines, because one announcer posts all of them, and the tests share its fakes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from apigateway.poster import Poster
from chat.delivery.announce import Announcer
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.slice_queue import SliceTask
from chat.identity.identity import Person, Protocol
from chat.membership import Membership
from chat.protocol import frames
from chat.protocol.timestamps import iso
from chat.storage.member_reader import PAGE, MemberPage, ReadFailed
from chat.storage.members import MAX_LISTED_MEMBERS, Member, Slice
from chat.storage.signals import Notice, PresenceChanged, ReadReceipt, Signal, Typing
from tests.support.fakes.connections import FakeConnections
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.log import FakeLog
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.member_reader import FakeMembers
from tests.support.fakes.signals import FakeSignals
from tests.support.fakes.slice_queue import FakeSliceQueue

NOW = 1_795_500_000.0
ADA, EVE, BOB = Person("ada", "Ada"), Person("eve", "Eve"), Person("bob", "Bob")
LOCKED = frames.moderated("general", "lock", "Ada", locked=True)


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
    """A reader whose first page has up to `limit` members."""

    async def page(self, room: str, *, limit: int = PAGE) -> MemberPage:
        page = await super().page(room, limit=limit)
        return page if len(page.members) <= limit else MemberPage(page.members[:limit], {"sk": {"S": "8000"}})


class Chat:
    """An announcer in virtual time, and its fakes."""

    def __init__(self, virtual: asyncio.Runner, rooms: dict[str, Sequence[Sequence[Member]]]) -> None:
        self._runner = virtual
        self.now = NOW
        self.gateway = FakeGateway(latency=0.015)
        self.members = Limited(rooms)
        self.connections, self.signals = FakeConnections(), FakeSignals()
        self.sockets = FakeManagementClient()
        self.log, self.slice_queue = FakeLog(), FakeSliceQueue()
        fakes: dict[str, Any] = {
            "members": self.members,
            "log": self.log,
            "signals": self.signals,
            "slice_queue": self.slice_queue,
        }
        poster = Poster(self.gateway)
        no_rules: Any = None  # nothing joins here
        connections, signals, sockets = (
            cast(Any, fake) for fake in (self.connections, self.signals, self.sockets)
        )
        membership = Membership(connections, no_rules, signals)
        delivery = Delivery(membership, poster, lambda: sockets, now=lambda: NOW)
        self.announcer = Announcer(delivery=delivery, now=lambda: self.now, **fakes)

    def announce(self, *signals: Signal) -> Counts | None:
        return self._runner.run(self.announcer.announce("general", signals))

    def announce_all(self, signals: dict[str, Sequence[Signal]]) -> dict[str, Counts | Exception | None]:
        return self._runner.run(self.announcer.announce_all(signals))

    def frames_to(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.gateway.frames[connection]]


type Open = Callable[..., Chat]


@pytest.fixture
def chat(virtual: asyncio.Runner) -> Open:
    """A room with these members in one page, or several rooms."""
    return lambda *members, **rooms: Chat(virtual, rooms or {"general": [members]})


# Presence


def presence(joined: list[Person], left: list[Person], count: int) -> dict[str, Any]:
    return {
        "type": "presence", "room": "general", "joined": people(*joined), "left": people(*left),
        "count": count,
    }  # fmt: skip


def test_presence_is_read_from_the_members(chat: Open) -> None:
    room = chat(tab(ADA), tab(EVE))
    assert room.announce(PresenceChanged(ADA), PresenceChanged(BOB)) == Counts(2, delivered=2)
    assert room.frames_to("ada-1") == room.frames_to("eve-1") == [presence([ADA], [BOB], 2)]


def test_a_person_with_three_tabs_leaves_with_the_last(virtual: asyncio.Runner) -> None:
    tabs = [tab(ADA, number) for number in (1, 2, 3)]
    received = []
    while tabs:
        tabs.pop()
        room = Chat(virtual, {"general": [[*tabs, tab(EVE)]]})
        room.announce(PresenceChanged(ADA))
        received += room.frames_to("eve-1")
    assert received == [presence([ADA], [], 2), presence([ADA], [], 2), presence([], [ADA], 1)]


def test_a_person_who_joins_and_leaves_within_a_batch_is_announced_once(chat: Open) -> None:
    room = chat(tab(ADA), tab(EVE))
    room.announce(
        PresenceChanged(ADA),
        PresenceChanged(BOB),
        PresenceChanged(ADA),
        PresenceChanged(BOB),
        PresenceChanged(ADA),
    )
    assert room.frames_to("eve-1") == [presence([ADA], [BOB], 2)]


def test_a_person_is_announced_by_the_newest_name(chat: Open) -> None:
    room = chat(tab(ADA, 1), tab(ADA, 2, name="Lady Ada"))
    room.announce(PresenceChanged(ADA))
    assert room.frames_to("ada-1") == [presence([Person("ada", "Lady Ada")], [], 1)]


def test_an_expired_member_is_not_present_and_is_disconnected(chat: Open) -> None:
    room = chat(tab(ADA, expired=True), tab(EVE))
    room.announce(PresenceChanged(EVE))
    assert room.frames_to("eve-1") == [presence([EVE], [], 1)]
    assert room.sockets.closed == ["ada-1"]
    assert room.signals.changed == [("general", ADA)]  # the next announcement says who has left


def test_a_member_found_gone_is_pruned_and_signaled(chat: Open) -> None:
    room = chat(tab(ADA), tab(EVE))
    room.gateway.gone = {"ada-1"}
    assert room.announce(PresenceChanged(EVE)) == Counts(2, delivered=1, gone=1)
    assert (room.connections.pruned, room.signals.changed) == ([("general", "ada-1")], [("general", ADA)])


def test_the_last_leave_is_posted_to_nobody(chat: Open) -> None:
    assert chat().announce(PresenceChanged(ADA)) == Counts()


# Typing


def test_typing_is_announced_to_the_others_only_on_every_tab(chat: Open) -> None:
    room = chat(tab(ADA, 1), tab(ADA, 2), tab(EVE))
    room.announce(Typing(ADA))
    typing = {"type": "typing", "room": "general", "user": "ada", "name": "Ada"}
    assert [room.frames_to(each) for each in ("ada-1", "ada-2", "eve-1")] == [[], [], [typing]]


def test_two_people_who_type_each_get_one_frame(chat: Open) -> None:
    room = chat(tab(ADA), tab(EVE), tab(BOB))
    room.announce(Typing(ADA), Typing(EVE), Typing(ADA))
    typists = {
        each: [frame["user"] for frame in room.frames_to(each)] for each in ("ada-1", "eve-1", "bob-1")
    }
    assert typists == {"ada-1": ["eve"], "eve-1": ["ada"], "bob-1": ["ada", "eve"]}


def test_a_person_who_has_left_is_not_shown_as_typing(chat: Open) -> None:
    room = chat(tab(EVE))
    assert room.announce(Typing(ADA)) == Counts()


# Read receipts


def test_everybody_is_told_once_how_far_each_person_has_read(chat: Open) -> None:
    room = chat(tab(ADA, 1), tab(ADA, 2), tab(EVE))
    room.announce(ReadReceipt(ADA, 7), ReadReceipt(EVE, 5), ReadReceipt(ADA, 9), ReadReceipt(ADA, 8))
    read = {"type": "read", "room": "general"}
    told = [
        read | {"user": "eve", "name": "Eve", "seq": 5},
        read | {"user": "ada", "name": "Ada", "seq": 9},
    ]
    for connection in ("ada-1", "ada-2", "eve-1"):
        assert sorted(room.frames_to(connection), key=lambda frame: frame["seq"]) == told


def test_what_somebody_has_read_who_is_not_in_the_room_is_told_to_nobody(chat: Open) -> None:
    room = chat(tab(EVE), tab(BOB, expired=True))
    room.announce(ReadReceipt(ADA, 7), ReadReceipt(BOB, 7))
    assert room.frames_to("eve-1") == []
    assert [frame["type"] for frame in room.frames_to("bob-1")] == ["disconnect"]  # the token has ended


def test_above_the_presence_limit_a_receipt_costs_a_page_and_no_post(chat: Open) -> None:
    few = chat(*tabs_of(MAX_LISTED_MEMBERS))
    assert few.announce(ReadReceipt(Person("u7", "Ada"), 7)) == Counts(200, delivered=200)
    many = chat(*tabs_of(MAX_LISTED_MEMBERS + 1))
    assert many.announce(ReadReceipt(Person("u7", "Ada"), 7)) == Counts()
    assert (many.gateway.posts, many.signals.suppressed) == ([], [])


# Notices


def test_notices_reach_everybody_in_the_order_of_the_acts(chat: Open) -> None:
    opened = frames.moderated("general", "lock", "Ada", locked=False)
    room = chat(tab(ADA), tab(EVE))
    room.announce(Notice(LOCKED, "1"), Notice(opened, "2"), Notice(LOCKED, "3"))
    for connection in ("ada-1", "eve-1"):
        assert [frame["locked"] for frame in room.frames_to(connection)] == [True, False, True]


def test_a_plain_client_gets_no_signal(chat: Open) -> None:
    room = chat(tab(ADA, 1, "plain"), tab(EVE))
    counts = room.announce(PresenceChanged(ADA), Typing(EVE), ReadReceipt(EVE, 7), Notice(LOCKED, "1"))
    assert counts == Counts(1, delivered=1)
    assert room.gateway.frames["ada-1"] == []


# Rooms above the presence limit, and large rooms


def tabs_of(number: int) -> list[Member]:
    return [tab(Person(f"u{each}", "Ada")) for each in range(number)]


def test_up_to_200_members_presence_is_announced_and_above_it_is_not(chat: Open) -> None:
    signals = (PresenceChanged(Person("u7", "Ada")), Typing(Person("u7", "Ada")), Notice(LOCKED, "1"))
    few = chat(*tabs_of(MAX_LISTED_MEMBERS))
    assert few.announce(*signals) == Counts(200, delivered=200)
    assert [frame["type"] for frame in few.frames_to("u5-1")] == ["presence", "moderated", "typing"]
    assert few.signals.suppressed == []
    many = chat(*tabs_of(MAX_LISTED_MEMBERS + 1))
    assert many.announce(*signals) == Counts(201, delivered=201)
    assert [frame["type"] for frame in many.frames_to("u5-1")] == ["moderated", "presence"]
    assert many.signals.suppressed == ["general"]


def test_a_room_is_told_once_that_it_has_grown_above_the_presence_limit(chat: Open) -> None:
    room = chat(general=[tabs_of(300), [tab(EVE)]])
    change = PresenceChanged(Person("u7", "Ada"))
    assert room.announce(change) == Counts(301, delivered=301)
    assert room.frames_to("u5-1") == [presence([], [], 402) | {"approximate": True}]  # an estimate by hash
    assert room.announce(PresenceChanged(change.person, was_above=True)) == Counts()
    assert room.signals.suppressed == ["general", "general"]


def test_a_room_that_has_shrunk_is_told_its_count_and_may_grow_again(chat: Open) -> None:
    room = chat(tab(ADA), tab(EVE))
    room.announce(PresenceChanged(BOB, was_above=True))
    assert room.frames_to("eve-1") == [presence([], [BOB], 2)]
    assert room.signals.resumed == ["general"]
    room.announce(PresenceChanged(BOB))
    assert room.signals.resumed == ["general"]


def test_presence_is_suppressed_only_after_a_presence_signal(chat: Open) -> None:
    room = chat(*tabs_of(MAX_LISTED_MEMBERS + 1))
    assert room.announce(Typing(Person("u7", "Ada"))) == Counts()
    assert (room.gateway.posts, room.signals.suppressed) == ([], [])


def test_a_notice_reaches_all_pages_of_a_room_but_no_plain_client(chat: Open) -> None:
    room = chat(general=[tabs_of(300), [tab(EVE), tab(BOB, 1, "plain")]])
    assert room.announce(Notice(LOCKED, "1")) == Counts(301, delivered=301)
    assert len(room.frames_to("eve-1")) == 1
    assert room.frames_to("bob-1") == []


def test_each_slice_of_a_large_room_gets_a_task_per_notice(chat: Open) -> None:
    room = chat(*tabs_of(MAX_LISTED_MEMBERS + 1))
    room.log.large = {"general": 3}
    first, second = Notice(LOCKED, "1"), Notice(LOCKED, "2")
    assert room.announce(first, second, PresenceChanged(ADA)) is None
    assert room.gateway.posts == []
    slices, tasks = [Slice("general", number, 3) for number in range(3)], room.slice_queue.enqueued
    assert tasks[:6] == [
        SliceTask(each, 0, 0, notice=notice) for notice in (first, second) for each in slices
    ]
    assert [json.loads(task.notice.frame)["type"] for task in tasks[6:] if task.notice] == ["presence"] * 3


def test_a_large_room_that_is_almost_empty_gets_notices_at_once(chat: Open) -> None:
    room = chat(tab(ADA))
    room.log.large = {"general": 3}
    room.announce(Notice(LOCKED, "1"))
    assert (len(room.frames_to("ada-1")), room.slice_queue.enqueued) == (1, [])


# Several rooms


def test_a_room_that_fails_does_not_stop_another(chat: Open) -> None:
    room = chat(a=[[tab(ADA)]], b=[[tab(EVE)]])
    read = room.members._read

    async def fails_once(number: int) -> None:
        room.members._read = read  # type: ignore[method-assign]
        raise ReadFailed("status 500")

    room.members._read = fails_once  # type: ignore[method-assign]
    results = room.announce_all({"a": [PresenceChanged(ADA)], "b": [PresenceChanged(EVE)]})
    assert isinstance(results["a"], ReadFailed)
    assert results["b"] == Counts(1, delivered=1)
    assert room.frames_to("eve-1")[0]["room"] == "b"


def test_no_signals_are_no_error(chat: Open) -> None:
    assert chat().announce_all({}) == {}


BANNED = frames.moderated(
    "general", "ban", "Ada", user="bob", seconds=600, until=iso(NOW + 570), expires_in=600
)  # half a minute ago


@pytest.mark.parametrize("members", [1, MAX_LISTED_MEMBERS + 1])
def test_a_ban_that_is_posted_late_says_how_many_seconds_remain(chat: Open, members: int) -> None:
    room = chat(*(tab(ADA, number) for number in range(members)))
    for remaining in (570, 1, 0, 0):
        room.announce(Notice(BANNED, str(remaining)))
        frame = room.frames_to("ada-0")[-1]
        assert frame == json.loads(BANNED) | {"expires_in": remaining}
        room.now += 569 if remaining == 570 else 1


def test_the_slices_of_a_large_room_get_the_seconds_that_remain(chat: Open) -> None:
    room = chat(*(tab(ADA, number) for number in range(MAX_LISTED_MEMBERS + 1)))
    room.log.large = {"general": 2}
    assert room.announce(Notice(BANNED, "n1")) is None
    sent = {task.notice for task in room.slice_queue.enqueued}
    assert sent == {Notice(frames.with_expires_in(BANNED, NOW), "n1")}


def test_another_notice_is_posted_as_it_is(chat: Open) -> None:
    assert frames.with_expires_in(LOCKED, NOW) == LOCKED
