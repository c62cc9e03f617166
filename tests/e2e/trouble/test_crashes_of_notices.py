"""The fan-out dies on the way of a notice: all of a person's devices get it, and no mention counts twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.support.clients import FrameClient, frame_client, user_of
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS, EngineWithProxies, engine_with_proxies
from tests.e2e.support.recording_proxy import Call, Matches, by, writes

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied() -> AsyncIterator[EngineWithProxies]:
    async with engine_with_proxies(parameters=HIGH_LIMITS) as proxied:
        yield proxied


def notice_with(room: str, part: str) -> Matches:
    """Match the post of a notice that contains this text."""

    def matches(call: Call) -> bool:
        frame = str(call.body.get("frame", ""))
        return '"type":"notice"' in frame and room in frame and part in frame

    return matches


def mention_of(user: str, room: str) -> Matches:
    """Match the write of a mention on a person's subscription to a room."""
    return lambda call: writes(f"USER#{user}", "UpdateItem")(call) and room in call.text


def connections_of(user: str) -> Matches:
    """Match the read that says which connections a person has."""
    return lambda call: call.operation in {"GetItem", "Query"} and f"USER#{user}" in call.text


def death(proxied: EngineWithProxies, moment: str, user: str, room: str) -> Any:
    """Let the fan-out die at a moment of a mention's way, and return the rule."""
    when, _, what = moment.partition(" ")
    proxy = proxied.gateway if what == "the post" else proxied.dynamodb
    matches = {
        "the mention": mention_of(user, room),
        "the connections": by("FanoutFunction", connections_of(user)),
        "the post": notice_with(room, '"mention":'),
    }[what]
    rule = proxy.before if when == "before" else proxy.after
    return rule(matches, proxied.killer("FanoutFunction"))


async def notices_until_muted(client: FrameClient, room: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the notice of a subscription, and those of what came next, until it is told to be muted."""
    notices: list[dict[str, Any]] = []

    def has_come() -> bool:
        notices[:] = [each for each in client.of_type("notice") if each["room"] == room]
        return any(each.get("muted") for each in notices)

    await client.until(has_come)
    # Notices of one subscription come in the order of its changes.
    return notices[0], [each for each in notices[1:] if each != notices[0] and not each.get("muted")]


def check_copies(frames: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    """Check that a frame has come. It may come again, always the same."""
    assert frames != []
    assert [frame for frame in frames if frame != expected] == []


@pytest.mark.parametrize(
    "moment",
    [
        "before the mention",
        "after the mention",
        "before the connections",
        "after the connections",
        "before the post",
        "after the post",
    ],
)
async def test_a_mention_is_told_on_all_devices_and_counts_once(
    proxied: EngineWithProxies, room: str, moment: str
) -> None:
    client = f"bob {room}"
    bob = user_of(client)
    async with (
        frame_client(proxied.url, room=room, client="ada", name="Ada") as ada,
        frame_client(proxied.url, room=room, client=client) as laptop,
        frame_client(proxied.url, room="", client=client) as phone,
    ):
        began = await phone.request(action="subscribe", room=room)
        for device in (phone, laptop):  # else the connections are read for this notice, too
            await device.until(lambda device=device: device.of_type("notice") != [])
        died = death(proxied, moment, bob, room)
        sent = await ada.send(room, "Bob?", mentions=[bob])
        await died.happened.wait()
        expected = {
            "type": "notice", "room": room, "seq": 1, "read": 0, "unread": 1, "mentions": 1, "muted": False,
            "since": began["since"],
            "mention": {"seq": 1, "user": user_of("ada"), "name": "Ada", "at": sent["at"]},
        }  # fmt: skip
        for device in (phone, laptop):
            await device.until(lambda device=device: expected in device.of_type("notice"))
        muted = await phone.request(action="subscribe", room=room, muted=True)
        assert (muted["unread"], muted["mentions"]) == (1, 1)
        for device in (phone, laptop):
            first, others = await notices_until_muted(device, room)
            assert first["mentions"] == 0
            check_copies(others, expected)
        await laptop.until_received("Bob?")
        assert set(laptop.known_seqs) == {1}
        marked = await laptop.request(action="read", room=room, seq=1)
        assert (marked["read"], marked["unread"], marked["mentions"]) == (1, 0, 0)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_mark_is_told_on_all_devices_and_to_the_room(
    proxied: EngineWithProxies, room: str, when: str
) -> None:
    client = f"bob {room}"
    async with (
        frame_client(proxied.url, room=room, client="ada") as ada,
        frame_client(proxied.url, room=room, client=client, name="Bob") as laptop,
        frame_client(proxied.url, room="", client=client, name="Bob") as phone,
    ):
        await phone.request(action="subscribe", room=room)
        for device in (phone, laptop):
            await device.until(lambda device=device: device.of_type("notice") != [])
        await ada.send(room, "Hi")
        await laptop.until_received("Hi")
        rule = proxied.gateway.before if when == "before" else proxied.gateway.after
        died = rule(notice_with(room, '"read":1,'), proxied.killer("FanoutFunction"))
        await laptop.request(action="read", room=room, seq=1)
        await died.happened.wait()
        for device in (phone, laptop):
            await device.until(lambda device=device: device.of_type("notice")[-1]["read"] == 1)
        await laptop.request(action="subscribe", room=room, muted=True)
        for device in (phone, laptop):
            _, others = await notices_until_muted(device, room)
            check_copies(others, others[0])
            assert (others[0]["unread"], others[0]["mentions"]) == (0, 0)
        receipt = {"type": "read", "room": room, "user": user_of(client), "name": "Bob", "seq": 1}
        await ada.until(lambda: ada.of_type("read") != [])
        check_copies(ada.of_type("read"), receipt)
        assert ada.of_type("notice") == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_ended_subscription_is_told_on_all_devices(
    proxied: EngineWithProxies, room: str, when: str
) -> None:
    client = f"bob {room}"
    async with (
        frame_client(proxied.url, room=room, client=client) as laptop,
        frame_client(proxied.url, room="", client=client) as phone,
    ):
        await phone.request(action="subscribe", room=room)
        for device in (phone, laptop):
            await device.until(lambda device=device: device.of_type("notice") != [])
        rule = proxied.gateway.before if when == "before" else proxied.gateway.after
        died = rule(notice_with(room, '"subscribed":false'), proxied.killer("FanoutFunction"))
        await phone.request(action="unsubscribe", room=room)
        await died.happened.wait()
        ended = {"type": "notice", "room": room, "subscribed": False}
        for device in (phone, laptop):
            await device.until(lambda device=device: ended in device.of_type("notice"))
        await laptop.request(action="subscribe", room=room, muted=True)
        for device in (phone, laptop):
            _, others = await notices_until_muted(device, room)
            check_copies(others, ended)
