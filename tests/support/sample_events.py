"""What each event of events/ is for, and what its function answers beside a running engine.

The first sample events stand in the table of README. tests/sam-local-invoke runs without the tests' packages:
this module imports the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

AUTHORIZER, CONNECT, MESSAGE = "AuthorizerFunction", "ConnectFunction", "MessageFunction"
FANOUT, DISCONNECT = "FanoutFunction", "DisconnectFunction"
OK = {"statusCode": 200}


@dataclass(frozen=True, slots=True)
class SampleEvent:
    """`answers` is true of the function's result."""

    function: str
    answers: Callable[[dict[str, Any]], bool]
    exactly: dict[str, Any] | None = None  # the whole result, if it never varies


def _exactly(function: str, result: dict[str, Any]) -> SampleEvent:
    return SampleEvent(function, lambda answer: answer == result, result)


def _authorized(answer: dict[str, Any]) -> bool:
    (statement,) = answer["policyDocument"]["Statement"]
    return statement["Effect"] == "Allow" and answer["context"]["user"] == answer["principalId"]


def _reply(**fields: Any) -> SampleEvent:
    def answers(answer: dict[str, Any]) -> bool:
        if answer.get("statusCode") != 200:
            return False
        reply = json.loads(answer["body"])
        return {name: reply.get(name) for name in fields} == fields

    return SampleEvent(MESSAGE, answers)


def _change(answer: dict[str, Any]) -> bool:
    """True if lobby's first message was changed, or is not there, or somebody else's."""
    reply = json.loads(answer["body"])
    return reply.get("of") == 1 or reply.get("code") in {"invalid_message", "forbidden"}


def _mark(answer: dict[str, Any]) -> bool:
    """True if lobby has been marked as read, or there is no subscription, or a mark of just now."""
    reply = json.loads(answer["body"])
    return "unread" in reply or reply.get("code") in {"not_subscribed", "rate_limited"}


def _typing(answer: dict[str, Any]) -> bool:
    """True if it is told that Ada types in lobby, or was told less than three seconds ago."""
    reply = json.loads(answer["body"])
    return "room" in reply or reply.get("code") in {"rate_limited"}


BOB = "c81e728d9d4c2f636f06"
# In the order in which a connection lives; any other order works as well.
EVENTS = {
    "authorize": SampleEvent(AUTHORIZER, _authorized),
    "authorize-origin": SampleEvent(AUTHORIZER, _authorized),
    "authorize-token": SampleEvent(AUTHORIZER, _authorized),
    "connect": _exactly(CONNECT, OK),
    "connect-rooms": _exactly(CONNECT, OK | {"headers": {"Sec-WebSocket-Protocol": "roomcast.v1"}}),
    "on-message": _exactly(MESSAGE, OK),
    "send": _reply(status="ok", room="lobby"),
    "join": _reply(status="ok", room="general"),
    "edit": SampleEvent(MESSAGE, _change),
    "react": SampleEvent(MESSAGE, _change),
    "reactions": _reply(status="ok", room="lobby", seq=1, more=False),
    "delete": SampleEvent(MESSAGE, _change),
    "subscribe": _reply(status="ok", room="lobby"),
    "read": SampleEvent(MESSAGE, _mark),
    "rooms": _reply(status="ok", you={"user": "b0a7c6b2e7b04a5f6f1d", "name": "Ada"}, more=False),
    "unsubscribe": _reply(status="ok", room="lobby"),
    "history": _reply(status="ok", room="lobby"),
    "mention": _reply(status="ok", room="lobby"),
    "presence": _reply(status="ok", room="lobby", more=False),
    "typing": SampleEvent(MESSAGE, _typing),
    "alive": _reply(status="ok"),
    "ban": _reply(status="ok", room="sample-news", user=BOB),
    "mute": _reply(status="ok", room="sample-news", user=BOB),
    "slow-mode": _reply(status="ok", room="sample-news", seconds=30),
    "lock": _reply(status="ok", room="sample-news", locked=True),
    "leave": _reply(status="ok", room="general"),
    "ping": _reply(status="ok", pong=True),
    "unknown-action": _reply(status="error", code="unknown_action"),
    "not-json": _reply(status="error", code="invalid_frame"),
    "fanout-one-message": _exactly(FANOUT, {"batchItemFailures": []}),
    "fanout-hot-room": _exactly(FANOUT, {"batchItemFailures": []}),
    "fanout-poison": _exactly(FANOUT, {"batchItemFailures": [{"itemIdentifier": "170000000000000000002"}]}),
    "fanout-notices": _exactly(FANOUT, {"batchItemFailures": []}),
    "disconnect": _exactly(DISCONNECT, OK),
}
# What these post is printed by the engine as received by the connection of the sample events.
PRINTED = {
    "fanout-one-message": "received Hi from websocket!",
    "fanout-hot-room": "received Message 12 of a hot room",
    "fanout-poison": "received Before the poison",
}
