"""The chat's functions in one process, with a meter of what they ask of DynamoDB."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

from bench.fakes.account import fake_account
from bench.fakes.meter import Meter, Units
from bench.peers.engine import REGION
from bench.worker import CREDENTIALS
from chat.actions.context import Context, Sender
from chat.actions.dispatch import dispatch
from chat.delivery.unread import Unread
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
from chat.storage.people.marks import Marks
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

CONNECTIONS, MESSAGES = "connections", "messages"
ADA = Connection("aBcDeFgHoAMCJ9w=", Identity("0123456789abcdef", "Ada", "v1"), 0)


class MeteredChat:
    """One connection's requests, as the functions handle them; each method returns the units it took."""

    def __init__(self, client: Any, meter: Meter, history_days: int) -> None:
        self._client, self._meter = client, meter
        connections = Connections(client, CONNECTIONS)
        rules, signals = RoomRules(client, MESSAGES), Signals(client, MESSAGES)
        self._membership = Membership(connections, rules, signals)
        log = Log(client, MESSAGES, history_days, rules)
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
        self._repair = LogRepair(client, MESSAGES, history_days)
        self._unread = Unread(Summaries(client, MESSAGES), Marks(client, MESSAGES))

    def connect(self, room: str) -> Units:
        self._membership.connect(ADA, [room], Grants.parse(EVERY_ROOM))
        return self._meter.take()

    def ask(self, **frame: Any) -> Units:
        dispatch(self._chat, self._sender, frames.parse(json.dumps(frame)))
        return self._meter.take()

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
        asyncio.run(self._unread.update(room, self._repair.repair(room, [found[1]])))
        return self._meter.take()

    def disconnect(self) -> Units:
        assert self._membership.disconnect(ADA.id) is not None
        return self._meter.take()


@contextmanager
def tables() -> Iterator[tuple[Any, Meter]]:
    """Yield a client of two empty tables and its meter."""
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
