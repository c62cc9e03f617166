"""Rooms that people follow, with the functions that write: each can die after any of its calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.delivery.unread import Unread
from chat.identity.identity import Identity, Person
from chat.membership import Membership
from chat.protocol.frames import parse
from chat.protocol.messages import Entry
from chat.storage.connections import Connection, Connections, Limits
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.people.marks import Marks
from chat.storage.people.place import Place
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries, Summary
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from tests.support.fakes.clock import Clock
from tests.support.fakes.mortal_dynamodb import Killed, MortalDynamoDB
from tests.support.fakes.stream import Stream

CONNECTIONS, MESSAGES = "ConnectionsTable", "MessagesTable"
ROOM = "general"
USERS = ("ada", "bob", "eve")


class FanOut:
    """An instance of the fan-out function, without its posts."""

    def __init__(self, dynamodb: Any, dies_after: int | None = None) -> None:
        self._client = MortalDynamoDB(dynamodb, dies_after)
        self._log = LogRepair(self._client, MESSAGES, 90)
        self._unread = Unread(Summaries(self._client, MESSAGES), Marks(self._client, MESSAGES))

    def run(self, run: Sequence[Entry]) -> list[str]:
        """Return what it asked of DynamoDB."""
        before = len(self._client.calls)
        if run:
            asyncio.run(self._unread.update(ROOM, self._log.repair(ROOM, run)))
        return self._client.calls[before:]


class World:
    """A room with the connections of Ada, Bob and Eve, and the functions that serve them."""

    def __init__(self, dynamodb: Any, stream: Stream) -> None:
        self.dynamodb = dynamodb
        self._stream = stream
        self.clock = Clock(1_795_501_200.0)
        self.subscriptions = Subscriptions(dynamodb, MESSAGES, self.clock)
        fast = Rate(100_000, 100_000)
        connections = Connections(dynamodb, CONNECTIONS, limits=Limits(rate=fast))
        for user in USERS:
            connections.add(Connection(user, Identity(user, user.title(), "v1"), 0), [ROOM])
        rules, signals = RoomRules(dynamodb, MESSAGES), Signals(dynamodb, MESSAGES)
        log = Log(dynamodb, MESSAGES, 90, rules, rate=fast)
        membership = Membership(connections, rules, signals)
        nobody_moderates: Any = None
        self._chat = Context(
            connections,
            log,
            rules,
            signals,
            membership,
            nobody_moderates,
            self.subscriptions,
            Summaries(dynamodb, MESSAGES),
        )
        self._fan_out = FanOut(dynamodb)

    def ask(self, user: str, **frame: Any) -> dict[str, Any]:
        """The message function."""
        sender = Sender(user, Identity(user, user.title(), "v1"), ROOM)
        reply: dict[str, Any] = json.loads(
            dispatch(self._chat, sender, parse(json.dumps({"room": ROOM} | frame)))
        )
        return reply

    def send(self, user: str, ref: str, text: str = "Hi", reply_to: int | None = None) -> int:
        reply = {} if reply_to is None else {"reply_to": reply_to}
        return int(self.ask(user, action="send", ref=ref, message=text, **reply)["seq"])

    def subscribe(self, user: str) -> Place:
        return self.subscriptions.subscribe(user, ROOM, None)

    def read(self, user: str, seq: int) -> Place:
        """Mark a room as read, after the pause between two marks."""
        self.clock.now += 1
        return self.subscriptions.mark(Person(user, user.title()), ROOM, seq)

    def new_entries(self) -> list[Entry]:
        """Return what the stream has brought since the last time."""
        return self._stream.batch().get(ROOM, [])

    def fan_out(self, run: Sequence[Entry] | None = None) -> list[str]:
        """Give a run to the fan-out, by default the new entries; return what it asked of DynamoDB."""
        return self._fan_out.run(self.new_entries() if run is None else run)

    def new_instance(self) -> None:
        """Another instance of the fan-out takes over, which remembers nothing."""
        self._fan_out = FanOut(self.dynamodb)

    def dies(self, run: Sequence[Entry], after: int) -> bool:
        """Give a run to an instance that dies after a call. False if it has ended before that."""
        try:
            FanOut(self.dynamodb, dies_after=after).run(run)
        except Killed:
            return True
        return False

    def summary(self) -> Summary | None:
        return Summaries(self.dynamodb, MESSAGES).read([ROOM]).get(ROOM)

    def place(self, user: str) -> Place | None:
        found, _ = self.subscriptions.page(user, "", 10)
        return Place(found[0], self.summary()) if found else None

    def unread(self, user: str) -> int:
        place = self.place(user)
        assert place is not None
        return place.subscription.unread(place.summary)


@pytest.fixture
def world(dynamodb: Any, stream: Stream) -> World:
    return World(dynamodb, stream)
