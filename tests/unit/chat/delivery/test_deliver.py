"""Posts to members, and what happens to gone and to expired members."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from apigateway.outcomes import Failed, Gone, Throttled
from apigateway.poster import Poster
from chat.delivery.deliver import AddMembers, Counts, Delivery
from chat.identity.identity import Person, Protocol
from chat.membership import Membership
from chat.storage.members import Member
from tests.support.fakes.connections import FakeConnections
from tests.support.fakes.gateway import FakeGateway
from tests.support.fakes.management.client import FakeManagementClient
from tests.support.fakes.signals import FakeSignals

NOW = 1_795_500_000.0
DISCONNECT = {"type": "disconnect", "code": "token_expired", "reconnect": True}


def member(
    connection: str, protocol: Protocol = "v1", *, expired: bool = False, seconds_ago: float = 60
) -> Member:
    connected_at = int((NOW - seconds_ago) * 1000)
    return Member(connection, protocol, connected_at, f"user of {connection}", "Ada", expired)


def person(connection: str) -> Person:
    return Person(f"user of {connection}", "Ada")


class Chat:
    """A delivery in virtual time, and its fakes."""

    def __init__(self, virtual: asyncio.Runner) -> None:
        self._runner = virtual
        self.gateway = FakeGateway(latency=0.015)
        self.connections, self.signals, self.sockets = (
            FakeConnections(),
            FakeSignals(),
            FakeManagementClient(),
        )
        poster = Poster(self.gateway)
        no_rules: Any = None  # nothing joins here
        connections, signals, sockets = (
            cast(Any, fake) for fake in (self.connections, self.signals, self.sockets)
        )
        membership = Membership(connections, no_rules, signals)
        self._delivery = Delivery(membership, poster, lambda: sockets, now=lambda: NOW)

    def deliver(
        self, *pages: Sequence[Member], frames_for: Callable[[Member], list[str]] = lambda member: ["Hi"]
    ) -> Counts:
        async def read(add: AddMembers) -> None:
            for page in pages:
                await add(page)

        return self._runner.run(self._delivery.deliver("general", frames_for, read))

    def frames_to(self, connection: str) -> list[str]:
        return self.gateway.frames[connection]


@pytest.fixture
def chat(virtual: asyncio.Runner) -> Chat:
    return Chat(virtual)


def test_each_member_gets_its_frames_in_order(chat: Chat) -> None:
    to_post = {"c1": ["a", "b"], "c2": ["c"], "c3": []}
    counts = chat.deliver(
        [member("c1"), member("c2")], [member("c3")], frames_for=lambda member: to_post[member.connection_id]
    )
    assert dict(chat.gateway.frames) == {"c1": ["a", "b"], "c2": ["c"]}
    assert counts == Counts(2, delivered=2)  # a member without frames is not a recipient


# Gone connections


def test_a_gone_connection_is_signaled_to_all_its_rooms(chat: Chat) -> None:
    chat.gateway.gone = {"c1"}
    chat.connections.rooms = {"c1": {"news"}}
    assert chat.deliver([member("c1"), member("c2")]) == Counts(2, delivered=1, gone=1)
    assert chat.connections.pruned == [("general", "c1")]
    assert sorted(chat.signals.changed) == [("general", person("c1")), ("news", person("c1"))]
    assert chat.sockets.closed == []


def test_a_connection_that_may_still_be_connecting_is_not_pruned(chat: Chat) -> None:
    chat.gateway.gone = {"c1"}
    chat.deliver([member("c1", seconds_ago=9.9)])
    assert (chat.connections.pruned, chat.signals.changed) == ([], [])


def test_a_connection_that_could_not_be_pruned_is_not_signaled(chat: Chat) -> None:
    chat.gateway.gone = {"c1"}
    chat.connections.trouble = ClientError({"Error": {"Code": "InternalServerError"}}, "Any")
    assert chat.deliver([member("c1"), member("c2")]) == Counts(2, delivered=1, gone=1)
    assert chat.signals.changed == []


# Expired connections


def test_an_expired_member_gets_only_the_last_frame_and_is_closed_and_pruned(chat: Chat) -> None:
    chat.connections.rooms = {"c1": {"news"}}
    counts = chat.deliver([member("c1", expired=True), member("c2")])
    assert counts == Counts(1, delivered=1)
    assert [json.loads(frame) for frame in chat.frames_to("c1")] == [DISCONNECT]
    assert chat.frames_to("c2") == ["Hi"]
    assert chat.sockets.closed == ["c1"]
    assert chat.connections.pruned == [("general", "c1")]
    assert sorted(chat.signals.changed) == [("general", person("c1")), ("news", person("c1"))]


def test_expired_members_are_disconnected_after_all_posts(chat: Chat) -> None:
    chat.deliver([member("c1", expired=True)], [member("c2")])
    assert chat.gateway.posts == ["c2", "c1"]


def test_an_expired_plain_client_is_closed_without_a_frame(chat: Chat) -> None:
    chat.deliver([member("c1", "plain", expired=True)])
    assert chat.frames_to("c1") == []
    assert chat.sockets.closed == ["c1"]
    assert chat.connections.pruned == [("general", "c1")]


def test_an_expired_socket_that_is_closed_already_is_only_pruned(chat: Chat) -> None:
    chat.gateway.gone = {"c1"}
    chat.deliver([member("c1", expired=True)])
    assert chat.sockets.closed == []
    assert chat.connections.pruned == [("general", "c1")]
    assert chat.signals.changed == [("general", person("c1"))]


def test_an_expired_socket_that_accepts_no_frame_is_closed_too(chat: Chat) -> None:
    chat.gateway.troubles["c1"] = [Throttled()] * 100
    chat.deliver([member("c1", expired=True)])
    assert (chat.frames_to("c1"), chat.sockets.closed) == ([], ["c1"])


def test_a_socket_that_cannot_be_closed_is_logged_and_pruned(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    chat.sockets.unclosable["c1"] = Failed("status 500")
    chat.deliver([member("c1", expired=True), member("c2", expired=True)])
    assert chat.sockets.closed == ["c2"]
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["close failed"]
    assert chat.connections.pruned == [("general", "c1"), ("general", "c2")]


def test_an_expired_member_that_has_just_connected_is_pruned_too(chat: Chat) -> None:
    chat.gateway.troubles["c1"] = [Gone()]
    chat.deliver([member("c1", expired=True, seconds_ago=1)])
    assert chat.connections.pruned == [("general", "c1")]


def test_many_expired_members_do_not_hold_up_the_others(chat: Chat) -> None:
    many = [member(f"c{number}", expired=True) for number in range(1_000)]
    assert chat.deliver(many, [member("c")]) == Counts(1, delivered=1)
    disconnected = {connection for _, connection in chat.connections.pruned}
    assert disconnected == set(chat.sockets.closed) == set(chat.gateway.posts) - {"c"}
    assert len(disconnected) == 200
    # The others got nothing, and are disconnected by the next broadcast.
    rest = [member for member in many if member.connection_id not in disconnected]
    chat.deliver(rest)
    assert len(set(chat.sockets.closed)) == len(chat.sockets.closed) == 400
