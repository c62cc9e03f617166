"""Functions die in the middle of their work: nothing acknowledged is lost or stored twice."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from tests.e2e.support.clients import FrameClient, frame_client, plain_client
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Call, Hold, Matches, by, operation, writes
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def writes_ref(ref: str) -> Matches:
    return lambda call: writes("REF#")(call) and ref in call.text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


@pytest.mark.parametrize(
    "last_write", [writes("HEAD"), writes("REF#"), writes("LOG#")], ids=["the head", "the ref", "the row"]
)
async def test_the_message_function_dies_and_the_resend_gets_the_stored_seq(
    proxied: EngineWithProxies, room: str, last_write: Matches
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as grace,
    ):
        ref = str(uuid.uuid4())
        died = proxied.dynamodb.after(
            by("MessageFunction", lambda call: last_write(call) and room in call.text),
            proxied.killer("MessageFunction"),
        )
        await ada.send_frame({"action": "send", "ref": ref, "room": room, "message": "once"})
        await died.happened.wait()
        await ada.until_internal_error()
        await asyncio.gather(ada.until_received("once"), grace.until_received("once"))
        again = await ada.send(room, "once", ref=ref)
        assert (again["status"], again["seq"], again["id"]) == ("ok", 1, ref)
        await grace.send(room, "the end")
        await asyncio.gather(ada.until_received("the end"), grace.until_received("the end"))
        for client in (ada, grace):
            assert client.texts == ["once", "the end"]
            assert client.known_seqs == [1, 2, 3]
    assert await proxied.log(room) == ["once", None, "the end"]


async def test_a_resend_overtakes_a_message_function_that_hangs(
    proxied: EngineWithProxies, room: str
) -> None:
    ref, hold = str(uuid.uuid4()), Hold()
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as grace,
    ):
        # The first call has its seq and is held up before its ref; both come to the same end, whoever is
        # first.
        held = proxied.dynamodb.before(by("MessageFunction", writes_ref(ref)), hold)
        first = asyncio.create_task(ada.send(room, "once", ref=ref))
        await until(lambda: held.hits)
        second = await grace.send(room, "once", ref=ref)
        hold.release()
        assert (await first)["seq"] == second["seq"]
        await grace.send(room, "the end")
        await asyncio.gather(ada.until_received("the end"), grace.until_received("the end"))
        assert ada.texts == grace.texts == ["once", "the end"]
        assert ada.known_seqs == grace.known_seqs == [1, 2, 3]
    assert [text for text in await proxied.log(room) if text] == ["once", "the end"]


@pytest.mark.parametrize(
    "last_call",
    [operation("BatchGetItem"), writes("REF#", "PutItem"), writes("LOG#", "PutItem"), operation("Query")],
    ids=["reading what is stored", "repairing the ref", "repairing the row", "reading the members"],
)
async def test_the_fan_out_dies_and_the_stream_brings_the_run_again(
    proxied: EngineWithProxies, room: str, last_call: Matches
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as grace,
    ):
        ref = str(uuid.uuid4())
        # The message function dies at once, so that all repair is left to the fan-out, which dies too.
        proxied.dynamodb.after(
            lambda call: writes("HEAD")(call) and room in call.text, proxied.killer("MessageFunction")
        )
        died = proxied.dynamodb.after(
            lambda call: last_call(call) and room in call.text, proxied.killer("FanoutFunction")
        )
        await ada.send_frame({"action": "send", "ref": ref, "room": room, "message": "once"})
        await died.happened.wait()
        await asyncio.gather(ada.until_received("once"), grace.until_received("once"))
        again = await ada.send(room, "once", ref=ref)
        assert (again["status"], again["seq"]) == ("ok", 1)
        await ada.send(room, "the end")
        await asyncio.gather(ada.until_received("the end"), grace.until_received("the end"))
        for client in (ada, grace):
            assert [message["seq"] for message in client.messages] == [1, 3]
            assert client.known_seqs == [1, 2, 3]
    assert await proxied.log(room) == ["once", None, "the end"]


async def test_the_fan_out_dies_during_its_posts_and_repeats_have_the_same_seq(
    proxied: EngineWithProxies, room: str
) -> None:
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as grace,
    ):
        died = proxied.gateway.after(operation("POST", room), proxied.killer("FanoutFunction"))
        await ada.send(room, "once")
        await died.happened.wait()
        await asyncio.gather(ada.until_received("once"), grace.until_received("once"))
        await ada.send(room, "the end")
        await asyncio.gather(ada.until_received("the end"), grace.until_received("the end"))
        for client in (ada, grace):
            by_seq = {message["seq"]: message["message"] for message in client.messages}
            assert by_seq == {1: "once", 2: "the end"}
            assert client.texts[-1] == "the end"
    assert await proxied.log(room) == ["once", "the end"]


async def test_a_message_function_that_fails_answers_internal_and_the_resend_is_stored_once(
    proxied: EngineWithProxies, room: str
) -> None:
    async def fail(call: Call) -> web.Response:
        return web.json_response({"__type": "AccessDeniedException", "message": "secret detail"}, status=400)

    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        plain_client(proxied.url, room=room) as bare,
    ):
        ref = str(uuid.uuid4())
        proxied.dynamodb.before(by("MessageFunction", writes_ref(ref)), fail)
        first = await ada.send(room, "once", ref=ref)
        assert (first["status"], first["code"]) == ("error", "internal")
        assert "secret" not in first["detail"] and "Traceback" not in first["detail"]
        again = await ada.send(room, "once", ref=ref)
        assert again["status"] == "ok"
        await bare.receives("once")
    log = await proxied.log(room)
    # Which of the two stands depends on who was first, the resend or the fan-out that repairs.
    assert [text for text in log if text] == [log[again["seq"] - 1]] == ["once"]


async def test_a_hundred_kills_at_random_points_lose_and_reorder_nothing(
    proxied: EngineWithProxies, room: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when it fails
    chance = random.Random(seed)
    kills, sent = 0, 0
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client="ada") as grace,
    ):
        while kills < 100:
            sent += 1
            text, ref = f"message {sent}", str(uuid.uuid4())
            await ada.send_frame({"action": "send", "ref": ref, "room": room, "message": text})
            await asyncio.sleep(chance.uniform(0, 0.03))
            kills += proxied.engine.host.kill(
                chance.choice(["FanoutFunction", "MessageFunction", "FanoutFunction"])
            )
            while True:  # without an answer, or with an error, a client sends again with the same ref
                reply = await resent(grace, room, text, ref)
                if reply["status"] == "ok":
                    break
            await asyncio.gather(ada.until_received(text), grace.until_received(text))
        for client in (ada, grace):
            by_seq = {message["seq"]: message["message"] for message in client.messages}
            assert list(by_seq.values()) == [f"message {number}" for number in range(1, sent + 1)]
            assert list(by_seq) == sorted(by_seq)
    assert [text for text in await proxied.log(room) if text] == [
        f"message {number}" for number in range(1, sent + 1)
    ]


async def resent(client: FrameClient, room: str, text: str, ref: str) -> dict[str, object]:
    """Send it again and return the answer: API Gateway's if the function was killed just now."""
    before = len(client.received)
    await client.send_frame({"action": "send", "ref": ref, "room": room, "message": text})

    def answers() -> list[dict[str, object]]:
        return [
            frame for frame in client.frames[before:] if frame.get("ref") == ref or "connectionId" in frame
        ]

    await client.until(lambda: bool(answers()))
    return {"status": "unknown", **answers()[0]}
