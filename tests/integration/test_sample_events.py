"""Every file in events/ through the function that it is for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import CONNECTION, Site

CONNECTED_AT = 1_795_499_990_456
USER = "b0a7c6b2e7b04a5f6f1d"
SPREAD = "a13d"  # the first digits of the SHA-256 of CONNECTION


def lasting(seconds: float) -> Any:
    """An expiry that is about so far away; it is set from the clock."""
    return pytest.approx(time.time() + seconds, abs=60)


def memberships(*rooms: str, name: str, protocol: str) -> list[dict[str, Any]]:
    who = {
        "user": USER, "name": name, "protocol": protocol, "connected_at": CONNECTED_AT,
        "expires_at": lasting(2 * 3600 + 600),
    }  # fmt: skip
    return [
        {"pk": f"CONN#{CONNECTION}", "sk": "CONN", "rooms": set(rooms), "sent": 0, **who},
        *({"pk": f"ROOM#{room}", "sk": SPREAD + CONNECTION, **who} for room in rooms),
    ]


def authorize(site: Site) -> None:
    answer = site.invoke("authorizer", site.event("authorize"))
    user = "d9a5ce1e9eee1ea1eb69"  # the hash of the client's id
    assert answer == {
        "principalId": user,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/$connect",
                }
            ],
        },
        "context": {"user": user, "name": "Ada", "protocol": "v1", "room": "lobby"},
    }


def connect(site: Site) -> None:
    assert site.invoke("connect", site.event("connect")) == {"statusCode": 200}
    assert site.items("ConnectionsTable") == memberships("lobby", name="Guest b0a7", protocol="plain")


def connect_rooms(site: Site) -> None:
    assert site.invoke("connect", site.event("connect-rooms")) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "roomcast.v1"},
    }
    assert site.items("ConnectionsTable") == memberships("general", "news", name="Ada", protocol="v1")


def disconnect(site: Site) -> None:
    site.connect(CONNECTION, "general", "news")
    site.connect("other", "general")
    assert site.invoke("disconnect", site.event("disconnect")) == {"statusCode": 200}
    assert {item["pk"] for item in site.items("ConnectionsTable")} == {"CONN#other", "ROOM#general"}
    assert site.invoke("disconnect", site.event("disconnect")) == {"statusCode": 200}  # $disconnect may repeat


def stored(site: Site, *, id: Any, name: str, room: str = "lobby") -> str:
    """Checks all that one message left in the messages table, and returns its time."""
    head, log, ref = sorted(site.items("MessagesTable"), key=lambda item: item["sk"] != "HEAD")
    message = {"id": id, "user": USER, "name": name, "message": "Hi from websocket!", "at": head["last"]["at"]}
    assert head == {"pk": f"ROOM#{room}", "sk": "HEAD", "seq": 1, "last": message}
    assert log == {
        "pk": f"LOG#{room}", "sk": "000000000001", **message, "expires_at": lasting(90 * 24 * 3600),
    }  # fmt: skip
    assert set(ref) == {"pk", "sk", "id", "seq", "digest", "at", "expires_at"}
    assert (ref["pk"], ref["sk"], ref["seq"]) == (f"REF#{room}#{message['id']}", "REF", 1)
    assert (ref["id"], ref["at"], ref["expires_at"]) == (message["id"], message["at"], lasting(24 * 3600))
    return str(message["at"])


class AnyUuid:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and len(other) == 36 and other.count("-") == 4

    __hash__ = None  # type: ignore[assignment]


def on_message(site: Site) -> None:
    site.connect(CONNECTION, "lobby", protocol="plain")
    assert site.invoke("message", site.event("on-message")) == {"statusCode": 200}
    stored(site, id=AnyUuid(), name="Guest b0a7")
    assert site.posted() == {}  # that is the fan-out's


def send(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    answer = site.invoke("message", site.event("send"))
    ref = "3f6c8b0d-1e2a-4c5b-8d7e-9f0a1b2c3d4e"
    at = stored(site, id=ref, name="Ada")
    assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
    assert json.loads(answer["body"]) == {
        "type": "reply", "ref": ref, "status": "ok", "room": "lobby", "seq": 1, "id": ref, "at": at,
    }  # fmt: skip
    (connection, _) = site.items("ConnectionsTable")
    assert connection["sent"] == 1


def ping(site: Site) -> None:
    answer = site.invoke("message", site.event("ping"))
    assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
    ref = "5a1e0c77-3c1b-4b7e-a0f4-2f6d9b8c7e61"
    assert json.loads(answer["body"]) == {"type": "reply", "ref": ref, "status": "ok", "pong": True}


def refused(site: Site, event: str, ref: str | None, code: str) -> None:
    site.connect(CONNECTION, "lobby")
    answer = site.invoke("message", site.event(event))
    assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
    reply = json.loads(answer["body"])
    assert reply.pop("detail")
    assert reply == {"type": "reply", "ref": ref, "status": "error", "code": code}
    assert site.items("MessagesTable") == []
    assert site.posted() == {}


def unknown_action(site: Site) -> None:
    refused(site, "unknown-action", "9a01d2c3-b4e5-4f60-8a7b-1c2d3e4f5a6b", "unknown_action")


def not_json(site: Site) -> None:
    refused(site, "not-json", None, "invalid_frame")


def heard(site: Site, connection: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in site.posted().get(connection, [])]


def fanout_one_message(site: Site) -> None:
    site.connect("frames", "lobby")
    site.connect("text", "lobby", protocol="plain")
    site.connect("elsewhere", "news")
    assert site.invoke("fanout", site.event("fanout-one-message")) == {"batchItemFailures": []}
    assert heard(site, "frames") == [
        {
            "type": "messages",
            "room": "lobby",
            "messages": [
                {
                    "seq": 1, "id": "7d2f0001-0000-4000-8000-000000000001", "user": USER, "name": "Ada",
                    "message": "Hi from websocket!", "at": "2026-11-24T06:00:01.163Z",
                }
            ],
        }
    ]  # fmt: skip
    assert site.posted()["text"] == ["Hi from websocket!"]
    assert "elsewhere" not in site.posted()
    assert {item["pk"].partition("#")[0] for item in site.items("MessagesTable")} == {"LOG", "REF"}


def fanout_hot_room(site: Site) -> None:
    site.connect("frames", "lobby")
    site.connect("both", "lobby", "news")
    site.connect("text", "lobby", "news", protocol="plain")
    assert site.invoke("fanout", site.event("fanout-hot-room")) == {"batchItemFailures": []}
    lobby = [f"Message {number} of a hot room" for number in range(1, 13)]
    news = ["News 1", "News 2", "News 3"]
    (frame,) = heard(site, "frames")  # one for the whole run
    assert [message["message"] for message in frame["messages"]] == lobby
    assert [message["seq"] for message in frame["messages"]] == list(range(1, 13))
    assert sorted(len(frame["messages"]) for frame in heard(site, "both")) == [3, 12]  # one for each room
    texts = site.posted()["text"]  # one frame a message, in order within a room
    assert [text for text in texts if text in lobby] == lobby
    assert [text for text in texts if text in news] == news
    assert len(texts) == 15


def fanout_poison(site: Site) -> None:
    site.connect("frames", "lobby")
    site.connect("text", "lobby", protocol="plain")
    assert site.invoke("fanout", site.event("fanout-poison")) == {
        "batchItemFailures": [{"itemIdentifier": "170000000000000000002"}]
    }
    # What follows the poison comes again with it: posted now, it would be posted again at every retry.
    assert site.posted()["text"] == ["Before the poison"]
    assert [message["seq"] for frame in heard(site, "frames") for message in frame["messages"]] == [1]
    assert {item["sk"] for item in site.items("MessagesTable")} == {"000000000001", "REF"}


CASES: dict[str, Callable[[Site], None]] = {
    "authorize": authorize,
    "connect": connect,
    "connect-rooms": connect_rooms,
    "disconnect": disconnect,
    "on-message": on_message,
    "send": send,
    "ping": ping,
    "unknown-action": unknown_action,
    "not-json": not_json,
    "fanout-one-message": fanout_one_message,
    "fanout-hot-room": fanout_hot_room,
    "fanout-poison": fanout_poison,
}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "events").glob("*.json")))
def test_a_sample_event_is_answered(site: Site, name: str) -> None:
    if name == "env":
        pytest.skip("no event: variables for --env-vars")
    CASES[name](site)


def test_no_case_is_without_its_file() -> None:
    assert {f"{name}.json" for name in CASES} <= {path.name for path in (ROOT / "events").iterdir()}


def test_the_variables_for_env_vars_are_declared_in_the_template(stack: Any) -> None:
    # `sam local invoke --env-vars` ignores a variable that the function's template does not name.
    declared = {name for function in stack.functions.values() for name in function.environment}
    assert set(json.loads((ROOT / "events" / "env.json").read_text())["Parameters"]) <= declared
