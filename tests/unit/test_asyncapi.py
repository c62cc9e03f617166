"""The AsyncAPI document is consistent, and it describes the server.

Over 300 lines, because it has a table of the frames that a client may send, and one of those that it may not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from chat.actions import subscriptions
from chat.actions.context import Context, Sender
from chat.actions.dispatch import ACTIONS, dispatch
from chat.actions.fields import MAX_PINGED, MAX_RULE_SECONDS
from chat.identity import identity
from chat.identity.grants import Grants
from chat.identity.identity import MAX_NAME, Identity
from chat.membership import Membership
from chat.moderation import Moderation
from chat.protocol import errors, messages, rooms
from chat.protocol import pages as history
from chat.protocol.errors import ChatError
from chat.protocol.frame_builder import MAX_FRAME
from chat.protocol.frames import Request
from chat.storage import keys
from chat.storage.connections import Connection, Connections
from chat.storage.log.fold import MAX_PEOPLE, MAX_REACTIONS
from chat.storage.log.log import Log
from chat.storage.newest import MAX_SHOWN
from chat.storage.people.place import MAX_MENTIONS
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals
from tests.support import asyncapi
from tests.support.asyncapi import DOCUMENT, REPLIES, WrongFrame, check_received, check_sent, examples

MESSAGES: dict[str, dict[str, Any]] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
CODES = {error.code for error in errors.ChatError.__subclasses__()}


# The document alone


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_a_reference_leads_somewhere(reference: str) -> None:
    node = DOCUMENT
    root, *steps = reference.split("/")
    assert root == "#"
    for step in steps:
        node = node[step]


def test_every_message_and_schema_is_used() -> None:
    assert set(DOCUMENT["channels"]["chat"]["messages"]) == set(MESSAGES)
    assert {*asyncapi.ASKED, *asyncapi.ANY_REPLY, *asyncapi.UNASKED} == set(MESSAGES)
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} <= set(references(DOCUMENT))


@pytest.mark.parametrize("name", MESSAGES)
def test_a_payload_is_a_json_schema(name: str) -> None:
    Draft7Validator.check_schema({"definitions": SCHEMAS, **MESSAGES[name]["payload"]})


@pytest.mark.parametrize("name", asyncapi.ASKED)
def test_an_example_of_a_request_is_valid(name: str) -> None:
    assert examples(name)
    for example in examples(name):
        assert example["action"] == name
        check_sent(example)


@pytest.mark.parametrize(("asked", "name"), [(asked, name) for asked in REPLIES for name in REPLIES[asked]])
def test_an_example_of_a_reply_is_valid(asked: str, name: str) -> None:
    assert examples(name)
    for example in examples(name):
        check_received(json.dumps(example), asked)


@pytest.mark.parametrize("name", [name for name in asyncapi.UNASKED if name != "text"])
def test_an_example_of_an_unasked_frame_is_valid(name: str) -> None:
    assert examples(name)
    for example in examples(name):
        check_received(json.dumps(example))


def test_a_reply_may_have_fields_of_a_later_version() -> None:
    (frame,) = examples("sent")
    payload = DOCUMENT | {"$ref": "#/components/messages/sent/payload"}
    Draft7Validator(payload).validate(frame | {"later": 1})


# The document and the server


def test_the_document_has_the_actions_of_the_server() -> None:
    assert set(REPLIES) == set(asyncapi.ASKED) == set(ACTIONS)


def test_the_document_has_the_codes_of_the_server_and_explains_each() -> None:
    assert len(SCHEMAS["code"]["enum"]) == len(CODES)
    assert set(SCHEMAS["code"]["enum"]) == CODES
    assert set(re.findall(r"^\| `(\w+)` \|", SCHEMAS["code"]["description"], re.MULTILINE)) == CODES


def test_the_document_has_the_limits_of_the_server() -> None:
    limit = MESSAGES["history"]["payload"]["properties"]["limit"]
    query = DOCUMENT["channels"]["chat"]["bindings"]["ws"]["query"]["properties"]
    assert SCHEMAS["text"]["maxLength"] == messages.MAX_TEXT
    assert SCHEMAS["ref"]["maxLength"] == messages.MAX_REF
    assert SCHEMAS["room"]["oneOf"][0]["maxLength"] == rooms.MAX_LENGTH
    assert SCHEMAS["inbox"]["maxLength"] == len(rooms.INBOX) + identity.MAX_USER
    assert SCHEMAS["name"]["maxLength"] == MAX_NAME
    assert SCHEMAS["user"]["maxLength"] == identity.MAX_USER
    assert SCHEMAS["seconds"]["maximum"] == MAX_RULE_SECONDS
    assert SCHEMAS["mentions"]["maxItems"] == messages.MAX_MENTIONS
    assert SCHEMAS["mentioned"]["maximum"] == MAX_MENTIONS
    listed = SCHEMAS["entry"]["properties"]["reactions"]
    assert SCHEMAS["reaction"]["maxLength"] == messages.MAX_REACTION
    assert listed["maxItems"] == MAX_REACTIONS
    assert listed["items"]["properties"]["people"]["maxItems"] == MAX_PEOPLE
    assert {SCHEMAS[name]["maximum"] for name in ("seq", "head", "after", "before")} == {keys.MAX_SEQ}
    assert (limit["default"], limit["maximum"]) == (history.LIMIT, history.MAX_LIMIT)
    assert query["room"]["oneOf"][0]["maxItems"] == rooms.MAX_ROOMS
    assert query["room"]["default"] == [rooms.LOBBY]
    assert MESSAGES["ping"]["payload"]["properties"]["rooms"]["maxItems"] == MAX_PINGED
    rooms_limit = MESSAGES["rooms"]["payload"]["properties"]["limit"]
    assert (rooms_limit["default"], rooms_limit["maximum"]) == (subscriptions.ROOMS, subscriptions.MAX_ROOMS)
    assert SCHEMAS["newest"]["properties"]["message"]["maxLength"] == MAX_SHOWN
    assert asyncapi.MAX_FRAME == MAX_FRAME


SEND = {"action": "send", "ref": "r1", "room": "general", "message": "Hi"}
JOIN = {"action": "join", "room": "general"}
HISTORY = {"action": "history", "room": "general"}
PING = {"action": "ping"}
PRESENCE = {"action": "presence", "room": "general"}
DELETE = {"action": "delete", "ref": "c1", "room": "general", "seq": 1}
EDIT = DELETE | {"action": "edit", "message": "Hi Bob"}
REACT = DELETE | {"action": "react", "reaction": "👍"}
REACTIONS = {"action": "reactions", "room": "general", "seq": 1}
BAN = {"action": "ban", "room": "general", "user": "u2", "seconds": 60}
MUTE = BAN | {"action": "mute"}
SLOW_MODE = {"action": "slow_mode", "room": "general", "seconds": 30}
LOCK = {"action": "lock", "room": "general"}
SUBSCRIBE = {"action": "subscribe", "room": "general"}
READ = {"action": "read", "room": "general", "seq": 1}
ROOMS = {"action": "rooms"}
ALLOWED: dict[str, dict[str, Any]] = {
    "send": SEND,
    "send with data": SEND | {"data": {"a": [1, None]}},
    "send with mentions": SEND | {"mentions": ["u2", "u" * 128]},
    "send with no mentions": SEND | {"mentions": None},
    "the longest text": SEND | {"message": "💬" * 4_000},
    "lines and tabs": SEND | {"message": "a\tb\r\nc"},
    "the longest ref": SEND | {"ref": "r" * 128},
    "a ref with a space": SEND | {"ref": "my ref"},
    "onMessage": {"action": "onMessage", "message": "Hi"},
    "onMessage with all": SEND | {"action": "onMessage"},
    "join an inbox": JOIN | {"room": "@u1"},
    "send to the inbox of a user with a long id and spaces": SEND | {"room": "@" + "💬 " * 64},
    "join": JOIN,
    "join with ref": JOIN | {"ref": "j1"},
    "join after 0": JOIN | {"after": 0},
    "join after a whole number with a point": JOIN | {"after": 41.0},
    "join a room of 100 characters": JOIN | {"room": "💬" * 100},
    "leave": {"action": "leave", "room": "general"},
    "history after": HISTORY | {"after": 0},
    "history of 50.0 entries": HISTORY | {"after": 0.0, "limit": 50.0},
    "history before": HISTORY | {"before": 10**12 - 1, "limit": 200},
    "ping": PING,
    "ping with rooms": PING | {"ref": "p1", "rooms": ["general", "news"]},
    "ping with no rooms": PING | {"rooms": []},
    "presence": PRESENCE,
    "presence after a user": PRESENCE | {"ref": "w1", "after": "u1"},
    "typing": {"action": "typing", "room": "general", "ref": "t1"},
    "edit": EDIT,
    "edit with data": EDIT | {"data": {"a": 1}, "seq": 1.0},
    "delete": DELETE,
    "react": REACT,
    "react in words": REACT | {"reaction": "x" * 32},
    "react with an emoji of several": REACT | {"reaction": "👩🏽‍💻"},
    "react with the flag of England": REACT | {"reaction": "🏴󠁧󠁢󠁥󠁮󠁧󠁿"},
    "take a reaction back": REACT | {"on": False},
    "reactions": REACTIONS,
    "reactions after nobody": REACTIONS | {"after": None},
    "reactions after somebody": REACTIONS | {"after": {"reaction": "👍", "user": "u1"}},
    "subscribe": SUBSCRIBE,
    "subscribe and mute": SUBSCRIBE | {"ref": "s1", "muted": True},
    "unsubscribe": {"action": "unsubscribe", "room": "general"},
    "read": READ,
    "read nothing": READ | {"ref": "s4", "seq": 0.0},
    "rooms": ROOMS,
    "rooms after a room": ROOMS | {"ref": "s5", "after": "general", "limit": 100},
    "rooms after nothing": ROOMS | {"after": None},
    "ban": BAN,
    "ban for the longest time": BAN | {"seconds": 366 * 24 * 3600},
    "ban for 60.0 seconds": BAN | {"seconds": 60.0},
    "ban the longest user": BAN | {"user": "u" * 128},
    "end of a ban": BAN | {"seconds": 0},
    "mute": MUTE | {"ref": "q1"},
    "slow mode": SLOW_MODE,
    "end of slow mode": SLOW_MODE | {"seconds": 0},
    "lock": LOCK,
    "unlock": LOCK | {"locked": False},
}
FORBIDDEN: dict[str, dict[str, Any]] = {
    "no action": {"ref": "r1"},
    "an unknown action": {"action": "dance"},
    "send without ref": {"action": "send", "room": "general", "message": "Hi"},
    "send without room": {"action": "send", "ref": "r1", "message": "Hi"},
    "send without message": {"action": "send", "ref": "r1", "room": "general"},
    "an empty text": SEND | {"message": ""},
    "text that is a number": SEND | {"message": 5},
    "a text that is too long": SEND | {"message": "x" * 4_001},
    "a control character": SEND | {"message": "\x1b[2J"},
    "an empty ref": SEND | {"ref": ""},
    "a ref that is too long": SEND | {"ref": "r" * 129},
    "a ref of two lines": SEND | {"ref": "a\nb"},
    "a ref that is a number": SEND | {"ref": 7},
    "a room of two words": SEND | {"room": "two words"},
    "a room that is too long": SEND | {"room": "r" * 101},
    "an inbox that is too long": JOIN | {"room": "@" + "u" * 129},
    "an inbox without a user": JOIN | {"room": "@"},
    "a room that is a list": JOIN | {"room": ["general"]},
    "mentions that are text": SEND | {"mentions": "u2"},
    "a mention of nobody": SEND | {"mentions": [""]},
    "a mention twice": SEND | {"mentions": ["u2", "u2"]},
    "51 mentions": SEND | {"mentions": [f"u{number}" for number in range(51)]},
    "join without room": {"action": "join"},
    "join after -1": JOIN | {"after": -1},
    "join after a seq above the maximum": JOIN | {"after": 10**12},
    "join after half a number": JOIN | {"after": 1.5},
    "join after text": JOIN | {"after": "1"},
    "join after null": JOIN | {"after": None},
    "leave without room": {"action": "leave"},
    "history without after and before": HISTORY,
    "history with after and before": HISTORY | {"after": 1, "before": 9},
    "history of no entries": HISTORY | {"after": 0, "limit": 0},
    "history of 201 entries": HISTORY | {"after": 0, "limit": 201},
    "history before true": HISTORY | {"before": True},
    "rooms that are text": PING | {"rooms": "general"},
    "an invalid room in rooms": PING | {"rooms": ["two words"]},
    "100 rooms": PING | {"rooms": [f"room-{number}" for number in range(100)]},
    "presence without room": {"action": "presence"},
    "presence after a number": PRESENCE | {"after": 1},
    "typing without room": {"action": "typing"},
    "edit without ref": {name: value for name, value in EDIT.items() if name != "ref"},
    "edit with ref null": EDIT | {"ref": None},
    "edit without message": DELETE | {"action": "edit"},
    "edit to an empty text": EDIT | {"message": ""},
    "edit seq true": EDIT | {"seq": True},
    "delete without ref": {"action": "delete", "room": "general", "seq": 1},
    "delete without seq": {"action": "delete", "ref": "c1", "room": "general"},
    "react without reaction": DELETE | {"action": "react"},
    "react with nothing": REACT | {"reaction": ""},
    "react with too much": REACT | {"reaction": "x" * 33},
    "react in two lines": REACT | {"reaction": "a\nb"},
    "react with a number": REACT | {"reaction": 1},
    "react with on as text": REACT | {"on": "yes"},
    "reactions without seq": {"action": "reactions", "room": "general"},
    "reactions after text": REACTIONS | {"after": "👍"},
    "reactions after half of it": REACTIONS | {"after": {"reaction": "👍"}},
    "delete seq 0": DELETE | {"seq": 0},
    "subscribe without room": {"action": "subscribe"},
    "subscribe and mute a little": SUBSCRIBE | {"muted": 1},
    "unsubscribe without room": {"action": "unsubscribe"},
    "read without seq": {"action": "read", "room": "general"},
    "read up to -1": READ | {"seq": -1},
    "read up to text": READ | {"seq": "1"},
    "rooms after an invalid room": ROOMS | {"after": "two words"},
    "no rooms": ROOMS | {"limit": 0},
    "101 rooms": ROOMS | {"limit": 101},
    "ban without user": {"action": "ban", "room": "general", "seconds": 60},
    "ban an empty user": BAN | {"user": ""},
    "ban a user that is too long": BAN | {"user": "u" * 129},
    "ban a user of two lines": BAN | {"user": "u\n2"},
    "ban without seconds": {"action": "ban", "room": "general", "user": "u2"},
    "ban for -1 seconds": BAN | {"seconds": -1},
    "ban for more than a year": BAN | {"seconds": 366 * 24 * 3600 + 1},
    "mute for half a second": MUTE | {"seconds": 0.5},
    "slow mode without seconds": {"action": "slow_mode", "room": "general"},
    "slow mode for true seconds": SLOW_MODE | {"seconds": True},
    "lock with a number": LOCK | {"locked": 1},
}


SENDER = Sender("c1", Identity("u1", "Ada", "v1"), "general", Grants.parse("* @*", "u1"), moderator=True)


@pytest.fixture
def chat(dynamodb: Any) -> Context:
    """Return the context of a room with one message, to which the sender has subscribed."""
    connections = Connections(dynamodb, "ConnectionsTable")
    connections.add(Connection("c1", SENDER.identity, 0), ["general"])
    rules, signals = RoomRules(dynamodb, "MessagesTable"), Signals(dynamodb, "MessagesTable")
    room_log = Log(dynamodb, "MessagesTable", 90, rules)
    room_log.append("general", messages.Message("r0", "u1", "Ada", "Hi", None, "2026-11-24T06:20:01.123Z"))
    membership = Membership(connections, rules, signals)
    followed = Subscriptions(dynamodb, "MessagesTable")
    moderation = Moderation(membership, rules, signals, followed, no_management_client)
    followed.subscribe("u1", "general", None)
    return Context(
        connections,
        room_log,
        rules,
        signals,
        membership,
        moderation,
        followed,
        Summaries(dynamodb, "MessagesTable"),
    )


def no_management_client() -> Any:
    raise AssertionError("no test of this module closes or posts to a connection")


@pytest.mark.parametrize("frame", ALLOWED.values(), ids=ALLOWED)
def test_the_server_accepts_what_the_document_allows(chat: Context, frame: dict[str, Any]) -> None:
    check_sent(frame)
    action = frame["action"]
    reply = dispatch(chat, SENDER, Request(action, frame))
    if action != "onMessage":  # its route is one-way: API Gateway drops the reply
        check_received(reply, action)


@pytest.mark.parametrize("frame", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_server_rejects_what_the_document_forbids(chat: Context, frame: dict[str, Any]) -> None:
    with pytest.raises(WrongFrame):
        check_sent(frame)
    with pytest.raises(ChatError):
        dispatch(chat, SENDER, Request(frame.get("action"), frame))
