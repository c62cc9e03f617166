"""Messages of clients: the route they take, the reply they get."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local.aws_defaults import Limits
from local.gateway.routes import RouteSelection
from local.invocation import Result
from tests.support.local.gateway_stage import Functions, an_api, failed, running

LATER = "a frame that comes after all others"


def asking(**fields: Any) -> str:
    return json.dumps({"action": "ask", **fields})


# which route


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ('{"action": "say"}', "say"),
        ('{"action": "unheard of"}', "unheard of"),
        ('{"action": "$connect"}', "$default"),
        ('{"action": "$disconnect"}', "$default"),
        ('{"action": "$default"}', "$default"),
        ('{"action": 5}', "$default"),
        ('{"action": null}', "$default"),
        ('{"action": {"say": 1}}', "$default"),
        ('{"other": "say"}', "$default"),
        ('"say"', "$default"),
        ('["say"]', "$default"),
        ("say", "$default"),
        ("", "$default"),
        ("[" * 100_000, "$default"),
    ],
)
def test_a_message_takes_the_route_its_action_names_and_the_default_one_otherwise(
    message: str, key: str
) -> None:
    assert RouteSelection("$request.body.action").key(message) == key


@pytest.mark.parametrize("expression", ["${request.body.to.what}", "$request.body.to.what"])
def test_the_selection_may_look_deeper_and_be_braced(expression: str) -> None:
    selection = RouteSelection(expression)
    assert selection.key('{"to": {"what": "say"}}') == "say"
    assert selection.key('{"to": "what"}') == "$default"


@pytest.mark.parametrize(
    "expression", ["", "action", "$request.header.x", "${request.body.a}-${request.body.b}"]
)
def test_a_selection_it_cannot_evaluate_is_an_error_at_once(expression: str) -> None:
    with pytest.raises(ValueError, match="route selection"):
        RouteSelection(expression)


async def test_an_unknown_action_goes_to_the_default_route_under_its_key() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send('{"action": "unheard of"}')
        event = await stage.functions.called("Default")
        assert event["requestContext"]["routeKey"] == "$default"


async def test_without_a_default_route_an_unknown_action_is_forbidden() -> None:
    async with running(api=an_api(default=False)) as stage, stage.client() as (client, connection_id):
        await client.send("not json")
        frame = await client.recv()
        request_id = json.loads(frame)["requestId"]
        # Spaced as API Gateway does.
        assert frame == (
            f'{{"message": "Forbidden", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'
        )


# the reply


async def test_a_two_way_route_sends_its_functions_body() -> None:
    async with (
        running(Functions(Ask={"statusCode": 200, "body": "42 \u2713"})) as stage,
        stage.connect() as client,
    ):
        await client.send(asking())
        assert await client.recv() == "42 \u2713"


@pytest.mark.parametrize("answer", [{"statusCode": 200}, {"statusCode": 200, "body": None}])
async def test_a_two_way_route_sends_an_empty_frame_where_there_is_no_body(answer: dict[str, Any]) -> None:
    async with running(Functions(Ask=answer)) as stage, stage.connect() as client:
        await client.send(asking())
        assert await client.recv() == ""


async def test_the_status_of_a_two_way_answer_does_not_matter() -> None:
    async with running(Functions(Ask={"statusCode": 400, "body": "no"})) as stage, stage.connect() as client:
        await client.send(asking())
        assert await client.recv() == "no"


async def test_a_one_way_routes_body_goes_nowhere() -> None:
    functions = Functions(Say={"statusCode": 200, "body": "unheard"}, Ask={"statusCode": 200, "body": LATER})
    async with running(functions) as stage, stage.connect() as client:
        await client.send('{"action": "say"}')
        await functions.called("Say")
        await client.send(asking())
        assert await client.recv() == LATER


@pytest.mark.parametrize("action", ["say", "ask"])
@pytest.mark.parametrize(
    "answer",
    [
        failed(),
        None,
        {},
        {"body": "no status"},
        {"statusCode": "200"},
        {"statusCode": 200, "body": {"an": "object"}},
        {"statusCode": 200, "headers": {}},
        {"statusCode": 200, "body": "x", "isBase64Encoded": False},
        Result(b"not json"),
    ],
)
async def test_any_other_answer_sends_an_internal_server_error_on_one_way_routes_too(
    action: str, answer: Result | dict[str, Any] | None
) -> None:
    functions = Functions(Say=answer, Ask=answer)
    async with running(functions) as stage, stage.client() as (client, connection_id):
        await client.send(json.dumps({"action": action}))
        frame = json.loads(await client.recv())
        name = action.capitalize()
        assert frame == {
            "message": "Internal server error",
            "connectionId": connection_id,
            "requestId": functions.of(name)[0]["requestContext"]["requestId"],
        }


async def test_a_function_that_takes_too_long_sends_an_internal_server_error_and_runs_on() -> None:
    finished, may_finish = asyncio.Event(), asyncio.Event()

    async def slow(event: dict[str, Any]) -> dict[str, Any]:
        await may_finish.wait()
        finished.set()
        return {"statusCode": 200, "body": "too late"}

    limits = Limits(integration_timeout=0.5)
    async with running(Functions(Ask=slow), limits=limits) as stage, stage.connect() as client:
        await client.send(asking())
        assert json.loads(await client.recv())["message"] == "Internal server error"
        may_finish.set()
        await finished.wait()
        await client.send("anything")
        assert await client.recv() == ""  # of $default: what came too late went nowhere


async def test_a_reply_over_128_kb_sends_an_internal_server_error() -> None:
    sizes = iter([128 * 1024, 128 * 1024 + 1])
    functions = Functions(Ask=lambda event: {"statusCode": 200, "body": "x" * next(sizes)})
    async with running(functions) as stage, stage.connect() as client:
        await client.send(asking())
        assert len(await client.recv()) == 128 * 1024
        await client.send(asking())
        assert json.loads(await client.recv())["message"] == "Internal server error"


async def test_replies_do_not_fill_the_memory_for_a_client_that_never_reads() -> None:
    functions = Functions(Ask={"statusCode": 200, "body": "x" * 100 * 1024})
    limits = Limits(client_buffer=64 * 1024)
    async with running(functions, limits=limits) as stage, stage.client(close_timeout=0) as (client, _):
        for _ in range(300):  # 30 MB of replies: past what the kernel's buffers take
            await client.send(asking())
        await functions.called("Ask", times=300)
        received = 0
        while await client.recv() != "":  # $default's, asked for until there is room for it
            received += 1
            await client.send("anything")
        assert received < 300


async def test_a_reply_with_a_lone_surrogate_is_sent_as_valid_text() -> None:
    functions = Functions(Ask=Result(rb'{"statusCode": 200, "body": "a\ud800b"}'))
    async with running(functions) as stage, stage.connect() as client:
        await client.send(asking())
        assert await client.recv() == "a?b"


async def test_a_client_that_left_misses_its_reply_and_nothing_breaks() -> None:
    may_answer = asyncio.Event()

    async def slow(event: dict[str, Any]) -> dict[str, Any]:
        await may_answer.wait()
        return {"statusCode": 200, "body": "late"}

    async with running(Functions(Ask=slow)) as stage:
        async with stage.connect() as client:
            await client.send(asking())
            await stage.functions.called("Ask")
        await stage.functions.called("Disconnect")
        may_answer.set()
        async with stage.connect() as client:
            await client.send("still here")
            assert await client.recv() == ""


# side by side


async def test_messages_of_one_connection_run_at_the_same_time() -> None:
    all_four = asyncio.Barrier(4)

    async def meet(event: dict[str, Any]) -> dict[str, Any]:
        await all_four.wait()  # passes only while four of them run
        return {"statusCode": 200, "body": json.loads(event["body"])["n"]}

    async with running(Functions(Ask=meet)) as stage, stage.connect() as client:
        for n in "1234":
            await client.send(asking(n=n))
        assert sorted([await client.recv() for _ in range(4)]) == ["1", "2", "3", "4"]


async def test_a_message_may_come_in_several_frames() -> None:
    async with running() as stage, stage.connect() as client:
        await client.send(['{"action": ', '"ask", "text": "\u00e4', '\u00f6"}'])
        event = await stage.functions.called("Ask")
        assert json.loads(event["body"])["text"] == "\u00e4\u00f6"


# throttles


async def test_messages_past_their_routes_throttle_get_too_many_requests_and_no_function() -> None:
    api = an_api(throttle_rate=0.001, throttle_burst=1)
    functions = Functions(Ask={"statusCode": 200, "body": "yes"})
    async with running(functions, api=api) as stage, stage.client() as (client, connection_id):
        await client.send(asking())
        assert await client.recv() == "yes"
        await client.send(asking())
        frame = json.loads(await client.recv())
        assert frame["message"] == "Too Many Requests"
        assert frame["connectionId"] == connection_id
        assert len(functions.of("Ask")) == 1


async def test_a_route_that_is_throttled_leaves_the_others_open() -> None:
    api = an_api(throttle_rate=0.001, throttle_burst=1)
    functions = Functions(Ask={"statusCode": 200, "body": "yes"}, Default={"statusCode": 200, "body": "what"})
    async with running(functions, api=api) as stage, stage.connect() as client:
        await client.send(asking())
        assert await client.recv() == "yes"
        await client.send("no JSON")
        assert await client.recv() == "what"
        await client.send("no JSON either")  # whatever takes the $default route shares its bucket
        assert json.loads(await client.recv())["message"] == "Too Many Requests"
