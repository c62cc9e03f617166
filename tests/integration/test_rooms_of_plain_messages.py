"""Where the article's plain message goes, which names no room, and what its sender may do there."""

from __future__ import annotations

import json

import pytest

from tests.integration.conftest import CONNECTION, Site


def say(site: Site, body: str, *, default: str, grants: str = "*") -> list[str]:
    """Send a frame over `onMessage`, and return the codes of the errors that were posted to its sender."""
    event = site.event("send")
    event["requestContext"] |= {"routeKey": "onMessage", "connectionId": CONNECTION}
    event["requestContext"]["authorizer"] |= {"room": default, "grants": grants, "protocol": "plain"}
    event["body"] = body
    assert site.invoke("message", event) == {"statusCode": 200}
    return [json.loads(frame)["code"] for frame in site.posted().get(CONNECTION, [])]


def rooms_with_messages(site: Site) -> set[str]:
    return {
        item["pk"].removeprefix("LOG#")
        for item in site.items("MessagesTable")
        if item["pk"].startswith("LOG#")
    }


HI = '{"action": "onMessage", "message": "Hi from websocket!"}'


@pytest.mark.parametrize(
    ("room", "default", "grants", "codes"),
    [
        ("lobby", "lobby", "*", []),
        ("general", "general", "general", []),
        ("general", "general", "general:read", ["forbidden"]),  # may read, and not write
        ("", "lobby", "*", ["not_a_member"]),  # `?room=`: in no room
        ("", "lobby", "general", ["forbidden"]),  # neither in the lobby nor with a claim to it
        ("", "lobby", "", ["forbidden"]),  # an empty claim: no room at all
        ("", "@eve", "*", ["forbidden"]),  # another's inbox
        ("", "private-board", "*", ["forbidden"]),  # no claim names a private room by accident
    ],
)
def test_a_message_without_a_room_needs_a_claim_and_a_membership(
    site: Site, room: str, default: str, grants: str, codes: list[str]
) -> None:
    assert site.connect(CONNECTION, room, protocol="plain")["statusCode"] == 200
    assert say(site, HI, default=default, grants=grants) == codes
    assert rooms_with_messages(site) == (set() if codes else {room})


def test_a_message_without_a_room_goes_to_no_room_that_was_joined_later(site: Site) -> None:
    site.connect(CONNECTION, "", protocol="plain")
    site.frame('{"action": "join", "room": "general"}', route="$default")
    assert say(site, HI, default="lobby") == ["not_a_member"]
    assert rooms_with_messages(site) == set()


def test_a_message_without_a_room_does_not_go_to_one_that_was_left(site: Site) -> None:
    site.connect(CONNECTION, "general", "news", protocol="plain")
    site.frame('{"action": "leave", "room": "general"}', route="$default")
    assert say(site, HI, default="general") == ["not_a_member"]
    assert rooms_with_messages(site) == set()
