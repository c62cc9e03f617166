"""DynamoDB capacity units per message, change and connection, counted from the chat's own calls."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from bench.deployed import HISTORY_DAYS
from bench.fakes.account import fake_account
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
from chat.storage import dynamodb, keys
from chat.storage.connections import Connection, Connections
from chat.storage.items import from_head
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import PAGE
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

CONNECTIONS, MESSAGES = "connections", "messages"
ADA = Connection("aBcDeFgHoAMCJ9w=", Identity("0123456789abcdef", "Ada", "v1"), 0)
_WRITE, _READ = 1024, 4096  # bytes per unit


@dataclass(slots=True)
class Units:
    writes: float = 0.0
    reads: float = 0.0
    calls: list[str] = field(default_factory=list)


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
    report.goals += [
        Goal("write units per message of up to 1 KB", sent.writes, 5, 4, counted=True),
        Goal("write units per edit", changes["edit"].writes, 7, 5, counted=True),
        Goal("write units per reaction", changes["react"].writes, 7, 6, counted=True),
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

    def __init__(self, client: Any, meter: _Meter) -> None:
        self._client, self._meter = client, meter
        connections = Connections(client, CONNECTIONS)
        rules, signals = RoomRules(client, MESSAGES), Signals(client, MESSAGES)
        self._membership = Membership(connections, rules, signals)
        log = Log(client, MESSAGES, HISTORY_DAYS, rules)
        no_sockets: Any = None  # nothing is moderated
        moderation = Moderation(self._membership, rules, signals, no_sockets)
        self._chat = Context(connections, log, rules, signals, self._membership, moderation)
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
        found = from_head(self._client.get_item(TableName=MESSAGES, Key=keys.head(frame["room"]))["Item"])
        assert found is not None
        self._meter.take()  # the stream brings the head for nothing
        self._repair.repair(frame["room"], [found[1]])
        return MessageUnits(sending, repair=self._meter.take())

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
def _tables() -> Iterator[tuple[Any, _Meter]]:
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
        yield client, _Meter(client, plain)


class _Meter:
    """Count the capacity that a client's calls take, by DynamoDB's rules.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def __init__(self, client: Any, plain: Any) -> None:
        self._uncounted = plain  # another client of the same tables
        self._units = Units()
        client.meta.events.register("before-call.dynamodb", self._begin)
        client.meta.events.register("after-call.dynamodb", self._end)
        self._body: dict[str, Any] = {}

    def take(self) -> Units:
        units, self._units = self._units, Units()
        return units

    def _begin(self, params: dict[str, Any], **_: Any) -> None:
        self._body = json.loads(params["body"])

    def _end(self, model: Any, **_: Any) -> None:
        body = self._body
        self._units.calls.append(model.name)
        match model.name:
            case "PutItem":
                self._units.writes += math.ceil(_size(body["Item"]) / _WRITE)
            case "UpdateItem":
                item = self._item(body["TableName"], body["Key"])
                self._units.writes += math.ceil(_size(item) / _WRITE)
            case "DeleteItem":
                self._units.writes += 1  # an item of up to 1 KB; its size is unknown by now
            case "TransactWriteItems":
                self._units.writes += 2 * len(body["TransactItems"])  # each of up to 1 KB
            case "GetItem":
                self._read(body["TableName"], body["Key"])
            case "Query":
                self._units.reads += 1  # up to 4 KB, strongly consistent
            case "BatchGetItem":
                for table, request in body["RequestItems"].items():
                    for key in request["Keys"]:
                        self._read(table, key)
            case other:
                raise NotImplementedError(other)

    def _read(self, table: str, key: dict[str, Any]) -> None:
        self._units.reads += max(1, math.ceil(_size(self._item(table, key)) / _READ))  # 1 if there is no item

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._uncounted.get_item(TableName=table, Key=key).get("Item", {})
        return found


def _size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.strip("-0.")) / 2) + 1
        case "SS":
            return sum(len(text.encode()) for text in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(part) for name, part in content.items())
        case "L":
            return 3 + sum(1 + _value_size(part) for part in content)
    return 1
