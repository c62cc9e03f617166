"""DynamoDB capacity units per message, change and connection, counted from the chat's own calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.deployed import HISTORY_DAYS
from bench.fakes.meter import Meter, Units
from bench.fakes.table_server import Room
from bench.peers.engine import message
from bench.peers.metered_chat import ADA, CONNECTIONS, MESSAGES, MeteredChat, tables
from bench.report.report import Goal, Report
from chat.storage.connections import Connections
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import PAGE
from chat.storage.rules import RoomRules


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
    followed_changes = of_changes(followed=True)
    in_followed = {f"{kind}, in a followed room": units for kind, units in followed_changes.items()}
    for kind, change in (changes | in_followed).items():
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
        *(
            Goal(f"write units, in a followed room, per {kind}", units.writes, 7, 7, counted=True)
            for kind, units in followed_changes.items()
            if units.sending.writes
        ),
        Goal("read units per message in a room of 10", reads, 4, 4, counted=True),
    ]
    return report


def of_message() -> MessageUnits:
    with tables() as (client, meter):
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
    with tables() as (client, meter):
        requests = MeteredChat(client, meter, HISTORY_DAYS)
        requests.connect("general")
        for user in [ADA.identity.user, *users[: (mentions + 1) // 2]]:
            requests.follow("general", user)
        meter.take()
        frame = {"ref": "r1", "room": "general", "message": "Hi everybody", "mentions": users}
        sending = requests.ask(action="send", **frame)
        return MessageUnits(sending, repair=requests.fan_out("general"))


def of_subscriptions() -> dict[str, Units]:
    """Return the units of each request about a person's rooms, by request."""
    with tables() as (client, meter):
        requests = MeteredChat(client, meter, HISTORY_DAYS)
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
        requests = MeteredChat(client, meter, HISTORY_DAYS)
        return requests.ask(action="rooms", limit=size)


@contextmanager
def followed_rooms(size: int) -> Iterator[tuple[Any, Meter, str]]:
    """Yield a client, its meter and a user that has subscribed to so many rooms with a message."""
    with tables() as (client, meter):
        requests = MeteredChat(client, meter, HISTORY_DAYS)
        requests.connect("general")
        for number in range(size):
            room = f"{number:03}-a-room-of-some-length"
            requests.follow(room)
            requests.send_as("bob", "r1", room)
            requests.fan_out(room)
        yield client, meter, ADA.identity.user


def of_changes(*, followed: bool = False) -> dict[str, MessageUnits]:
    """Return the units of each kind of change of a message, with the fold, by kind.

    In a room that somebody follows, the message is the newest one, which the summary shows.
    """
    with tables() as (client, meter):
        requests = MeteredChat(client, meter, HISTORY_DAYS)
        requests.connect("general")
        if followed:
            requests.follow("general", "bob")

        def of(**frame: Any) -> MessageUnits:
            sending = requests.ask(room="general", **frame)
            return MessageUnits(sending, repair=requests.fan_out("general"))

        for seq in (1, 2):
            of(action="send", ref=f"r{seq}", message="Hi everybody")
        return {
            "edit": of(action="edit", ref="c1", seq=2, message="Hi all"),
            "edit an older message": of(action="edit", ref="c2", seq=1, message="Hi all"),
            "react": of(action="react", ref="c3", seq=2, reaction="👍"),
            "take the reaction back": of(action="react", ref="c4", seq=2, reaction="👍", on=False),
            "delete": of(action="delete", ref="c5", seq=2),
            "a page with the messages and their changes": MessageUnits(
                requests.ask(action="history", room="general", after=0), Units()
            ),
            "reply": of(action="send", ref="r3", message="So do I", reply_to=1),
            "the next message": of(action="send", ref="r4", message="There you are"),
        }


def of_connection() -> dict[str, Units]:
    """Return the units of a connection's other requests, by request; without those of the fan-out."""
    with tables() as (client, meter):
        requests = MeteredChat(client, meter, HISTORY_DAYS)
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


def of_members(size: int) -> float:
    """Return the read units for all members of a room, read in the fan-out's pages, strongly consistent."""
    query = {"ExpressionAttributeValues": {}, "ConsistentRead": True, "Limit": PAGE}
    full_pages, rest = divmod(size, PAGE)
    units = full_pages * Room("general", PAGE).query(query)[1] if full_pages else 0.0
    return units + (Room("general", rest).query(query)[1] if rest else 0.0)
