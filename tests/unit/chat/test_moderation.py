"""What moderators do, on real tables."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from chat.identity.identity import Identity, Person
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol.errors import Forbidden
from chat.protocol.messages import Message
from chat.storage.connections import Connection, Connections
from chat.storage.log.log import Log
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.rules import RoomRules
from chat.storage.signals import Notice, PresenceChanged, Signals
from tests.support.fakes.clock import Clock
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.stream import Stream

MOD = Person("moderator of the room", "Grace")
EVE = Identity("u#2", "Eve", "v1")
EVE_SEEN = Person("u#2", "Eve")
UNTIL = "2026-11-24T06:21:40Z"  # 100 seconds after the clock's time


class Chat:
    def __init__(self, dynamodb: Any, stream: Stream) -> None:
        self.clock = Clock(1_795_501_200.0)  # 2026-11-24T06:20:00Z
        self.dynamodb, self._stream = dynamodb, stream
        self.connections = Connections(dynamodb, "ConnectionsTable", self.clock)
        self.rules = RoomRules(dynamodb, "MessagesTable", self.clock)
        self.log = Log(dynamodb, "MessagesTable", 90, self.rules, self.clock)
        self.sockets = FakeManagementClient()
        sockets: Any = self.sockets
        signals = Signals(dynamodb, "MessagesTable", self.clock)
        membership = Membership(self.connections, self.rules, signals)
        subscriptions = Subscriptions(dynamodb, "MessagesTable", self.clock)
        self.moderation = Moderation(
            membership, self.rules, signals, subscriptions, lambda: sockets, self.clock
        )

    def connect(self, connection: str, *rooms: str, who: Identity = EVE) -> None:
        self.connections.add(Connection(connection, who, 0), rooms)

    def sends(self, text: str, who: str = "u#2") -> int:
        return self.log.append("general", Message(f"ref of {text}", who, "Eve", text, None, "at")).seq

    def announced(self) -> list[dict[str, Any]]:
        """The notices since the last call."""
        return [
            {**json.loads(signal.frame), "in": room}
            for room, signal in self._stream.signals()
            if isinstance(signal, Notice)
        ]

    def signaled(self) -> list[tuple[str, Person]]:
        """The presence signals since the last call."""
        return [
            (room, signal.person)
            for room, signal in self._stream.signals()
            if isinstance(signal, PresenceChanged)
        ]


@pytest.fixture
def chat(dynamodb: Any, stream: Stream) -> Chat:
    return Chat(dynamodb, stream)


def logged_acts(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The logged acts: moderator, action and user."""
    names = ("action", "moderator", "user", "room", "seq", "until", "seconds", "locked")
    return [
        {name: value for name in names if (value := getattr(record, name, None)) is not None}
        for record in caplog.records
        if record.message == "moderated"
    ]


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


# Banning


def test_a_banned_user_leaves_with_every_connection_and_gets_the_frame_first(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    chat.connect("c1", "general", "news")
    chat.connect("c2", "general")
    chat.connect("c3", "news")
    chat.connect("other", "general", who=Identity("u1", "Ada", "v1"))
    assert chat.moderation.ban(MOD, "general", "u#2", 100) == UNTIL
    frame = {
        "type": "moderated", "room": "general", "action": "ban", "moderator": "Grace", "user": "u#2",
        "seconds": 100, "until": UNTIL, "expires_in": 100,
    }  # fmt: skip
    assert sorted((each, json.loads(text)) for each, text in chat.sockets.posted) == [
        ("c1", frame), ("c2", frame),
    ]  # fmt: skip
    assert chat.connections.rooms("c1") == chat.connections.rooms("c3") == {"news"}
    assert chat.connections.rooms("c2") == frozenset()
    assert chat.connections.rooms("other") == {"general"}
    assert chat.sockets.closed == []  # their other rooms are unaffected
    assert logged_acts(caplog) == [
        {
            "action": "ban",
            "moderator": MOD.user,
            "room": "general",
            "user": "u#2",
            "seconds": 100,
            "until": UNTIL,
        }
    ]


def test_a_banned_plain_client_gets_no_frame(chat: Chat) -> None:
    chat.connect("c1", "general", who=Identity("u#2", "Eve", "plain"))
    chat.moderation.ban(MOD, "general", "u#2", 100)
    assert chat.sockets.posted == []
    assert chat.connections.rooms("c1") == frozenset()


def test_a_ban_is_announced_and_the_leave_is_signaled(chat: Chat) -> None:
    chat.connect("c1", "general")
    chat.moderation.ban(MOD, "general", "u#2", 100)
    records = chat._stream.signals()
    assert [type(signal) for _, signal in records] == [Notice, PresenceChanged]
    assert records[1] == ("general", PresenceChanged(EVE_SEEN))


def test_a_banned_user_cannot_come_back_until_the_end(chat: Chat) -> None:
    chat.moderation.ban(MOD, "general", "u#2", 100)
    with pytest.raises(Forbidden):
        chat.rules.require_not_banned("u#2", ["general"])
    chat.clock.now += 100
    chat.rules.require_not_banned("u#2", ["general"])


def test_a_ban_can_be_ended(chat: Chat) -> None:
    chat.moderation.ban(MOD, "general", "u#2", 3600)
    chat.connect("c1", "news")
    chat.sockets.posted.clear()
    assert chat.moderation.ban(MOD, "general", "u#2", 0) == "2026-11-24T06:20:00Z"
    chat.rules.require_not_banned("u#2", ["general"])
    assert chat.sockets.posted == []
    assert [frame["until"] for frame in chat.announced()] == ["2026-11-24T07:20:00Z", "2026-11-24T06:20:00Z"]


def test_ending_a_ban_removes_nobody(chat: Chat) -> None:
    chat.connect("c1", "general")
    chat.moderation.ban(MOD, "general", "u#2", 0)
    assert chat.connections.rooms("c1") == {"general"}
    assert chat.sockets.posted == []


def test_a_connection_that_closed_meanwhile_does_not_stop_a_ban(chat: Chat) -> None:
    for number in range(5):
        chat.connect(f"c{number}", "general")
    for gone in ("c0", "c2", "c4"):  # without a $disconnect: the user's item still names them
        chat.dynamodb.delete_item(TableName="ConnectionsTable", Key={"pk": f"CONN#{gone}", "sk": "CONN"})
    chat.moderation.ban(MOD, "general", "u#2", 100)
    assert chat.connections.rooms("c1") == chat.connections.rooms("c3") == frozenset()
    assert sorted(each for each, _ in chat.sockets.posted) == ["c1", "c3"]


def test_a_user_who_is_not_connected_can_be_banned(chat: Chat) -> None:
    chat.moderation.ban(MOD, "general", "u#2", 100)
    assert chat.sockets.posted == []
    assert chat.signaled() == []
    with pytest.raises(Forbidden):
        chat.sends("Hi")


# Muting, slow mode and locking


def test_a_muted_user_cannot_post_and_the_mute_is_announced(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    chat.sends("before")
    assert chat.moderation.mute(MOD, "general", "u#2", 100) == UNTIL
    with pytest.raises(Forbidden):
        chat.sends("after")
    chat.sends("I am another", who="u1")
    assert chat.moderation.mute(MOD, "general", "u#2", 0) == "2026-11-24T06:20:00Z"
    chat.sends("at last")
    frame = {"type": "moderated", "room": "general", "action": "mute", "moderator": "Grace", "user": "u#2"}
    assert chat.announced() == [
        {**frame, "seconds": 100, "until": UNTIL, "expires_in": 100, "in": "general"},
        {**frame, "seconds": 0, "until": "2026-11-24T06:20:00Z", "expires_in": 0, "in": "general"},
    ]
    assert [(act["action"], act["moderator"], act["user"]) for act in logged_acts(caplog)] == [
        ("mute", MOD.user, "u#2")
    ] * 2


def test_slow_mode_is_set_and_ended(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.moderation.slow_mode(MOD, "general", 30)
    assert chat.rules.read("general").slow_mode == 30
    chat.moderation.slow_mode(MOD, "general", 0)
    assert chat.rules.read("general").slow_mode == 0
    assert [(frame["action"], frame["seconds"]) for frame in chat.announced()] == [
        ("slow_mode", 30),
        ("slow_mode", 0),
    ]
    assert [act["seconds"] for act in logged_acts(caplog)] == [30, 0]


def test_a_room_is_locked_and_opened_again(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    chat.moderation.lock(MOD, "general", True)
    with pytest.raises(Forbidden):
        chat.sends("Hi")
    chat.moderation.lock(MOD, "general", False)
    chat.sends("Hi")
    assert [(frame["action"], frame["locked"]) for frame in chat.announced()] == [
        ("lock", True),
        ("lock", False),
    ]
    assert [(act["moderator"], act["locked"]) for act in logged_acts(caplog)] == [
        (MOD.user, True),
        (MOD.user, False),
    ]
