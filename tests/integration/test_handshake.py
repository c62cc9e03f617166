"""$connect and $disconnect."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chat.displacement import ANSWER_WITHIN
from tests.integration.conftest import CONNECTION, Site
from tests.support.fakes.clock import Clock


def offering(site: Site, *lines: str, name: str = "Sec-WebSocket-Protocol") -> Any:
    """Return the event of a handshake with these lines of a header."""
    event = site.event("connect")
    if lines:
        event["headers"][name] = lines[-1]
        event["multiValueHeaders"][name] = list(lines)
    return event


@pytest.mark.parametrize("header", ["roomcast.v1", "a,roomcast.v1", "a , roomcast.v1", "roomcast.v1, a"])
@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol"])
def test_our_subprotocol_is_accepted(site: Site, header: str, name: str) -> None:
    assert site.invoke("connect", offering(site, header, name=name)) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "roomcast.v1"},
    }
    assert {item["protocol"] for item in site.items("ConnectionsTable")} == {"v1"}


@pytest.mark.parametrize(
    "lines", [("roomcast.v1", "token.a.b.c"), ("token.a.b.c", "roomcast.v1"), ("", "roomcast.v1")]
)
def test_two_lines_of_the_header_are_one_list(site: Site, lines: tuple[str, ...]) -> None:
    assert site.invoke("connect", offering(site, *lines)) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "roomcast.v1"},
    }


def test_two_lines_with_names_in_different_case_are_one_list(site: Site) -> None:
    event = offering(site, "roomcast.v1")
    event["multiValueHeaders"]["sec-websocket-protocol"] = ["token.a.b.c"]
    assert site.invoke("connect", event)["headers"] == {"Sec-WebSocket-Protocol": "roomcast.v1"}


def test_without_an_offer_no_subprotocol_is_answered(site: Site) -> None:
    # A header that the client did not ask for would make a browser close the socket (RFC 6455, 4.1).
    assert site.invoke("connect", offering(site)) == {"statusCode": 200}


@pytest.mark.parametrize("header", ["graphql-ws", "roomcast.v2", "a, b", "roomcast.v1x"])
def test_only_unknown_subprotocols_are_rejected(site: Site, header: str) -> None:
    assert site.invoke("connect", offering(site, header)) == {"statusCode": 400}
    assert site.items("ConnectionsTable") == []


@pytest.mark.parametrize(
    "rooms",
    [
        ["two words"],
        ["", "general"],
        ["x" * 101],
        ["general", "bad\u202e"],
        ["nul\x00"],
        [f"room-{n}" for n in range(100)],
    ],
    ids=["space", "empty", "long", "one of two", "nul", "a hundred"],
)
def test_an_invalid_room_is_rejected(site: Site, rooms: list[str]) -> None:
    assert site.connect(CONNECTION, *rooms) == {"statusCode": 400}
    assert site.items("ConnectionsTable") == []


def test_a_single_empty_room_is_a_connection_in_no_room_yet(site: Site) -> None:
    assert site.connect(CONNECTION, "")["statusCode"] == 200
    (connection,) = site.items("ConnectionsTable")
    assert "rooms" not in connection
    answer = site.frame('{"action":"join","room":"general"}', route="$default")
    assert json.loads(answer["body"])["seq"] == 0
    assert [item["pk"] for item in site.items("ConnectionsTable")] == [f"CONN#{CONNECTION}", "ROOM#general"]


def test_a_connection_asks_for_as_many_rooms_as_it_may_be_in(site: Site) -> None:
    names = [f"room-{number}" for number in range(51)]
    assert site.connect(CONNECTION, *names) == {"statusCode": 403}
    assert site.connect(CONNECTION, *names[:50])["statusCode"] == 200
    assert len(site.items("ConnectionsTable")) == 51


@pytest.mark.parametrize(
    ("query", "rooms"),
    [
        ({"inbox": "1"}, ["@{user}", "lobby"]),
        ({"inbox": "1", "room": ""}, ["@{user}"]),
        ({"inbox": "1", "room": "general"}, ["@{user}", "general"]),
        ({"room": "@{user}"}, ["@{user}"]),
        ({"inbox": "0", "room": "general"}, ["general"]),
        ({"inbox": "", "room": "general"}, ["general"]),
        ({"inbox": "@eve", "room": "general"}, ["general"]),
        ({"room": "@eve"}, None),
        ({"inbox": "1", "room": "@eve"}, None),
        ({"inbox": "1", "room": "@"}, None),
    ],
)
@pytest.mark.parametrize("grants", ["*", "@*", "*:read @*", "general lobby"])
def test_a_connection_may_ask_for_its_users_inbox_and_for_no_other(
    site: Site, query: dict[str, str], rooms: list[str] | None, grants: str
) -> None:
    event = site.event("connect")
    author = event["requestContext"]["authorizer"]
    author["grants"] = grants
    asked = {name: value.format(user=author["user"]) for name, value in query.items()}
    event["queryStringParameters"] = asked
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in asked.items()}
    status = site.invoke("connect", event)["statusCode"]
    stored = [item["pk"] for item in site.items("ConnectionsTable") if item["pk"].startswith("ROOM#")]
    if rooms is None or (grants == "@*" and rooms != ["@{user}"]):
        assert (status, stored) == (400 if asked.get("room") == "@" else 403, [])
    else:
        assert (status, stored) == (200, [f"ROOM#{room.format(user=author['user'])}" for room in rooms])


def test_a_user_whose_id_is_not_in_nfc_asks_for_no_inbox(site: Site) -> None:
    event = site.event("connect")
    event["requestContext"]["authorizer"]["user"] = "cafe\u0301"
    event["queryStringParameters"] = {"inbox": "1"}
    assert site.invoke("connect", event) == {"statusCode": 400}


def test_a_connection_without_a_query_is_in_the_lobby(site: Site) -> None:
    event = site.event("connect")
    event["queryStringParameters"] = event["multiValueQueryStringParameters"] = None
    assert site.invoke("connect", event)["statusCode"] == 200
    assert [item["pk"] for item in site.items("ConnectionsTable")] == [f"CONN#{CONNECTION}", "ROOM#lobby"]


def connected_as(site: Site, connection: str) -> dict[str, Any]:
    """A $connect of the sample's user, who was there before, as a client with frames."""
    event = site.event("connect-rooms")
    event["requestContext"] |= {"connectionId": connection, "connectedAt": 1_000}
    event["multiValueQueryStringParameters"] = {"room": ["general"]}
    return event


@pytest.mark.parametrize("lives", [True, False], ids=["alive", "half-dead"])
def test_one_connection_too_many_takes_the_place_of_a_half_dead_one(
    site: Site, monkeypatch: pytest.MonkeyPatch, lives: bool
) -> None:
    names = [f"c{number}=" for number in range(20)]
    for name in names:
        assert site.invoke("connect", connected_as(site, name))["statusCode"] == 200

    def answer(seconds: float) -> None:
        for name in names:
            if lives or name != "c7=":
                site.frame('{"action":"alive"}', route="$default", connection=name)
        clock.now += ANSWER_WITHIN

    clock = Clock(time.time())
    displacement = site.start("connect").displacement()
    monkeypatch.setattr(displacement, "_now", clock)
    monkeypatch.setattr(displacement, "_sleep", answer)
    status = site.invoke("connect", connected_as(site, "newest="))["statusCode"]
    assert site.posted() == {name: ['{"type":"check"}'] for name in names}
    assert (status, site.gateway.closed) == ((429, []) if lives else (200, ["c7="]))
    stored = {
        item["pk"].removeprefix("CONN#") for item in site.items("ConnectionsTable") if item["sk"] == "CONN"
    }
    assert stored == (set(names) if lives else {*names, "newest="} - {"c7="})


# A frame can name any route: {"action": "$disconnect"}. Only the eventType says what the event is.


@pytest.mark.parametrize("event_type", ["MESSAGE", "DISCONNECT", "", "connect"])
def test_an_event_of_another_kind_connects_nobody(site: Site, event_type: str) -> None:
    event = site.event("connect")
    event["requestContext"]["eventType"] = event_type
    assert site.invoke("connect", event) == {"statusCode": 400}
    assert site.items("ConnectionsTable") == []


@pytest.mark.parametrize("event_type", ["MESSAGE", "CONNECT", "", "disconnect"])
def test_an_event_of_another_kind_disconnects_nobody(site: Site, event_type: str) -> None:
    site.connect(CONNECTION, "general")
    before = site.items("ConnectionsTable")
    event = site.event("disconnect")
    event["requestContext"]["eventType"] = event_type
    assert site.invoke("disconnect", event) == {"statusCode": 400}
    assert site.items("ConnectionsTable") == before


@pytest.mark.parametrize("function", ["connect", "disconnect"])
@pytest.mark.parametrize("route", ["$connect", "$disconnect"])
def test_a_frame_that_names_their_route_changes_nothing(site: Site, function: str, route: str) -> None:
    site.connect(CONNECTION, "general")
    before = site.items("ConnectionsTable")
    event = site.event("send")  # as API Gateway passes a frame on
    event["requestContext"]["routeKey"] = route
    event["body"] = f'{{"action": "{route}"}}'
    assert site.invoke(function, event) == {"statusCode": 400}
    assert site.items("ConnectionsTable") == before


def test_a_disconnect_of_an_unknown_connection_is_no_error(site: Site) -> None:
    assert site.invoke("disconnect", site.event("disconnect")) == {"statusCode": 200}


@pytest.mark.parametrize("passed_on", [{}, {"value": None}, {"value": ""}], ids=["left out", "null", "empty"])
def test_what_the_authorizer_leaves_empty_may_arrive_in_any_form(site: Site, passed_on: Any) -> None:
    # AWS does not say what API Gateway makes of an empty value.
    connect, send = site.event("connect-rooms"), site.event("send")
    for event in (connect, send):
        author = event["requestContext"]["authorizer"]
        for name in ("grants", "roles", "expires_at"):
            del author[name]
            if passed_on:
                author[name] = passed_on["value"]
    assert site.invoke("connect", connect) == {"statusCode": 403}  # no grant, no room
    connect["multiValueQueryStringParameters"] = {"room": [""]}
    assert site.invoke("connect", connect)["statusCode"] == 200
    assert json.loads(site.invoke("message", send)["body"])["code"] == "forbidden"
