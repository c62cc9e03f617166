"""Read receipts, from the frame with a reading mark to the frames posted to the room's members."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import Site
from tests.support.fakes.stream import Stream

NO_FAILURES: dict[str, list[Any]] = {"batchItemFailures": []}


def connect_as(site: Site, connection: str, room: str, protocol: str = "v1") -> None:
    """Connect a user of the same name as the connection."""
    event = site.event("connect-rooms" if protocol == "v1" else "connect")
    event["requestContext"]["connectionId"] = connection
    event["requestContext"]["authorizer"] |= {"user": connection, "name": connection.title()}
    event["multiValueQueryStringParameters"] = {"room": [room]}
    assert site.invoke("connect", event)["statusCode"] == 200


def ask_as(site: Site, connection: str, **frame: Any) -> dict[str, Any]:
    event = site.event("send")
    event["requestContext"] |= {"routeKey": "$default", "connectionId": connection}
    event["requestContext"]["authorizer"] |= {"user": connection, "name": connection.title()}
    event["body"] = json.dumps(frame)
    reply: dict[str, Any] = json.loads(site.invoke("message", event)["body"])
    assert reply["status"] == "ok", reply
    return reply


def receipts(site: Site, connection: str) -> list[tuple[str, str, int]]:
    frames = [json.loads(frame) for frame in site.posted().get(connection, []) if frame[0] == "{"]
    assert {frame["room"] for frame in frames if frame["type"] == "read"} <= {"lobby"}
    return [(frame["user"], frame["name"], frame["seq"]) for frame in frames if frame["type"] == "read"]


def read_in_the_lobby(site: Site, stream: Stream) -> None:
    """Let bob, who is in the room, and eve, who is in another one, read what ada has written."""
    for connection, room in (("ada", "lobby"), ("bob", "lobby"), ("eve", "elsewhere")):
        connect_as(site, connection, room)
    connect_as(site, "plain", "lobby", protocol="plain")
    for reader in ("ada", "bob", "eve"):
        ask_as(site, reader, action="subscribe", room="lobby")
    for number in (1, 2):
        ask_as(site, "ada", action="send", room="lobby", ref=f"r{number}", message="Hi")
    assert site.invoke("fanout", {"Records": stream.records()}) == NO_FAILURES
    assert [receipts(site, each) for each in ("ada", "bob", "eve")] == [[], [], []]
    for reader in ("bob", "eve"):
        ask_as(site, reader, action="read", room="lobby", seq=2)


def test_the_members_are_told_who_of_them_has_read_what(site: Site, stream: Stream) -> None:
    read_in_the_lobby(site, stream)
    records = stream.records()
    assert site.invoke("fanout", {"Records": records}) == NO_FAILURES
    told = [("bob", "Bob", 2)]
    assert [receipts(site, each) for each in ("ada", "bob", "eve")] == [told, told, []]
    assert site.posted()["plain"] == ["Hi", "Hi"]
    ask_as(site, "bob", action="read", room="lobby", seq=1)  # no mark falls
    assert stream.records() == []
    assert site.invoke("fanout", {"Records": records}) == NO_FAILURES  # a batch comes again
    assert receipts(site, "ada") == told * 2


def test_the_author_of_a_message_gives_no_receipt(site: Site, stream: Stream) -> None:
    read_in_the_lobby(site, stream)
    site.invoke("fanout", {"Records": stream.records()})
    assert {user for user, _, _ in receipts(site, "bob")} == {"bob"}
    (place,) = ask_as(site, "ada", action="rooms")["rooms"]
    assert place["read"] == 2


def test_receipts_that_are_off_are_told_to_nobody(
    site: Site, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in_the_lobby(site, stream)
    monkeypatch.setattr(site.start("fanout"), "receipts", False)
    assert site.invoke("fanout", {"Records": stream.records()}) == NO_FAILURES
    assert [receipts(site, each) for each in ("ada", "bob", "eve")] == [[], [], []]
    types = [json.loads(frame)["type"] for frame in site.posted()["bob"]]
    assert types.count("notice") == 2  # the person's own devices learn of the mark as ever
