"""A user with too many connections: the longest silent one that does not live makes way for the newest."""

from __future__ import annotations

from typing import Any

import pytest

from chat.displacement import ANSWER_WITHIN, PAUSE, Displacement
from chat.identity.grants import EVERY_ROOM, Grants
from chat.identity.identity import Identity, Protocol
from chat.membership import CONNECT_GRACE, Membership
from chat.storage import keys
from chat.storage.connections import Connection, Connections, Limits, TooManyConnections
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from chat.storage.user_connections import UserConnections
from tests.support.connections_table import NOW, TABLE
from tests.support.fakes.clock import Clock
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.mortal_dynamodb import MortalDynamoDB

CHECK = '{"type":"check"}'


class Chat:
    """Ada may have three connections. Those of `alive` answer a check, `after` seconds later."""

    def __init__(self, client: Any) -> None:
        self.dynamodb = dynamodb = MortalDynamoDB(client)  # counts the calls
        self.clock = Clock(NOW)
        self.connections = Connections(dynamodb, TABLE, self.clock, Limits(connections=3))
        signals = Signals(dynamodb, "MessagesTable", self.clock)
        self.membership = Membership(self.connections, RoomRules(dynamodb, "MessagesTable"), signals)
        self.sockets = FakeManagementClient()
        self.alive: set[str] = set()
        self.after = 1.0
        self._answers: list[tuple[float, str]] = []
        self.sockets.on_post = lambda each: self._answers.append((self.clock.now + self.after, each))
        users = UserConnections(dynamodb, TABLE, self.clock, limit=3)
        sockets: Any = self.sockets
        self.displacement = Displacement(users, self.membership, sockets, now=self.clock, sleep=self.wait)

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds
        for at, connection in list(self._answers):
            if at <= self.clock.now and connection in self.alive:
                self.connections.charge(connection)
                self._answers.remove((at, connection))

    def connect(self, connection: str, protocol: Protocol = "v1") -> None:
        identity = Identity("u1", "Ada", protocol)
        self.membership.connect(
            Connection(connection, identity, int(self.clock.now * 1000)),
            ["general"],
            Grants.parse(EVERY_ROOM),
        )

    def make_way(self) -> bool:
        """Ask for a place for one connection more, as $connect does when it is rejected."""
        with pytest.raises(TooManyConnections) as rejected:
            self.connect("one more")
        return self.displacement.make_way("u1", rejected.value.connections)

    def has(self) -> frozenset[str]:
        return self.connections.ids_of_user("u1")


@pytest.fixture
def chat(dynamodb: Any) -> Chat:
    chat = Chat(dynamodb)
    for connection in ("c1", "c2", "c3"):
        chat.connect(connection)
        chat.clock.now += 1
    chat.clock.now += CONNECT_GRACE
    return chat


def test_the_longest_silent_connection_without_an_answer_makes_way(chat: Chat) -> None:
    chat.connections.charge("c1", "general")  # then c2 was silent for longest, but lives
    chat.clock.now += 1
    chat.alive = {"c2"}
    assert chat.make_way()
    assert sorted(chat.sockets.posted) == [("c1", CHECK), ("c2", CHECK), ("c3", CHECK)]
    assert chat.sockets.closed == ["c3"]
    chat.connect("c4")
    assert chat.has() == {"c1", "c2", "c4"}


def test_nobody_makes_way_if_all_answer_and_nobody_waits_longer_than_for_the_answers(chat: Chat) -> None:
    chat.alive = {"c1", "c2", "c3"}
    began = chat.clock.now
    chat.make_way()
    assert chat.clock.now - began == chat.after
    assert (chat.sockets.closed, chat.has()) == ([], {"c1", "c2", "c3"})
    with pytest.raises(TooManyConnections):
        chat.connect("c4")


def test_a_rejected_connect_reads_the_users_connections_once(chat: Chat) -> None:
    chat.sockets.gone = {"c1"}
    asked = chat.dynamodb.asked
    before = len(asked)
    chat.make_way()
    assert sum(TABLE in each.get("RequestItems", {}) for each in asked[before:]) == 1
    of_the_user = [each for each in asked[before:] if each.get("Key") == keys.user("u1")]
    assert sum("UpdateExpression" not in each for each in of_the_user) == 1


def test_an_answer_that_comes_too_late_is_none(chat: Chat) -> None:
    chat.alive, chat.after = {"c1"}, ANSWER_WITHIN + 1
    assert chat.make_way()
    assert chat.sockets.closed == ["c1"]


def test_closed_connections_make_way_at_once_and_the_others_stay(chat: Chat) -> None:
    chat.sockets.gone = {"c2", "c3"}
    began = chat.clock.now
    assert chat.make_way()
    assert (chat.has(), chat.sockets.closed, chat.clock.now) == ({"c1"}, [], began)


def test_a_connection_that_may_still_be_opening_is_left_alone(dynamodb: Any) -> None:
    chat = Chat(dynamodb)
    for connection in ("c1", "c2", "c3"):
        chat.connect(connection)
    chat.clock.now += 1
    chat.sockets.gone = {"c1", "c2"}  # as API Gateway says of sockets that are not open yet
    chat.alive = {"c3"}
    chat.make_way()
    assert (chat.sockets.closed, chat.has()) == ([], {"c1", "c2", "c3"})


def test_a_user_is_checked_once_in_a_while_however_often_it_connects(chat: Chat) -> None:
    chat.alive = {"c1", "c2", "c3"}
    chat.make_way()
    began = chat.clock.now
    assert not chat.make_way()
    assert (len(chat.sockets.posted), chat.clock.now) == (3, began)
    chat.clock.now += PAUSE
    chat.alive = set()
    assert chat.make_way()


@pytest.mark.parametrize(
    ("alive", "closed"), [({"c3"}, "c1"), (set(), "c3")], ids=["all answer", "one does not"]
)
def test_a_plain_client_is_not_asked_and_makes_way_after_those_that_are(
    dynamodb: Any, alive: set[str], closed: str
) -> None:
    chat = Chat(dynamodb)
    for connection in ("c1", "c2"):
        chat.connect(connection, "plain")
        chat.clock.now += 1
    chat.connect("c3")
    chat.clock.now += CONNECT_GRACE + 1
    chat.alive = alive
    assert chat.make_way()
    assert chat.sockets.posted == [("c3", CHECK)]
    assert chat.sockets.closed == [closed]
