"""How the sockets of expired connections end."""

from __future__ import annotations

import json
from typing import Any

from chat.expiry import Expiry, disconnect_expired
from tests.support.fakes.management.client import FakeManagementClient

REPLY = {"type": "reply", "ref": "r1", "status": "error", "code": "not_connected", "detail": "Connect again."}


def test_an_expired_socket_gets_a_last_frame_and_its_reply_and_is_closed() -> None:
    sockets: Any = FakeManagementClient()
    disconnect_expired("c1", "v1", json.dumps(REPLY), sockets)
    assert [(to, json.loads(frame)) for to, frame in sockets.posted] == [
        ("c1", {"type": "disconnect", "code": "token_expired", "reconnect": True}),
        ("c1", REPLY),
    ]
    assert sockets.closed == ["c1"]


def test_an_expired_plain_client_gets_only_its_reply() -> None:
    sockets: Any = FakeManagementClient()
    disconnect_expired("c1", "plain", json.dumps(REPLY), sockets)
    assert (sockets.posted, sockets.closed) == ([("c1", json.dumps(REPLY))], ["c1"])


def test_a_socket_that_is_gone_is_not_closed() -> None:
    expiry = Expiry({"c1": "v1", "c2": "v1", "c3": "plain"})
    assert expiry.to_notify == ["c1", "c2"]
    assert expiry.to_close(gone={"c1"}) == ["c2", "c3"]
