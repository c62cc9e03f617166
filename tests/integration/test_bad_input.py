"""Invalid input from clients: each error has a code, and no other client notices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import CONNECTION, Site

GOOD = {"ref": "r1", "room": "lobby", "message": "Hi, confidentially"}
BAD_FRAMES: dict[str, tuple[str | None, str]] = {
    "no body": (None, "invalid_frame"),
    "empty": ("", "invalid_frame"),
    "not JSON": ("Hi from websocket!", "invalid_frame"),
    "cut off": ('{"action": "onMessage", "mess', "invalid_frame"),
    "no object": ("[1, 2]", "invalid_frame"),
    "text": ('"onMessage"', "invalid_frame"),
    "200,000 levels": ("[" * 65_000 + "]" * 65_000, "invalid_frame"),
    "a number of 5,000 digits": ('{"action": ' + "9" * 5_000 + "}", "invalid_frame"),
    "no action": (json.dumps(GOOD), "unknown_action"),
    "$connect": (json.dumps(GOOD | {"action": "$connect"}), "unknown_action"),
    "$disconnect": (json.dumps(GOOD | {"action": "$disconnect"}), "unknown_action"),
    "$default": (json.dumps(GOOD | {"action": "$default"}), "unknown_action"),
    "unknown action": (json.dumps(GOOD | {"action": "dance"}), "unknown_action"),
    "an action that is a list": (json.dumps(GOOD | {"action": ["send"]}), "unknown_action"),
    "5,000 levels of action": ('{"action": ' + "[" * 5_000 + "]" * 5_000 + "}", "unknown_action"),
}
BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no message": ({"message": ...}, "invalid_message"),
    "null": ({"message": None}, "invalid_message"),
    "empty message": ({"message": ""}, "invalid_message"),
    "a number": ({"message": 7}, "invalid_message"),
    "an object": ({"message": {"text": "Hi"}}, "invalid_message"),
    "4,001 characters": ({"message": "x" * 4_001}, "message_too_large"),
    "4,001 astral characters": ({"message": "💬" * 4_001}, "message_too_large"),
    "30 KB": ({"message": "x" * 30_000}, "message_too_large"),
    "33 levels of data": ({"data": json.loads("[" * 33 + "]" * 33)}, "invalid_message"),
    "data with an integer of 400 digits": ({"data": {"a": 10**399}}, "invalid_message"),
    "a lone surrogate": ({"message": "Hi \ud83d"}, "invalid_message"),
    "NUL": ({"message": "Hi \x00"}, "invalid_message"),
    "an escape sequence": ({"message": "\x1b[2J"}, "invalid_message"),
    "a room with spaces": ({"room": "the lobby"}, "invalid_room"),
    "a room of 500 characters": ({"room": "x" * 500}, "invalid_room"),
    "a room that is a list": ({"room": ["lobby"]}, "invalid_room"),
    "a room not joined": ({"room": "elsewhere"}, "not_a_member"),
    "a ref of 10 KB": ({"ref": "r" * 10_240}, "invalid_ref"),
    "a ref that is an object": ({"ref": {"id": 1}}, "invalid_ref"),
    "an empty ref": ({"ref": ""}, "invalid_ref"),
    "NaN": ({"data": float("nan")}, "invalid_message"),
    "more than 4 KB of data": ({"data": "é" * 2_048}, "message_too_large"),
    "5,000 levels of data": ({"data": ...}, "invalid_message"),
}
ROUTES = {"onMessage": "onMessage", "send": "$default"}  # the route of an action


def frames() -> list[Any]:
    cases = [
        pytest.param(route, body, code, id=f"{name}, {route}")
        for name, (body, code) in BAD_FRAMES.items()
        for route in ROUTES.values()  # API Gateway picks the route; the function answers on each
    ]
    for name, (fields, code) in BAD_FIELDS.items():
        for action, route in ROUTES.items():
            frame = {
                key: value for key, value in ({"action": action} | GOOD | fields).items() if value is not ...
            }
            body = json.dumps(frame)
            if name == "5,000 levels of data":
                body = body[:-1] + ', "data": ' + "[" * 5_000 + "]" * 5_000 + "}"
            cases.append(pytest.param(route, body, code, id=f"{name}, {route}"))
    return cases


@pytest.mark.parametrize(("route", "body", "code"), frames())
def test_bad_input_is_answered_with_its_code_and_changes_nothing(
    site: Site, route: str, body: str | None, code: str
) -> None:
    site.connect(CONNECTION, "lobby")
    site.connect("bystander", "lobby")
    before = site.items("ConnectionsTable")
    answer = site.frame(body, route=route)
    if route == "onMessage":  # it returns no reply, so the error is posted
        assert answer == {"statusCode": 200}
        (frame,) = site.posted().pop(CONNECTION)
    else:
        assert (set(answer), answer["statusCode"]) == ({"statusCode", "body"}, 200)
        frame = answer["body"]
        assert CONNECTION not in site.posted()
    error = json.loads(frame)
    assert set(error) == {"type", "ref", "status", "code", "detail"}
    assert (error["type"], error["status"], error["code"]) == ("reply", "error", code)
    assert error["ref"] in (None, "", "r1")
    assert len(frame) < 500
    assert "confidentially" not in frame
    assert "Traceback" not in frame
    assert "bystander" not in site.posted()
    assert site.items("MessagesTable") == []
    assert site.items("ConnectionsTable") == before


def test_an_error_reply_names_the_ref_of_its_frame(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    answer = site.frame(json.dumps({"action": "send"} | GOOD | {"message": ""}), route="$default")
    assert json.loads(answer["body"])["ref"] == "r1"


@pytest.mark.parametrize(("action", "route"), ROUTES.items())
def test_4000_astral_characters_are_a_message(site: Site, action: str, route: str) -> None:
    site.connect(CONNECTION, "lobby")
    site.frame(json.dumps({"action": action} | GOOD | {"message": "💬" * 4_000}), route=route)
    assert site.posted() == {}
    (row,) = [item for item in site.items("MessagesTable") if item["pk"] == "LOG#lobby"]
    assert row["message"] == "💬" * 4_000


@pytest.mark.parametrize(("action", "route"), ROUTES.items())
def test_a_connection_that_is_not_stored_gets_not_connected(site: Site, action: str, route: str) -> None:
    answer = site.frame(json.dumps({"action": action} | GOOD), route=route)
    frame = answer["body"] if route == "$default" else site.posted()[CONNECTION][0]
    assert json.loads(frame)["code"] == "not_connected"
    assert site.items("MessagesTable") == []


def test_a_connection_can_send_after_an_error(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    site.frame("Hi from websocket!", route="$default")
    answer = site.frame(json.dumps({"action": "send"} | GOOD), route="$default")
    assert json.loads(answer["body"])["status"] == "ok"


def test_a_ref_of_another_message_is_an_error(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    site.frame(json.dumps({"action": "send"} | GOOD), route="$default")
    answer = site.frame(json.dumps({"action": "send"} | GOOD | {"message": "Ho"}), route="$default")
    assert json.loads(answer["body"])["code"] == "invalid_ref"
    assert [item.get("message") for item in site.items("MessagesTable") if item["pk"] == "LOG#lobby"] == [
        GOOD["message"],
        None,
    ]


def test_an_error_reply_that_cannot_be_posted_is_logged(site: Site) -> None:
    site.connect(CONNECTION, "lobby")
    site.gateway.gone.add(CONNECTION)
    assert site.frame("", route="onMessage") == {"statusCode": 200}


# Failures of ours


@pytest.mark.parametrize(("action", "route"), ROUTES.items())
@pytest.mark.parametrize("table", ["ConnectionsTable", "MessagesTable"])
def test_a_failure_of_ours_is_internal_and_reveals_nothing(
    site: Site, action: str, route: str, table: str
) -> None:
    site.connect(CONNECTION, "lobby")
    site.dynamodb.delete_table(TableName=table)
    answer = site.frame(json.dumps({"action": action} | GOOD), route=route)
    frame = answer["body"] if route == "$default" else site.posted()[CONNECTION][0]
    error = json.loads(frame)
    assert (error["code"], error["ref"]) == ("internal", "r1")
    for word in ("Traceback", "dynamodb", "DynamoDB", "Table", "ResourceNotFound", ".py"):
        assert word not in frame


VARIABLES = {
    "connect": ["SOCKET_CONNECTIONS_TABLE_NAME"],
    "disconnect": ["SOCKET_CONNECTIONS_TABLE_NAME"],
    "message": [
        "SOCKET_CONNECTIONS_TABLE_NAME",
        "MESSAGES_TABLE_NAME",
        "HISTORY_DAYS",
        "CONNECTIONS_ENDPOINT",
    ],
    "fanout": [
        "SOCKET_CONNECTIONS_TABLE_NAME",
        "MESSAGES_TABLE_NAME",
        "HISTORY_DAYS",
        "RECEIPTS",
        "CONNECTIONS_ENDPOINT",
    ],
}


@pytest.mark.parametrize(
    ("function", "variable"), [(function, name) for function, names in VARIABLES.items() for name in names]
)
def test_a_missing_variable_fails_the_cold_start_by_its_name(
    site: Site, function: str, variable: str
) -> None:
    with pytest.raises(KeyError, match=variable):
        site.start(function, without=variable)
