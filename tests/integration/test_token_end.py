"""A frame that comes after its connection's token has ended."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.integration.conftest import CONNECTION, Site

FRAMES: dict[str, dict[str, Any]] = {
    "ping": {},
    "send": {"message": "Hi"},
    "join": {},
    "leave": {},
    "history": {"after": 0},
    "presence": {},
    "typing": {},
    "onMessage": {"message": "Hi"},
}


@pytest.mark.parametrize("action", FRAMES)
def test_each_frame_gets_its_reply_before_the_close_a_bare_ping_too(site: Site, action: str) -> None:
    site.connect(CONNECTION, "lobby")
    event = site.event("send")
    event["requestContext"]["routeKey"] = "onMessage" if action == "onMessage" else "$default"
    event["requestContext"]["authorizer"]["expires_at"] = str(int(time.time()) - 1)
    event["body"] = json.dumps({"action": action, "ref": "r1", "room": "lobby", **FRAMES[action]})
    site.invoke("message", event)
    disconnect, reply = (json.loads(frame) for frame in site.posted()[CONNECTION])
    assert disconnect == {"type": "disconnect", "code": "token_expired", "reconnect": True}
    assert site.gateway.closed == [CONNECTION]
    assert (reply["ref"], reply["code"]) == ("r1", "not_connected")
    assert not [item for item in site.items("MessagesTable") if item["pk"].startswith("LOG#")]
