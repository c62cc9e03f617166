"""Coming and going: the table, the check of bans and the signal, each time together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from chat.identity.grants import EVERY_ROOM, Grants
from chat.identity.identity import Identity, Person
from chat.membership import Membership
from chat.protocol.errors import Forbidden, NotConnected
from chat.storage.connections import Connection, Connections, Limits, TooManyConnections
from chat.storage.members import Member
from chat.storage.rules import RoomRules
from chat.storage.signals import PresenceChanged, Signals
from tests.support.fakes.stream import Stream

ADA, PERSON = Identity("u1", "Ada", "v1"), Person("u1", "Ada")
EVERYWHERE = Grants.parse(EVERY_ROOM)


class Chat:
    """A membership on real tables, with the signals that it wrote."""

    def __init__(self, dynamodb: Any, stream: Stream) -> None:
        self.connections = Connections(dynamodb, "ConnectionsTable", limits=Limits(connections=3))
        self.rules = RoomRules(dynamodb, "MessagesTable")
        self.membership = Membership(self.connections, self.rules, Signals(dynamodb, "MessagesTable"))
        self._stream = stream

    def connect(self, connection_id: str, *rooms: str, grants: Grants = EVERYWHERE) -> None:
        self.membership.connect(Connection(connection_id, ADA, 0), rooms, grants)

    def ban(self, room: str) -> None:
        until = int(time.time()) + 60
        self.rules.change(room, lambda rules: replace(rules, banned={"u1": until}))
        self.signaled()

    def signaled(self) -> list[str]:
        """The rooms with a signal of Ada's since the last call."""
        signals = self._stream.signals()
        assert all(signal == PresenceChanged(PERSON) for _, signal in signals)
        return [room for room, _ in signals]


@pytest.fixture
def chat(dynamodb: Any, stream: Stream) -> Chat:
    return Chat(dynamodb, stream)


def test_a_connect_is_signaled_to_each_room(chat: Chat) -> None:
    chat.connect("c1", "general", "news")
    assert chat.connections.rooms("c1") == {"general", "news"}
    assert sorted(chat.signaled()) == ["general", "news"]


def test_a_connect_without_a_grant_for_each_room_stores_nothing(chat: Chat) -> None:
    with pytest.raises(Forbidden):
        chat.connect("c1", "general", "news", grants=Grants.parse("general"))
    with pytest.raises(NotConnected):
        chat.connections.rooms("c1")
    assert chat.signaled() == []


def test_a_banned_user_can_neither_connect_nor_join(chat: Chat) -> None:
    chat.ban("general")
    with pytest.raises(Forbidden):
        chat.connect("c1", "general")
    chat.connect("c2", "news")
    chat.signaled()
    with pytest.raises(Forbidden):
        chat.membership.join("c2", PERSON, "general")
    assert chat.connections.rooms("c2") == {"news"}
    assert chat.signaled() == []


def test_a_user_with_too_many_connections_is_not_signaled(chat: Chat) -> None:
    for number in range(3):
        chat.connect(f"c{number}", "general")
    chat.signaled()
    with pytest.raises(TooManyConnections):
        chat.connect("c3", "general")
    assert chat.signaled() == []


def test_a_join_and_a_leave_are_signaled_only_if_they_change_something(chat: Chat) -> None:
    chat.connect("c1")
    for _ in range(2):
        chat.membership.join("c1", PERSON, "general")
    assert chat.signaled() == ["general"]
    for _ in range(2):
        chat.membership.leave("c1", PERSON, "general")
    assert chat.signaled() == ["general"]


def test_a_disconnect_is_signaled_to_each_room_once(chat: Chat) -> None:
    chat.connect("c1", "general", "news")
    chat.signaled()
    closed = chat.membership.disconnect("c1")
    assert closed is not None and closed.rooms == {"general", "news"}
    assert sorted(chat.signaled()) == ["general", "news"]
    assert chat.membership.disconnect("c1") is None
    assert chat.signaled() == []


def test_remove_ends_all_memberships_of_a_user_in_one_room(chat: Chat) -> None:
    chat.connect("c1", "general", "news")
    chat.connect("c2", "general")
    chat.connect("c3", "news")
    chat.signaled()
    still_members: list[tuple[str, bool]] = []

    def notify(member: Member) -> None:
        rooms = chat.connections.rooms(member.connection_id)
        still_members.append((member.connection_id, "general" in rooms))

    chat.membership.remove("u1", "general", notify)
    assert sorted(still_members) == [("c1", True), ("c2", True)]
    assert [chat.connections.rooms(each) for each in ("c1", "c2", "c3")] == [{"news"}, set(), {"news"}]
    assert chat.signaled() == ["general", "general"]


def test_prune_ends_dead_connections_in_all_their_rooms(chat: Chat) -> None:
    chat.connect("c1", "general", "news")
    chat.signaled()
    chat.membership.prune("general", [Member("c1", "v1", 0, "u1", "Ada")])
    assert sorted(chat.signaled()) == ["general", "news"]
    with pytest.raises(NotConnected):
        chat.connections.rooms("c1")
