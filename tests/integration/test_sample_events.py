"""Each file in events/, passed to the function that it is for.

Over 300 lines, because it plays all events in their order.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import CONNECTION, Site, asked_by
from tests.support.asyncapi import ASKED
from tests.support.project import ROOT
from tests.support.sample_events import BOB, MESSAGE
from tests.support.sample_events import EVENTS as SAMPLES

CONNECTED_AT = 1_795_499_990_456
USER = "b0a7c6b2e7b04a5f6f1d"


def lasting(seconds: int) -> Any:
    """Equal to an expiry that is about this many seconds away."""
    return pytest.approx(int(time.time() + seconds), abs=60)


def memberships(event: dict[str, Any], *rooms: str, name: str, protocol: str) -> list[dict[str, Any]]:
    """Return the rows of the event's connection."""
    connection = event["requestContext"]["connectionId"]
    spread = hashlib.sha256(connection.encode()).hexdigest()[:4]
    who = {
        "user": USER, "name": name, "protocol": protocol, "connected_at": CONNECTED_AT,
        "expires_at": lasting(2 * 3600 + 600),
    }  # fmt: skip
    return [
        {"pk": f"CONN#{connection}", "sk": "CONN", "rooms": set(rooms), "sent": 0, "due": 0, **who},
        *({"pk": f"ROOM#{room}", "sk": spread + connection, **who} for room in rooms),
    ]


def authorized(site: Site, event: str, **context: str) -> None:
    """Check that the event's client is authorized, with this context."""
    answer = site.invoke("authorizer", site.event(event))
    user = context["user"]
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
        "context": {"grants": "*", "roles": "", "expires_at": "", "protocol": "v1", **context},
    }


def authorize(site: Site) -> None:
    authorized(
        site, "authorize", user="3869c35c7dfdbc36154f", name="Ada", room="lobby"
    )  # a hash of its client id


def authorize_origin(site: Site) -> None:  # by default any origin may connect
    authorized(site, "authorize-origin", user="3869c35c7dfdbc36154f", name="Ada", room="lobby")


def authorize_token(site: Site) -> None:  # ignored in open mode
    authorized(site, "authorize-token", user="f79a2a4ffda725bf8f8b", name="Guest f79a", room="general")


def connect(site: Site) -> None:
    event = site.event("connect")
    assert site.invoke("connect", event) == {"statusCode": 200}
    rooms = ("lobby", "sample-news", "samples")
    stored = memberships(event, *rooms, name="Guest b0a7", protocol="plain")
    assert site.items("ConnectionsTable") == stored


def connect_rooms(site: Site) -> None:
    event = site.event("connect-rooms")
    assert site.invoke("connect", event) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "roomcast.v1"},
    }
    stored = memberships(event, "general", "news", name="Ada", protocol="v1")
    assert site.items("ConnectionsTable") == stored


def disconnect(site: Site) -> None:
    site.connect(site.event("disconnect")["requestContext"]["connectionId"], "general", "news")
    site.connect("other", "general")
    assert site.invoke("disconnect", site.event("disconnect")) == {"statusCode": 200}
    assert {item["pk"] for item in site.items("ConnectionsTable")} == {"CONN#other", "ROOM#general"}
    assert site.invoke("disconnect", site.event("disconnect")) == {
        "statusCode": 200
    }  # $disconnect may be repeated


def stored(site: Site, *, name: str) -> tuple[str, str]:
    """Check everything that one message left in the messages table, and return its id and time."""
    log, ref, head = site.items("MessagesTable")
    message = head["last"]
    assert message == {
        "id": message["id"], "user": USER, "name": name, "message": "Hi from websocket!", "at": message["at"],
    }  # fmt: skip
    assert head.pop("epoch")
    messaged = {"messaged": 1, "messaged_before": 0}
    assert head == {
        "pk": "ROOM#lobby",
        "sk": "HEAD",
        "seq": 1,
        "last": message,
        "due": head["due"],
        **messaged,
    }
    assert log == {"pk": "LOG#lobby", "sk": "000000000001", **message, "expires_at": lasting(90 * 24 * 3600)}
    assert set(ref) == {"pk", "sk", "id", "seq", "digest", "at", "expires_at"}
    assert (ref["pk"], ref["sk"], ref["seq"]) == (f"REF#lobby#{message['id']}", "REF", 1)
    assert (ref["id"], ref["at"], ref["expires_at"]) == (message["id"], message["at"], lasting(24 * 3600))
    return message["id"], message["at"]


def on_message(site: Site) -> None:
    site.connect(CONNECTION, "lobby", protocol="plain")
    assert site.invoke("message", site.event("on-message")) == {"statusCode": 200}
    id, _ = stored(site, name="Guest b0a7")
    assert uuid.UUID(id)  # generated: the client gave none
    assert site.posted() == {}  # the fan-out posts


def send(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    answer = site.invoke("message", site.event("send"))
    ref = "3f6c8b0d-1e2a-4c5b-8d7e-9f0a1b2c3d4e"
    id, at = stored(site, name="Ada")
    assert id == ref
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


def asked(site: Site, event: str) -> dict[str, Any]:
    """Return the reply to a sample event whose answer is a frame."""
    answer = site.invoke("message", site.event(event))
    assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
    reply: dict[str, Any] = json.loads(answer["body"])
    return reply


def said(site: Site, room: str, *texts: str) -> None:
    for text in texts:
        frame = {"action": "onMessage", "room": room, "message": text}
        site.frame(json.dumps(frame), route="onMessage")


def join(site: Site) -> None:
    site.connect("other", "general")
    for number in range(1, 4):
        frame = {"action": "onMessage", "room": "general", "message": f"Message {number}"}
        site.frame(json.dumps(frame), route="onMessage", connection="other")
    site.connect(CONNECTION, "lobby")
    reply = asked(site, "join")
    messages = reply.pop("messages")
    assert reply.pop("epoch")
    assert reply == {
        "type": "reply", "ref": "1c0b7a52-6f0e-4a7d-9d0c-3f1e5b2a4c61", "status": "ok", "room": "general",
        "seq": 3, "user": USER, "name": "Ada", "more": False,
        "rules": {"locked": False, "slow_mode": 0, "read_only": False, "moderator": False},
    }  # fmt: skip
    assert [(message["seq"], message["message"]) for message in messages] == [
        (2, "Message 2"), (3, "Message 3"),
    ]  # fmt: skip
    event = site.event("join")
    stored = memberships(event, "lobby", "general", name="Ada", protocol="v1")
    own = [item for item in site.items("ConnectionsTable") if "other" not in item["pk"] + item["sk"]]
    stored[0]["due"] = own[0]["due"]  # a join is charged like a message
    assert own == sorted(stored, key=lambda item: item["pk"])


def leave(site: Site) -> None:
    site.connect(CONNECTION, "general", "news")
    assert asked(site, "leave") == {
        "type": "reply", "ref": "2d1c8b63-7a1f-4b8e-8e1d-4a2f6c3b5d72", "status": "ok", "room": "general",
    }  # fmt: skip
    event = site.event("leave")
    assert site.items("ConnectionsTable") == memberships(event, "news", name="Ada", protocol="v1")


def history(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    said(site, "lobby", "Message 1", "Message 2", "Message 3")
    reply = asked(site, "history")
    messages = reply.pop("messages")
    assert reply.pop("epoch")
    assert reply == {
        "type": "reply", "ref": "4f3eadb5-9c31-4da0-a03f-6c418e5d7f94", "status": "ok", "room": "lobby",
        "more": True,
    }  # fmt: skip
    assert [(message["seq"], message["message"]) for message in messages] == [
        (2, "Message 2"), (3, "Message 3"),
    ]  # fmt: skip


def changed(site: Site, event: str, ref: str) -> dict[str, Any]:
    """Check the reply to a change of lobby's first message, and return what the head has of it."""
    site.connect(CONNECTION, "lobby")
    said(site, "lobby", "Message 1")
    reply = asked(site, event)
    at = reply.pop("at")
    assert reply == {
        "type": "reply", "ref": ref, "status": "ok", "room": "lobby", "seq": 2, "of": 1, "id": ref,
    }  # fmt: skip
    (head,) = [item for item in site.items("MessagesTable") if item["sk"] == "HEAD"]
    change: dict[str, Any] = head["last"]
    assert (head["seq"], change.pop("id"), change.pop("at")) == (2, ref, at)
    assert (change.pop("user"), change.pop("name"), change.pop("of")) == (USER, "Ada", 1)
    assert site.posted() == {}  # the fan-out folds and posts
    return change


def edit(site: Site) -> None:
    change = changed(site, "edit", "6b2f0d11-4c3a-4e5d-9b8e-1a2b3c4d5e60")
    assert change == {"kind": "edit", "message": "Hi from an edit!"}


def react(site: Site) -> None:
    change = changed(site, "react", "6b2f0d11-4c3a-4e5d-9b8e-1a2b3c4d5e61")
    assert change == {"kind": "react", "reaction": "👍"}


def delete(site: Site) -> None:
    assert changed(site, "delete", "6b2f0d11-4c3a-4e5d-9b8e-1a2b3c4d5e63") == {"kind": "delete"}


def reactions(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    said(site, "lobby", "Message 1")
    assert asked(site, "reactions") == {
        "type": "reply", "ref": "6b2f0d11-4c3a-4e5d-9b8e-1a2b3c4d5e62", "status": "ok", "room": "lobby",
        "seq": 1, "reactions": [], "more": False,
    }  # fmt: skip


def subscription(site: Site) -> dict[str, Any]:
    """Return the subscription to lobby, without the time when it began."""
    key = {"pk": f"USER#{USER}", "sk": "ROOM#lobby"}
    item: dict[str, Any] = site.dynamodb.get_item(TableName="MessagesTable", Key=key)["Item"]
    assert item.pop("since")
    return item


def subscribe(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    said(site, "lobby", "Message 1", "Message 2")
    reply = asked(site, "subscribe")
    assert reply.pop("since")
    assert reply == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f70", "status": "ok", "room": "lobby",
        "seq": 2, "read": 2, "unread": 0, "mentions": 0, "muted": False,
    }  # fmt: skip
    assert subscription(site) == {
        "pk": f"USER#{USER}", "sk": "ROOM#lobby", "read": 2, "read_count": 0, "muted": False,
        "cause": "subscribed",
    }  # fmt: skip
    (head,) = [item for item in site.items("MessagesTable") if item["sk"] == "HEAD"]
    assert (head["seq"], head["followed"], head["not_a_message"]) == (2, 2, True)


def read(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    asked(site, "subscribe")
    said(site, "lobby", "Message 1", "Message 2")
    assert asked(site, "read") == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f71", "status": "ok", "room": "lobby",
        "read": 1, "unread": 0, "mentions": 0,
    }  # fmt: skip
    item = subscription(site)
    assert (item["read"], item["read_count"], item["name"], item["cause"]) == (1, 1, "Ada", "read")
    assert item["read_at"] > 0


def rooms(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    asked(site, "subscribe")
    reply = asked(site, "rooms")
    (place,) = reply.pop("rooms")
    assert place.pop("since")
    assert place == {"room": "lobby", "seq": 0, "read": 0, "unread": 0, "mentions": 0, "muted": False}
    assert reply == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f72", "status": "ok",
        "you": {"user": USER, "name": "Ada"}, "more": False,
    }  # fmt: skip


def unsubscribe(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    asked(site, "subscribe")
    assert asked(site, "unsubscribe") == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f73", "status": "ok", "room": "lobby",
    }  # fmt: skip
    assert [item["sk"] for item in site.items("MessagesTable")] == ["HEAD"]


def mention(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    reply = asked(site, "mention")
    ref = "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f80"
    assert reply.pop("at")
    assert reply == {"type": "reply", "ref": ref, "status": "ok", "room": "lobby", "seq": 1, "id": ref}
    (log, _, head) = site.items("MessagesTable")
    assert (log["mentions"], head["last"]["mentions"]) == ([BOB], [BOB])


def presence(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    assert asked(site, "presence") == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f81", "status": "ok", "room": "lobby",
        "count": 1, "members": [{"user": USER, "name": "Ada"}], "more": False,
    }  # fmt: skip


def signals(site: Site, room: str) -> dict[str, dict[str, Any]]:
    """Return the signals that the fan-out will announce in a room, by kind."""
    values = {":room": f"SIG#{room}"}
    found = site.dynamodb.query(
        TableName="MessagesTable", KeyConditionExpression="pk = :room", ExpressionAttributeValues=values
    )
    return {item["sk"]: item for item in found["Items"]}


def typing(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    assert asked(site, "typing") == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f82", "status": "ok", "room": "lobby",
    }  # fmt: skip
    assert signals(site, "lobby")[f"TYPING#{USER}"]["name"] == "Ada"


def alive(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    assert asked(site, "alive") == {
        "type": "reply", "ref": "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f83", "status": "ok",
    }  # fmt: skip
    assert site.items("ConnectionsTable")[0]["due"] > 0  # charged: that is the sign of life


def moderated(site: Site, event: str, ref: str, **fields: Any) -> dict[str, Any]:
    """Check the reply to a moderator and what the members will receive, and return the rules of the room."""
    site.connect(CONNECTION, "sample-news")
    reply = asked(site, event)
    told = {name: reply.pop(name) for name in ("until", "expires_in") if name in reply}
    assert reply == {"type": "reply", "ref": ref, "status": "ok", "room": "sample-news", **fields}
    frame = json.loads(signals(site, "sample-news")["NOTICE"]["frame"])
    assert frame.items() >= {"type": "moderated", "room": "sample-news", "moderator": "Ada", **fields}.items()
    assert frame.get("until") == told.get("until")
    (rules,) = [item for item in site.items("MessagesTable") if item["sk"] == "RULES"]
    return rules


def ban(site: Site) -> None:
    rules = moderated(site, "ban", "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f84", user=BOB)
    assert rules["banned"] == {BOB: lasting(600)}


def mute(site: Site) -> None:
    rules = moderated(site, "mute", "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f85", user=BOB)
    assert rules["muted"] == {BOB: lasting(3600)}


def slow_mode(site: Site) -> None:
    rules = moderated(site, "slow-mode", "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f86", seconds=30)
    assert rules["slow_mode"] == 30


def lock(site: Site) -> None:
    assert moderated(site, "lock", "7c3a1e22-5d4b-4f6e-8c9f-2b3c4d5e6f87", locked=True)["locked"] is True


def answered_with_error(site: Site, event: str, ref: str | None, code: str) -> None:
    site.connect(CONNECTION, "lobby")
    answer = site.invoke("message", site.event(event))
    assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
    reply = json.loads(answer["body"])
    assert reply.pop("detail")
    assert reply == {"type": "reply", "ref": ref, "status": "error", "code": code}
    assert site.items("MessagesTable") == []
    assert site.posted() == {}


def unknown_action(site: Site) -> None:
    answered_with_error(site, "unknown-action", "9a01d2c3-b4e5-4f60-8a7b-1c2d3e4f5a6b", "unknown_action")


def not_json(site: Site) -> None:
    answered_with_error(site, "not-json", None, "invalid_frame")


def frames_to(site: Site, connection: str) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in site.posted().get(connection, [])]


def fanout_one_message(site: Site) -> None:
    site.connect("frames", "samples")
    site.connect("text", "samples", protocol="plain")
    site.connect("elsewhere", "sample-news")
    assert site.invoke("fanout", site.event("fanout-one-message")) == {"batchItemFailures": []}
    (frame,) = frames_to(site, "frames")
    assert frame == (
        {
            "type": "messages",
            "room": "samples",
            "epoch": frame["epoch"],
            "messages": [
                {
                    "seq": 1, "id": "5a010001-0000-4000-8000-000000000001", "user": USER, "name": "Ada",
                    "message": "Hi from websocket!", "at": "2026-11-24T06:00:01.163Z",
                }
            ],
        }
    )  # fmt: skip
    assert site.posted()["text"] == ["Hi from websocket!"]
    assert "elsewhere" not in site.posted()
    assert {item["pk"].partition("#")[0] for item in site.items("MessagesTable")} == {"LOG", "REF"}


def fanout_hot_room(site: Site) -> None:
    site.connect("frames", "samples")
    site.connect("both", "samples", "sample-news")
    site.connect("text", "samples", "sample-news", protocol="plain")
    assert site.invoke("fanout", site.event("fanout-hot-room")) == {"batchItemFailures": []}
    lobby = [f"Message {number} of a hot room" for number in range(1, 13)]
    news = ["News 1", "News 2", "News 3"]
    (frame,) = frames_to(site, "frames")  # one frame for the run
    assert [message["message"] for message in frame["messages"]] == lobby
    assert [message["seq"] for message in frame["messages"]] == list(range(1, 13))
    assert sorted(len(frame["messages"]) for frame in frames_to(site, "both")) == [
        3,
        12,
    ]  # one frame per room
    texts = site.posted()["text"]  # one frame per message, in order within a room
    assert [text for text in texts if text in lobby] == lobby
    assert [text for text in texts if text in news] == news
    assert len(texts) == 15


def fanout_poison(site: Site) -> None:
    site.connect("frames", "samples")
    site.connect("text", "samples", protocol="plain")
    assert site.invoke("fanout", site.event("fanout-poison")) == {
        "batchItemFailures": [{"itemIdentifier": "170000000000000000002"}]
    }
    # The records after the poison are repeated with it: posted now, they would be posted again at each retry.
    assert site.posted()["text"] == ["Before the poison"]
    assert [message["seq"] for frame in frames_to(site, "frames") for message in frame["messages"]] == [1]
    assert {item["sk"] for item in site.items("MessagesTable")} == {"000000000001", "REF"}


def fanout_notices(site: Site) -> None:
    site.connect("phone", "elsewhere")
    site.connect("laptop", "sample-news")
    site.connect("text", "samples", protocol="plain")
    summary = {"pk": "ROOM#samples", "sk": "SUMMARY", "seq": 4, "count": 3}
    site.dynamodb.put_item(TableName="MessagesTable", Item=summary)
    assert site.invoke("fanout", site.event("fanout-notices")) == {"batchItemFailures": []}
    place = {"muted": False, "since": "2026-11-24T05:00:00Z"}
    mention = {"seq": 3, "user": BOB, "name": "Bob", "at": "2026-11-24T06:00:01.163Z"}
    notices = [
        {
            "type": "notice", "room": "samples", "seq": 4, "read": 1, "unread": 2, "mentions": 1, **place,
            "mention": mention,
        },
        {
            "type": "notice", "room": "sample-news", "seq": 3, "read": 3, "unread": 0, "mentions": 0, **place,
        },
        {"type": "notice", "room": "lobby", "subscribed": False},
    ]  # fmt: skip
    receipt = {"type": "read", "room": "sample-news", "user": USER, "name": "Ada", "seq": 3}
    assert frames_to(site, "phone") == notices
    laptop = frames_to(site, "laptop")
    assert [frame for frame in laptop if frame["type"] == "notice"] == notices
    assert [frame for frame in laptop if frame["type"] == "read"] == [receipt]
    assert "text" not in site.posted()


CASES: dict[str, Callable[[Site], None]] = {
    "authorize": authorize,
    "authorize-origin": authorize_origin,
    "authorize-token": authorize_token,
    "connect": connect,
    "connect-rooms": connect_rooms,
    "disconnect": disconnect,
    "on-message": on_message,
    "send": send,
    "join": join,
    "leave": leave,
    "edit": edit,
    "react": react,
    "reactions": reactions,
    "delete": delete,
    "subscribe": subscribe,
    "read": read,
    "rooms": rooms,
    "unsubscribe": unsubscribe,
    "history": history,
    "mention": mention,
    "presence": presence,
    "typing": typing,
    "alive": alive,
    "ban": ban,
    "mute": mute,
    "slow-mode": slow_mode,
    "lock": lock,
    "ping": ping,
    "unknown-action": unknown_action,
    "not-json": not_json,
    "fanout-one-message": fanout_one_message,
    "fanout-hot-room": fanout_hot_room,
    "fanout-poison": fanout_poison,
    "fanout-notices": fanout_notices,
}


# All files except those with variables for --env-vars.
ENVIRONMENTS = sorted((ROOT / "events").glob("env*.json"))
EVENTS = sorted(path.stem for path in {*(ROOT / "events").glob("*.json")} - {*ENVIRONMENTS})


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_is_answered(site: Site, name: str) -> None:
    CASES[name](site)


def test_every_case_has_its_file() -> None:
    assert {f"{name}.json" for name in CASES} <= {path.name for path in (ROOT / "events").iterdir()}


def test_every_action_has_its_event(site: Site) -> None:
    asked = {asked_by(site.event(name)) for name in EVENTS if SAMPLES[name].function == MESSAGE}
    assert asked - {None} == set(ASKED)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=[path.stem for path in ENVIRONMENTS])
def test_the_variables_for_env_vars_are_declared_in_the_template(stack: Any, path: Path) -> None:
    # `sam local invoke --env-vars` ignores a variable that the function's template does not name.
    declared = {name for function in stack.functions.values() for name in function.environment}
    assert set(json.loads(path.read_text())["Parameters"]) <= declared
