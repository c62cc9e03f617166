"""DynamoDB capacity units per message, change and connection, counted from the chat's own calls."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from bench.deployed import HISTORY_DAYS
from bench.fakes.account import fake_account
from bench.fakes.meter import Meter, Units
from bench.fakes.table_server import Room
from bench.peers.engine import REGION, message
from bench.report.report import Goal, Report
from bench.worker import CREDENTIALS
from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.identity.grants import EVERY_ROOM, Grants
from chat.identity.identity import Identity
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol import frames
from chat.protocol.messages import Message
from chat.storage import dynamodb, keys
from chat.storage.connections import Connection, Connections
from chat.storage.items import from_head
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import PAGE
from chat.storage.people.marks import Marks, marks_of
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

CONNECTIONS, MESSAGES = "connections", "messages"
ADA = Connection("aBcDeFgHoAMCJ9w=", Identity("0123456789abcdef", "Ada", "v1"), 0)


@dataclass(frozen=True, slots=True)
class MessageUnits:
    """What a message of some 50 characters or a change of it takes: sending it, and repairing its run."""

    sending: Units
    repair: Units

    @property
    def writes(self) -> float:
        return self.sending.writes + self.repair.writes

    @property
    def reads(self) -> float:
        return self.sending.reads + self.repair.reads


@dataclass(frozen=True, slots=True)
class Plan:
    room_sizes: tuple[int, ...]  # members, the smallest first


FULL = Plan((10, 100, 1_000, 10_000))
QUICK = Plan((10,))


def run(plan: Plan = FULL) -> Report:
    report = Report("capacity-units: DynamoDB units, strongly consistent reads")
    sent = of_message()
    requests = {"send": sent.sending, "repair, before the broadcast": sent.repair, **of_connection()}
    requests |= of_subscriptions()
    for request, units in requests.items():
        report.add(
            request=request,
            write_units=units.writes,
            read_units=units.reads,
            calls=", ".join(units.calls),
        )
    changes = of_changes()
    for kind, change in changes.items():
        calls = [*change.sending.calls, *change.repair.calls]
        report.add(request=kind, write_units=change.writes, read_units=change.reads, calls=", ".join(calls))
    for size in plan.room_sizes:
        report.add(members=size, read_units=of_members(size))
    reads = sent.reads + of_members(plan.room_sizes[0])
    followed = of_followed_message()
    report.goals += [
        # The author's mark is one of them.
        Goal("write units per message of up to 1 KB in a followed room", followed.writes, 6, 6, counted=True),
        Goal("read units per page of 50 rooms", of_rooms(50).reads, 30, 28, counted=True),
        Goal("write units per message of up to 1 KB", sent.writes, 5, 4, counted=True),
        Goal("write units per edit", changes["edit"].writes, 7, 6, counted=True),
        Goal("write units per reaction", changes["react"].writes, 7, 7, counted=True),
        Goal("read units per message in a room of 10", reads, 4, 4, counted=True),
    ]
    return report


def of_message() -> MessageUnits:
    with _tables() as (client, meter):
        connections = Connections(client, CONNECTIONS)
        log = Log(client, MESSAGES, HISTORY_DAYS, RoomRules(client, MESSAGES))
        connections.add(ADA, ["general"])
        entry = message(1)
        assert entry.message is not None
        meter.take()
        connections.charge(ADA.id, "general")
        log.append("general", entry.message)
        sending = meter.take()
        LogRepair(client, MESSAGES, HISTORY_DAYS).repair("general", [entry])
        return MessageUnits(sending, repair=meter.take())


def of_followed_message(mentions: int = 0) -> MessageUnits:
    """The same in a room that its author follows, with the count of its run and all marks.

    It mentions so many users, each by a user id of 20 characters; the first half of them have subscribed.
    """
    users = [f"{number:020x}" for number in range(mentions)]
    with _tables() as (client, meter):
        requests = _Requests(client, meter)
        requests.connect("general")
        for user in [ADA.identity.user, *users[: (mentions + 1) // 2]]:
            requests.follow("general", user)
        meter.take()
        frame = {"ref": "r1", "room": "general", "message": "Hi everybody", "mentions": users}
        sending = requests.ask(action="send", **frame)
        return MessageUnits(sending, repair=requests.fan_out("general"))


def of_subscriptions() -> dict[str, Units]:
    """Return the units of each request about a person's rooms, by request."""
    with _tables() as (client, meter):
        requests = _Requests(client, meter)
        requests.connect("general")
        requests.send_as("bob", "r", "general")
        meter.take()
        found = {
            "subscribe, as the first": requests.ask(action="subscribe", room="general"),
            "subscribe again": requests.ask(action="subscribe", room="general"),
        }
        for number in range(5):
            requests.send_as("bob", f"r{number}", "general")
            requests.fan_out("general")
        found |= {"read": requests.ask(action="read", room="general", seq=6)}
        found |= {"unsubscribe": requests.ask(action="unsubscribe", room="general")}
    return found | {f"a page of {size} rooms": of_rooms(size) for size in (50, 100)}


def of_rooms(size: int) -> Units:
    """Return the units of a page of rooms, each with some 50 characters of its newest message."""
    with followed_rooms(size) as (client, meter, _):
        requests = _Requests(client, meter)
        return requests.ask(action="rooms", limit=size)


@contextmanager
def followed_rooms(size: int) -> Iterator[tuple[Any, Meter, str]]:
    """Yield a client, its meter and a user that has subscribed to so many rooms with a message."""
    with _tables() as (client, meter):
        requests = _Requests(client, meter)
        requests.connect("general")
        for number in range(size):
            room = f"{number:03}-a-room-of-some-length"
            requests.follow(room)
            requests.send_as("bob", "r1", room)
            requests.fan_out(room)
        yield client, meter, ADA.identity.user


def of_changes() -> dict[str, MessageUnits]:
    """Return the units of each kind of change of a message, with the fold, by kind."""
    with _tables() as (client, meter):
        requests = _Requests(client, meter)
        requests.connect("general")
        requests.ask(action="send", ref="r1", room="general", message="Hi everybody")
        changed = {"room": "general", "seq": 1}
        return {
            "edit": requests.change(action="edit", message="Hi all", **changed),
            "react": requests.change(action="react", reaction="👍", **changed),
            "take the reaction back": requests.change(action="react", reaction="👍", on=False, **changed),
            "delete": requests.change(action="delete", **changed),
            "a page with the message and its changes": MessageUnits(
                requests.ask(action="history", room="general", after=0), Units()
            ),
        }


def of_connection() -> dict[str, Units]:
    """Return the units of a connection's other requests, by request; without those of the fan-out."""
    with _tables() as (client, meter):
        requests = _Requests(client, meter)
        return {
            "connect, with a room": requests.connect("general"),
            "join a room": requests.ask(action="join", room="news"),
            "join it again": requests.ask(action="join", room="news", after=0),
            "leave it": requests.ask(action="leave", room="news"),
            "a page of an empty history": requests.ask(action="history", room="general", after=0),
            "ping, with a room": requests.ask(action="ping", rooms=["general"]),
            "presence": requests.ask(action="presence", room="general"),
            "typing": requests.ask(action="typing", room="general"),
            "disconnect, from a room": requests.disconnect(),
        }


class _Requests:
    """One connection's requests, as the functions handle them; each method returns the units it took."""

    def __init__(self, client: Any, meter: Meter) -> None:
        self._client, self._meter = client, meter
        connections = Connections(client, CONNECTIONS)
        rules, signals = RoomRules(client, MESSAGES), Signals(client, MESSAGES)
        self._membership = Membership(connections, rules, signals)
        log = Log(client, MESSAGES, HISTORY_DAYS, rules)
        no_sockets: Any = None  # nothing is moderated
        subscriptions = Subscriptions(client, MESSAGES)
        moderation = Moderation(self._membership, rules, signals, subscriptions, no_sockets)
        self._chat = Context(
            connections,
            log,
            rules,
            signals,
            self._membership,
            moderation,
            subscriptions,
            Summaries(client, MESSAGES),
        )
        self._sender = Sender(ADA.id, ADA.identity, "general")
        self._repair = LogRepair(client, MESSAGES, HISTORY_DAYS)
        self._changes = 0

    def connect(self, room: str) -> Units:
        self._membership.connect(ADA, [room], Grants.parse(EVERY_ROOM))
        return self._meter.take()

    def ask(self, **frame: Any) -> Units:
        dispatch(self._chat, self._sender, frames.parse(json.dumps(frame)))
        return self._meter.take()

    def change(self, **frame: Any) -> MessageUnits:
        self._changes += 1
        sending = self.ask(**frame, ref=f"c{self._changes}")
        return MessageUnits(sending, repair=self.fan_out(frame["room"]))

    def follow(self, room: str, user: str = ADA.identity.user) -> None:
        """Subscribe without the connection's rate, which takes ten per second."""
        self._chat.subscriptions.subscribe(user, room, None)

    def send_as(self, user: str, ref: str, room: str) -> None:
        """Store a message of somebody else."""
        text = "There you are, I have looked for you everywhere."
        message = Message(ref, user, "Bob", text, None, "2026-11-24T06:20:01.123Z")
        self._chat.log.append(room, message)

    def fan_out(self, room: str) -> Units:
        """Repair and count the newest entry of a room, as the fan-out does."""
        found = from_head(self._client.get_item(TableName=MESSAGES, Key=keys.head(room))["Item"])
        assert found is not None
        self._meter.take()  # the stream brings the head for nothing
        repaired = self._repair.repair(room, [found[1]])
        if repaired.followed is not None:
            count = self._chat.summaries.count(room, repaired.followed, repaired.entries)
            assert count is not None
            for mark in marks_of(repaired.entries, count, repaired.followed):
                Marks(self._client, MESSAGES).write(room, mark)
        return self._meter.take()

    def disconnect(self) -> Units:
        assert self._membership.disconnect(ADA.id) is not None
        return self._meter.take()


def of_members(size: int) -> float:
    """Return the read units for all members of a room, read in the fan-out's pages, strongly consistent."""
    query = {"ExpressionAttributeValues": {}, "ConsistentRead": True, "Limit": PAGE}
    full_pages, rest = divmod(size, PAGE)
    units = full_pages * Room("general", PAGE).query(query)[1] if full_pages else 0.0
    return units + (Room("general", rest).query(query)[1] if rest else 0.0)


@contextmanager
def _tables() -> Iterator[tuple[Any, Meter]]:
    os.environ |= CREDENTIALS
    with fake_account():
        plain = boto3.client("dynamodb", region_name=REGION)
        for table in (CONNECTIONS, MESSAGES):
            plain.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        client = dynamodb.client()
        yield client, Meter(client, plain)
