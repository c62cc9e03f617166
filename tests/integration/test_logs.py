"""The functions' logs: enough to follow a connection, and no text of a user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Logs
from tests.integration.conftest import CONNECTION, Site
from tests.integration.test_fan_out import batch, poison, record

TEXT, CLIENT, TOKEN, BAD = "hush-text", "hush-client", "hush-token", "hush-bad"
PRIVATE = [TEXT, CLIENT, TOKEN, BAD, "hush"]


def query(event: dict[str, Any], **values: list[str]) -> dict[str, Any]:
    event["queryStringParameters"] = {name: value[-1] for name, value in values.items()}
    event["multiValueQueryStringParameters"] = values
    return event


def let_in(site: Site, connection: str, *rooms: str, **more: list[str]) -> Any:
    """Connect a client whose request is full of texts that must not be in a log."""
    asked = {"client": [CLIENT], "name": [f"Ada {TOKEN}"], "token": [TOKEN], "room": list(rooms), **more}
    event = query(site.event("authorize"), **asked)
    event["requestContext"]["connectionId"] = connection
    context = site.invoke("authorizer", event)["context"]
    event = query(site.event("connect-rooms"), **asked)
    event["requestContext"]["connectionId"] = connection
    event["requestContext"]["authorizer"] = context
    return site.invoke("connect", event)


def say(site: Site, *, route: str = "$default", **fields: Any) -> Any:
    frame = {"action": "send", "ref": "r1", "room": "general", "message": TEXT, "data": {"a": TEXT}}
    return site.frame(json.dumps(frame | fields), route=route)


def visit_with_errors(site: Site, stream: Any) -> None:
    """Invoke every function, and cause errors and failures too."""
    let_in(site, CONNECTION, "general", "news")
    let_in(site, "closed", "general")
    site.gateway.gone.add("closed")
    for route in ("$default", "onMessage"):
        say(site, route=route, ref=f"{route} r1")
        say(site, route=route, ref=f"{route} r1", message=f"{TEXT} again")
        say(site, route=route, ref=f"{route} r2", message=TEXT * 1_000)
        say(site, route=route, ref=TEXT * 1_000)
        say(site, route=route, ref="r3", room=f"{BAD} room")
        say(site, route=route, ref="r4", room="elsewhere")
        say(site, route=route, action=BAD)
        site.frame(f"{TEXT} is no JSON", route=route)
    site.invoke("fanout", batch(*stream.records()))
    site.invoke("fanout", batch(poison(1, last={"S": TEXT}, pk={"S": "ROOM#general"}, seq={"N": "9"})))
    broken = record(1, "news", 1, "")
    broken["dynamodb"]["NewImage"]["last"]["M"]["message"] = {"L": [{"S": TEXT}]}
    site.invoke("fanout", batch(broken))
    site.invoke("disconnect", site.event("disconnect"))
    site.invoke("disconnect", site.event("disconnect"))
    event = site.event("send")
    event["body"] = TEXT
    site.invoke("connect", event)
    site.invoke("disconnect", event)
    let_in(site, "rejected", f"{BAD} room", "general")
    let_in(site, CONNECTION, "general")
    site.dynamodb.delete_table(TableName="MessagesTable")
    say(site, ref="r5")


# The authorizer's line about an invalid room has a test of its own, below.
AUTHORIZER = "identified"


def test_no_text_of_a_user_is_logged(
    site: Site, stream: Any, logs: Logs, capsys: pytest.CaptureFixture[str]
) -> None:
    visit_with_errors(site, stream)
    lines = [line for line in logs.lines() if line["message"] != AUTHORIZER]
    assert len(lines) > 20
    printed = capsys.readouterr()  # the metrics
    for private in PRIVATE:
        assert private not in json.dumps(lines)
        assert private not in printed.out + printed.err


def test_a_client_id_is_logged_as_a_hash_only(site: Site, logs: Logs) -> None:
    let_in(site, CONNECTION, "general")
    (line,) = [line for line in logs.lines() if line["message"] == AUTHORIZER]
    assert "hush" not in json.dumps(line)
    assert (line["connection"], line["room"]) == (CONNECTION, "general")


def test_an_invalid_room_name_is_not_logged(site: Site, logs: Logs) -> None:
    let_in(site, CONNECTION, f"{BAD} room?token={TOKEN}")
    assert "hush" not in logs.getvalue()


def roomless(line: dict[str, Any]) -> bool:
    """True if the line is of a connection that is in no room: not yet, or not any more."""
    return line["message"] in ("rejected", "not a disconnect event") or "pruned_before" in line


def test_every_line_names_its_connection_and_its_room_if_there_is_one(
    site: Site, stream: Any, logs: Logs
) -> None:
    visit_with_errors(site, stream)
    for line in logs.lines():
        if line["message"] == "unrecognized stream record":
            assert line["sequence_number"]
        elif line["message"] in ("broadcast", "broadcast failed", "announced"):
            assert line["room"]  # of all the room's connections
        elif line["message"] == "pruned connections":
            assert (line["room"], line["connections"]) == ("general", ["closed"])
        else:
            assert line["connection"]
            assert line.get("room") or roomless(line), line


def test_a_failure_is_logged_with_its_trace(site: Site, logs: Logs) -> None:
    let_in(site, CONNECTION, "lobby")
    site.dynamodb.delete_table(TableName="MessagesTable")
    say(site, room="lobby")
    (line,) = [line for line in logs.lines() if line["level"] == "ERROR"]
    assert "Traceback" in line["exception"]
    assert (line["connection"], line["room"]) == (CONNECTION, "lobby")


def test_a_line_has_no_keys_of_the_invocation_before(site: Site, logs: Logs) -> None:
    site.connect(CONNECTION, "general")
    site.connect("next", "two words")
    *_, rejected = logs.lines()
    assert (rejected["message"], rejected["connection"]) == ("rejected", "next")
    assert "room" not in rejected


def test_a_message_is_logged_with_the_room_that_it_went_to(site: Site, logs: Logs) -> None:
    let_in(site, CONNECTION, "lobby", "news")
    say(site, room="news")
    *_, line = logs.lines()
    assert (line["message"], line["room"]) == ("done", "news")


def test_a_ping_writes_no_line_and_its_error_does(site: Site, logs: Logs) -> None:
    let_in(site, CONNECTION, "lobby")
    before = logs.lines()
    site.frame(json.dumps({"action": "ping", "ref": "p1", "rooms": ["lobby"]}), route="$default")
    assert logs.lines() == before
    site.frame(json.dumps({"action": "ping", "ref": "p2", "rooms": "lobby"}), route="$default")
    (line,) = logs.lines()[len(before) :]
    assert (line["message"], line["code"]) == ("error reply", "invalid_frame")
