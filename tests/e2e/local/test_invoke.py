"""`python -m local invoke` beside a running engine: every sample event, answered as README says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local import invoke
from local.engine import Engine
from tests.support.project import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS = {
    "authorize": "AuthorizerFunction",
    "authorize-origin": "AuthorizerFunction",
    "authorize-token": "AuthorizerFunction",
    "connect": "ConnectFunction",
    "connect-rooms": "ConnectFunction",
    "disconnect": "DisconnectFunction",
    "on-message": "MessageFunction",
    "send": "MessageFunction",
    "join": "MessageFunction",
    "history": "MessageFunction",
    "leave": "MessageFunction",
    "ping": "MessageFunction",
    "unknown-action": "MessageFunction",
    "not-json": "MessageFunction",
    "fanout-one-message": "FanoutFunction",
    "fanout-hot-room": "FanoutFunction",
    "fanout-poison": "FanoutFunction",
}
ANSWERS = {
    "connect": {"statusCode": 200},
    "connect-rooms": {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "roomcast.v1"}},
    "disconnect": {"statusCode": 200},
    "on-message": {"statusCode": 200},
    "fanout-one-message": {"batchItemFailures": []},
    "fanout-hot-room": {"batchItemFailures": []},
    "fanout-poison": {"batchItemFailures": [{"itemIdentifier": "170000000000000000002"}]},
}


async def call(engine: Engine, name: str) -> Any:
    """Runs an event as the command does, with the running engine's endpoints in env.json's place."""
    given = json.loads((ROOT / "events" / "env.json").read_text())["Parameters"]
    given |= {"AWS_ENDPOINT_URL_DYNAMODB": engine.services.url, "CONNECTIONS_ENDPOINT": f"{engine.url}/prod"}
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    output = await invoke.once(
        ROOT / "template.yaml", CALLS[name], event, {}, {"Parameters": given}, lambda function, line: None
    )
    return json.loads(output)


async def test_every_sample_event_is_called() -> None:
    files = {path.stem for path in (ROOT / "events").glob("*.json")}
    assert files - set(CALLS) == {"env", "env-docker"}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_event_has_the_answer_that_the_readme_names(engine: Engine, name: str) -> None:
    answer = ANSWERS[name]
    assert await call(engine, name) == answer
    assert json.dumps(answer) in (ROOT / "README.md").read_text()


async def test_a_send_is_stored_for_the_connection_that_was_just_opened(engine: Engine) -> None:
    await call(engine, "connect")
    reply = json.loads((await call(engine, "send"))["body"])
    assert (reply["status"], reply["room"]) == ("ok", "lobby")


async def test_a_connection_joins_reads_and_leaves(engine: Engine) -> None:
    await call(engine, "connect")
    for name, room in (("join", "general"), ("history", "lobby"), ("leave", "lobby")):
        reply = json.loads((await call(engine, name))["body"])
        assert (reply["status"], reply["room"]) == ("ok", room)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ping", ("ok", None)),
        ("unknown-action", ("error", "unknown_action")),
        ("not-json", ("error", "invalid_frame")),
    ],
)
async def test_other_actions_are_answered(
    engine: Engine, name: str, expected: tuple[str, str | None]
) -> None:
    reply = json.loads((await call(engine, name))["body"])
    assert (reply["status"], reply.get("code")) == expected


async def test_the_authorizer_allows_with_a_name(engine: Engine) -> None:
    answer = await call(engine, "authorize")
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert answer["context"] == {
        "user": "3869c35c7dfdbc36154f",
        "name": "Ada",
        "protocol": "v1",
        "room": "lobby",
        "grants": "*",
        "roles": "",
        "expires_at": "",
    }
