"""The chat over real sockets: the real functions on the local engine."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, frame_client, plain_client
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def rows(engine: Engine, key: str) -> list[dict[str, dict[str, str]]]:
    """Return all rows of the messages table with a partition key."""
    page = await engine.services.dynamodb(
        "Query",
        {
            "TableName": engine.stack.tables["MessagesTable"].name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key}},
            "ConsistentRead": True,
        },
    )
    return list(page["Items"])


async def connection_rows(engine: Engine) -> list[str]:
    page = await engine.services.dynamodb(
        "Scan", {"TableName": engine.stack.tables["ConnectionsTable"].name, "ConsistentRead": True}
    )
    return [item["pk"]["S"] + " " + item["sk"]["S"] for item in page["Items"]]


async def test_the_articles_client_receives_exactly_the_text_like_everyone_else(engine: Engine) -> None:
    async with (
        plain_client(engine.socket_url) as one,
        plain_client(engine.socket_url) as two,
        plain_client(engine.socket_url) as three,
    ):
        await one.send_frame('{"action":"onMessage","message":"Hi from websocket!"}')
        await asyncio.gather(*(client.receives("Hi from websocket!") for client in (one, two, three)))
        # Anything else that was sent to them would come before the next message.
        await two.send_text("and nothing else")
        for client in (one, two, three):
            await client.receives("Hi from websocket!", "and nothing else")


async def test_thirty_messages_arrive_as_thirty_frames_in_one_order_for_all(
    engine: Engine, room: str
) -> None:
    async with (
        plain_client(engine.socket_url, room=room) as one,
        plain_client(engine.socket_url, room=room) as two,
    ):
        for number in range(30):
            await one.send_text(f"message {number}")
        await asyncio.gather(*(client.until(lambda c=client: len(c.received) >= 30) for client in (one, two)))
        assert sorted(one.received) == sorted(f"message {number}" for number in range(30))
        assert one.received == two.received


async def test_a_plain_client_sends_to_the_room_it_asked_for(engine: Engine, room: str) -> None:
    async with plain_client(engine.socket_url, room=room) as one, plain_client(engine.socket_url) as lobby:
        await one.send_text("in the room")
        await one.receives("in the room")
        await lobby.send_text("in the lobby")
        await lobby.receives("in the lobby")
        assert one.received == ["in the room"]


async def test_plain_clients_and_frame_clients_receive_each_others_messages(
    engine: Engine, room: str
) -> None:
    async with (
        plain_client(engine.socket_url, room=room) as bare,
        frame_client(engine.socket_url, room=room, name="Ada") as ada,
    ):
        await bare.send_text("from the bare one")
        await ada.until_received("from the bare one")
        reply = await ada.send(room, "from Ada", data={"mood": ["fine", 1.5]})
        await bare.receives("from the bare one", "from Ada")
        await ada.until_received("from Ada")
    received = ada.messages[-1]
    assert received == {
        "seq": 2,
        "id": reply["id"],
        "user": received["user"],
        "name": "Ada",
        "message": "from Ada",
        "at": reply["at"],
        "data": {"mood": ["fine", 1.5]},
    }
    assert (reply["status"], reply["room"], reply["seq"]) == ("ok", room, 2)


async def test_a_person_is_one_user_in_all_tabs_and_no_name_makes_another_that_user(
    engine: Engine, room: str
) -> None:
    async with AsyncExitStack() as stack:
        tab, other_tab, impostor = [
            await stack.enter_async_context(
                frame_client(engine.socket_url, room=room, name="Ada", client=client)
            )
            for client in ("secret-of-ada", "secret-of-ada", "guess")
        ]
        for client, text in ((tab, "one"), (other_tab, "two"), (impostor, "three")):
            await client.send(room, text)
        await tab.until_received("one", "two", "three")
        users = {message["message"]: message["user"] for message in tab.messages}
    assert users["one"] == users["two"] != users["three"]
    assert all("secret" not in frame for frame in tab.received)


async def test_a_ref_counts_once_also_over_another_connection_and_twice_at_once(
    engine: Engine, room: str
) -> None:
    ref = str(uuid.uuid4())
    ada = {"room": room, "client": "ada"}
    async with frame_client(engine.socket_url, **ada) as one, frame_client(engine.socket_url, **ada) as two:
        replies = await asyncio.gather(
            *(client.send(room, "once", ref=ref) for client in (one, two, one, two))
        )
        again = await two.send(room, "once", ref=ref)
        last = await one.send(room, "the end")
        await asyncio.gather(*(client.until_received("the end") for client in (one, two)))
    assert {reply["status"] for reply in [*replies, again]} == {"ok"}
    assert len({(reply["seq"], reply["at"]) for reply in [*replies, again]}) == 1
    for client in (one, two):
        assert client.texts == ["once", "the end"]
        places = [
            seq for frame in client.frames if frame["type"] == "messages" for seq in frame.get("skipped", [])
        ]
        assert sorted([*places, *(message["seq"] for message in client.messages)]) == list(
            range(1, last["seq"] + 1)
        )
    log = await rows(engine, f"LOG#{room}")
    assert [int(row["sk"]["S"]) for row in log] == list(range(1, last["seq"] + 1))
    assert [row["message"]["S"] for row in log if "message" in row] == ["once", "the end"]


async def test_a_ref_used_for_another_text_is_an_error_and_nobody_receives_it(
    engine: Engine, room: str
) -> None:
    async with frame_client(engine.socket_url, room=room) as client:
        first = await client.send(room, "mine", ref="a-ref")
        second = await client.send(room, "not mine", ref="a-ref")
        await client.send(room, "the end")
        await client.until_received("the end")
    assert (first["status"], second["status"], second["code"]) == ("ok", "error", "invalid_ref")
    assert client.texts == ["mine", "the end"]


async def test_a_hundred_messages_at_once_reach_everyone_by_ascending_seq_without_repeats(
    engine: Engine, room: str
) -> None:
    async with AsyncExitStack() as stack:
        clients: list[FrameClient] = [
            await stack.enter_async_context(frame_client(engine.socket_url, room=room)) for _ in range(4)
        ]
        replies = await asyncio.gather(
            *(clients[number % 4].send(room, f"message {number}") for number in range(100))
        )
        for client in clients:
            await client.until(lambda c=client: len(c.messages) >= 100)
    assert sorted(reply["seq"] for reply in replies) == list(range(1, 101))
    for client in clients:
        assert [message["seq"] for message in client.messages] == list(range(1, 101))
        assert client.messages == clients[0].messages


async def test_rooms_are_separate(engine: Engine, room: str) -> None:
    other = room + "-other"
    async with (
        frame_client(engine.socket_url, room=[room]) as one,
        frame_client(engine.socket_url, room=[other, room]) as both,
    ):
        await both.send(other, "to the other")
        await both.send(room, "to the room")
        await asyncio.gather(
            one.until_received("to the room"), both.until_received("to the other", "to the room")
        )
    assert one.texts == ["to the room"]
    assert {frame["room"] for frame in both.frames if frame["type"] == "messages"} == {room, other}


async def test_a_ping_is_answered(engine: Engine, room: str) -> None:
    async with frame_client(engine.socket_url, room=room) as client:
        reply = await client.request(action="ping")
    assert (reply["status"], reply["pong"]) == ("ok", True)


@pytest.mark.parametrize("offer", [["graphql-ws"], ["roomcast.v2", "mqtt"]])
async def test_an_offer_without_our_subprotocol_is_rejected(engine: Engine, offer: list[str]) -> None:
    with pytest.raises(InvalidStatus) as rejected:
        async with connect(engine.socket_url, subprotocols=[Subprotocol(name) for name in offer]):
            pass
    assert rejected.value.response.status_code == 400


@pytest.mark.parametrize("asked", ["two%20words", "x" * 500, "bell%07"])
async def test_a_connect_to_no_rooms_name_is_rejected(engine: Engine, asked: str) -> None:
    with pytest.raises(InvalidStatus) as rejected:
        async with connect(f"{engine.socket_url}?room={asked}"):
            pass
    assert rejected.value.response.status_code == 400


async def test_a_clean_close_leaves_no_row(engine: Engine, room: str) -> None:
    async def left() -> bool:
        return len([row for row in await connection_rows(engine) if room in row]) == 2

    async with frame_client(engine.socket_url, room=[room, room + "-2"]) as watcher:
        async with frame_client(engine.socket_url, room=[room, room + "-2"]) as leaver:
            reply = await leaver.send(room, "hello")
            assert reply["status"] == "ok"
            assert len([row for row in await connection_rows(engine) if room in row]) == 4
        await until(left)
        assert (await watcher.send(room, "still here"))["status"] == "ok"
