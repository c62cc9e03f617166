"""Notices: a person's connections learn of changed subscriptions, wherever they are."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from apigateway.poster import Poster
from chat.delivery.deliver import Counts, Delivery
from chat.delivery.notices import Notifier
from chat.identity.identity import Protocol
from chat.membership import Membership
from chat.storage.members import Member
from chat.storage.people.place import Mention, Subscription
from chat.storage.people.summaries import Summary
from tests.support.fakes.connections import FakeConnections
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.signals import FakeSignals

SINCE = "2026-11-24T06:19:58Z"
MENTION = Mention(7, "u2", "Bob", "2026-11-24T06:26:00.020Z")


class Chat:
    def __init__(self, *members: Member) -> None:
        self.gateway, self.connections = FakeGateway(), FakeConnections()
        connections, signals, no_rules, no_sockets = (
            cast(Any, fake) for fake in (self.connections, FakeSignals(), None, None)
        )
        membership = Membership(connections, no_rules, signals)
        delivery = Delivery(membership, Poster(self.gateway), lambda: no_sockets, now=lambda: 1_000_000.0)
        self.connections.of_user = {"ada": list(members)}
        self.notifier = Notifier(connections, cast(Any, Summaries()), delivery)

    def notify(self, **changes: Subscription | None) -> Counts:
        return asyncio.run(self.notifier.notify("ada", changes))

    def frames(self, connection: str) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.gateway.frames[connection]]


class Summaries:
    """Room a has ten entries, of which eight are messages."""

    def read(self, rooms: list[str], *, consistent: bool) -> dict[str, Summary]:
        assert consistent  # the count came a moment before
        return {room: Summary(10, 8) for room in rooms if room == "a"}


def member(connection: str, protocol: Protocol = "v1") -> Member:
    return Member(connection, protocol, 0, "ada", "Ada")


def subscription(**fields: Any) -> Subscription:
    return Subscription(**{"room": "a", "read": 6, "read_count": 5, "muted": False, "since": SINCE} | fields)


def test_all_connections_that_speak_frames_get_a_notice() -> None:
    chat = Chat(member("c1"), member("c2"), member("c3", "plain"))
    changed = subscription(mentions=frozenset({3, 7}), mention=MENTION)
    assert chat.notify(a=changed) == Counts(2, delivered=2)
    assert chat.frames("c1") == chat.frames("c2") == [
        {
            "type": "notice", "room": "a", "seq": 10, "read": 6, "unread": 3, "mentions": 1, "muted": False,
            "since": SINCE, "mention": {"seq": 7, "user": "u2", "name": "Bob", "at": MENTION.at},
        }
    ]  # fmt: skip
    assert chat.frames("c3") == []


@pytest.mark.parametrize("mentions", [set(), {3}], ids=["taken back", "older"])
def test_a_mention_that_is_read_or_taken_back_is_not_told(mentions: set[int]) -> None:
    chat = Chat(member("c1"))
    chat.notify(a=subscription(mentions=frozenset(mentions), mention=MENTION))
    (notice,) = chat.frames("c1")
    assert (notice["mentions"], "mention" in notice) == (0, False)


def test_a_subscription_that_has_ended_is_told() -> None:
    chat = Chat(member("c1"))
    chat.notify(a=None, b=subscription(room="b", read_count=0))
    ended, other = chat.frames("c1")
    assert ended == {"type": "notice", "room": "a", "subscribed": False}
    assert (other["room"], other["seq"], other["unread"]) == ("b", 6, 0)


def test_a_gone_connection_is_pruned_and_whoever_has_none_costs_nothing() -> None:
    chat = Chat(member("gone"), member("here"))
    chat.gateway.gone.add("gone")
    assert chat.notify(a=None).gone == 1
    assert chat.connections.pruned == [("", "gone")]
    assert chat.frames("here")
    assert Chat().notify(a=None) == Counts()
