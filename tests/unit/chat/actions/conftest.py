"""A chat on real tables, with Ada as a member of two rooms; and shortcuts for frames and replies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.identity.identity import Identity
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol.errors import (
    ChatError,
)
from chat.protocol.frames import parse
from chat.protocol.messages import Message
from chat.storage.connections import Connection, Connections, Limits
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from chat.storage.signals import Notice, Signals
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.stream import Stream

ADA = Identity("u1", "Ada", "v1")
SENDER = Sender("c1", ADA, "general")
EVE = Identity("u2", "Eve", "v1")
EVES = Sender("c2", EVE, "general")
GRACE = Identity("u3", "Grace", "v1")
MODERATOR = Sender("c3", GRACE, "general", moderator=True)

# The rate and the number of connections are tested with the connections table.
MANY = Limits(connections=1_000, rate=Rate(10_000, 10_000))


def chat_on(dynamodb: Any, sockets: Any = None, limits: Limits = MANY) -> Context:
    connections = Connections(dynamodb, "ConnectionsTable", limits=limits)
    rules, signals = RoomRules(dynamodb, "MessagesTable"), Signals(dynamodb, "MessagesTable")
    log = Log(dynamodb, "MessagesTable", 90, rules, rate=Rate(1_000, 1_000))
    membership = Membership(connections, rules, signals)
    subscriptions = Subscriptions(dynamodb, "MessagesTable")
    moderation = Moderation(membership, rules, signals, subscriptions, lambda: sockets)
    return Context(
        connections,
        log,
        rules,
        signals,
        membership,
        moderation,
        subscriptions,
        Summaries(dynamodb, "MessagesTable"),
    )


@pytest.fixture
def sockets() -> FakeManagementClient:
    return FakeManagementClient()


@pytest.fixture
def chat(dynamodb: Any, sockets: FakeManagementClient) -> Context:
    chat = chat_on(dynamodb, sockets)
    chat.connections.add(Connection("c1", ADA, 0), ["general", "news"])
    return chat


def reply_to(chat: Context, sender: Sender = SENDER, /, **frame: Any) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(dispatch(chat, sender, parse(json.dumps(frame))))
    return reply


def error_of(chat: Context, sender: Sender = SENDER, /, **frame: Any) -> ChatError:
    with pytest.raises(ChatError) as error:
        dispatch(chat, sender, parse(json.dumps(frame)))
    return error.value


@pytest.fixture
def three(chat: Context) -> Context:
    """Ada, Eve and Grace, who is a moderator, in one room."""
    chat.connections.add(Connection("c2", EVE, 0), ["general"])
    chat.connections.add(Connection("c3", GRACE, 0), ["general"])
    return chat


def send_messages(chat: Context, number: int, room: str = "general", text: str = "Hi") -> None:
    for each in range(1, number + 1):
        reply_to(chat, action="send", ref=f"{room}-{each}", room=room, message=text)


def seqs(reply: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in reply["messages"]]


FRAMES: dict[str, dict[str, Any]] = {
    "onMessage": {"message": "Hi"},
    "send": {"ref": "r1", "message": "Hi"},
    "join": {},
    "history": {"after": 0},
    "presence": {},
    "typing": {},
    "edit": {"ref": "c1", "seq": 1, "message": "Ho"},
    "delete": {"ref": "c1", "seq": 1},
    "react": {"ref": "c1", "seq": 1, "reaction": "👍"},
    "reactions": {"seq": 1},
    "subscribe": {},
    "ban": {"user": "u2", "seconds": 60},
    "mute": {"user": "u2", "seconds": 60},
    "slow_mode": {"seconds": 60},
    "lock": {},
}

EVE_SAID = Message("e1", "u2", "Eve", "Hi", None, "2026-11-24T06:20:01.123Z")


def notices(stream: Stream) -> list[dict[str, Any]]:
    return [json.loads(signal.frame) for _, signal in stream.signals() if isinstance(signal, Notice)]


@pytest.fixture
def said(three: Context) -> Context:
    """Ada's message 1 and Eve's message 2."""
    reply_to(three, action="send", ref="r1", room="general", message="teh", data={"a": 1})
    reply_to(three, EVES, action="send", ref="r2", room="general", message="Ho")
    return three


def change(chat: Context, action: str, sender: Sender = SENDER, **fields: Any) -> dict[str, Any]:
    return reply_to(chat, sender, **{"action": action, "room": "general"} | FRAMES[action] | fields)


def fold(dynamodb: Any, stream: Stream) -> None:
    """Do what the fan-out does with what was committed."""
    for room, run in stream.batch().items():
        LogRepair(dynamodb, "MessagesTable", 90).repair(room, run)


def history(chat: Context, after: int = 0) -> dict[str, Any]:
    return reply_to(chat, action="history", room="general", after=after)
