"""What the functions ask of DynamoDB for one message, in its units, from the calls of the chat's own code."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto import mock_aws

from bench.fakes.table_server import Room
from bench.peers.engine import REGION, message
from bench.worker import CREDENTIALS
from chat.actions.dispatch import Chat, Sender, act
from chat.identity.identity import Identity
from chat.moderation import Moderation
from chat.protocol import frames
from chat.storage import dynamodb
from chat.storage.connections import Connection, Connections
from chat.storage.log import Log
from chat.storage.rules import RuleBook
from chat.storage.signals import Signals

CONNECTIONS, MESSAGES = "connections", "messages"
ADA = Connection("aBcDeFgHoAMCJ9w=", Identity("0123456789abcdef", "Ada", "v1"), 0)
_WRITE, _READ = 1024, 4096  # bytes a unit


@dataclass(slots=True)
class Units:
    writes: float = 0.0
    reads: float = 0.0
    calls: list[str] = field(default_factory=list)


def of_a_message() -> tuple[Units, Units]:
    """Sending one, and settling it; the text is some 50 characters."""
    with _tables() as (client, meter):
        connections, log = Connections(client, CONNECTIONS), Log(client, MESSAGES, 90)
        connections.open(ADA, ["general"])
        entry = message(1)
        assert entry.message is not None
        meter.take()
        connections.spend(ADA.id, "general")
        log.append("general", entry.message)
        sending = meter.take()
        log.settle("general", [entry])
        return sending, meter.take()


def of_coming_and_going() -> dict[str, Units]:
    """What a connection costs beside what it sends, each in a room of its own; without the fan-out."""
    with _tables() as (client, meter):
        connections, log = Connections(client, CONNECTIONS), Log(client, MESSAGES, 90)
        rules, signals = RuleBook(client, MESSAGES), Signals(client, MESSAGES)
        no_sockets: Any = None  # nobody is moderated
        chat = Chat(
            connections, log, rules, signals, Moderation(connections, log, rules, signals, no_sockets)
        )
        sender = Sender(ADA.id, ADA.identity, "general")

        def asked(**frame: Any) -> Units:
            act(chat, sender, frames.parse(json.dumps(frame)))
            return meter.take()

        def connect() -> Units:
            rules.admit(ADA.identity.user, ["general"])
            connections.open(ADA, ["general"])
            rules.admit(ADA.identity.user, ["general"])
            signals.moved("general", sender.person)
            return meter.take()

        def disconnect() -> Units:
            closed = connections.close(ADA.id)
            assert closed is not None
            for room in sorted(closed.rooms):
                signals.moved(room, closed.person)
            return meter.take()

        found = {"connect, with a room": connect(), "join a room": asked(action="join", room="news")}
        found["join it again"] = asked(action="join", room="news", after=0)
        found["leave it"] = asked(action="leave", room="news")
        found["a page of an empty history"] = asked(action="history", room="general", after=0)
        found["ping, with a room"] = asked(action="ping", rooms=["general"])
        found["who is there"] = asked(action="presence", room="general")
        found["typing"] = asked(action="typing", room="general")
        found["disconnect, from a room"] = disconnect()
        return found


@contextmanager
def _tables() -> Iterator[tuple[Any, _Meter]]:
    os.environ |= CREDENTIALS  # moto's own would come without a Region
    with mock_aws():
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


def of_members(size: int) -> float:
    """Read units for all members of a room, in pages of 1,000, strongly consistent."""
    page = {
        "ExpressionAttributeValues": {},
        "ConsistentRead": True,
        "Limit": 1_000,
    }
    whole, rest = divmod(size, 1_000)
    units = whole * Room("general", 1_000).query(page)[1] if whole else 0.0
    return units + (Room("general", rest).query(page)[1] if rest else 0.0)


class _Meter:
    """Counts the capacity of a client's calls by DynamoDB's rules.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def __init__(self, client: Any, plain: Any) -> None:
        self._plain = plain  # a client that is not counted
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
                self._units.writes += 1  # of an item of up to 1 KB, which has gone by now
            case "TransactWriteItems":
                self._units.writes += 2 * len(body["TransactItems"])  # each of up to 1 KB
            case "GetItem":
                self._read(body["TableName"], body["Key"])
            case "Query":
                self._units.reads += 1  # up to 4 KB, strongly consistent
            case "BatchGetItem":
                for table, asked in body["RequestItems"].items():
                    for key in asked["Keys"]:
                        self._read(table, key)
            case other:
                raise NotImplementedError(other)

    def _read(self, table: str, key: dict[str, Any]) -> None:
        self._units.reads += max(1, math.ceil(_size(self._item(table, key)) / _READ))  # one for nothing, too

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self._plain.get_item(TableName=table, Key=key).get("Item", {})
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
            return sum(len(each.encode()) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(each) for name, each in content.items())
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
    return 1
