"""Messages are edited, deleted and reacted to over real sockets: what all members see, and what is stored."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from local.engine import Engine
from tests.e2e.support.clients import FrameClient, code_of, frame_client, plain_client, user_of
from tests.e2e.support.engine_with_proxies import rows

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def stored(engine: Engine) -> str:
    """Return all rows of all tables, as text."""
    tables = [await rows(engine, name) for name in engine.stack.tables]
    return "\n".join(str(row) for table in tables for row in table)


async def react(client: FrameClient, room: str, seq: int, **fields: Any) -> dict[str, Any]:
    return await client.request(action="react", room=room, seq=seq, **{"reaction": "👍"} | fields)


async def test_all_see_what_one_changes_in_one_order(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada", name="Ada") as ada,
        frame_client(engine.socket_url, room=room, client="bob", name="Bob") as bob,
    ):
        sent = await ada.send(room, "teh end", data={"a": 1})
        await bob.until_received("teh end")
        edited = await ada.request(action="edit", room=room, seq=1, message="the end", ref="c1")
        assert {name: edited[name] for name in ("room", "seq", "of", "id")} == {
            "room": room, "seq": 2, "of": 1, "id": "c1",
        }  # fmt: skip
        liked = await react(bob, room, 1)
        await asyncio.gather(ada.until_changed(2, 3), bob.until_changed(2, 3))
        bobs = {"user": user_of("bob"), "name": "Bob"}
        shown = {
            "seq": 1, "id": sent["id"], "user": user_of("ada"), "name": "Ada", "message": "the end",
            "at": sent["at"], "edited_at": edited["at"], "revision": 3,
            "reactions": [{"reaction": "👍", "count": 1, "people": [bobs]}],
        }  # fmt: skip
        assert ada.shown[1] == bob.shown[1] == shown
        assert bob.changes[-1] == {
            "seq": 3, "of": 1, "kind": "react", **bobs, "at": liked["at"], "reaction": "👍", "on": True,
            "message": shown,
        }  # fmt: skip
        await ada.request(action="delete", room=room, seq=1)
        await asyncio.gather(ada.until_changed(4), bob.until_changed(4))
        gone = {name: shown[name] for name in ("seq", "id", "user", "name", "at", "edited_at")}
        gone |= {"message": "", "deleted": True, "revision": 4}
        assert ada.shown == bob.shown == {1: gone}
        assert [change["kind"] for change in ada.changes] == ["edit", "react", "delete"]
        assert ada.known_seqs == bob.known_seqs == [1, 2, 3, 4]
        messages, changes = await bob.history(room, 4)
        assert messages == {1: gone}
        assert [change["seq"] for change in changes] == [2, 3, 4]
        assert (
            await code_of(ada.request(action="edit", room=room, seq=1, message="again")) == "invalid_message"
        )


async def test_who_was_away_gets_the_changes_when_they_come_back(engine: Engine, room: str) -> None:
    async with frame_client(engine.socket_url, room=room, client="ada") as ada:
        async with frame_client(engine.socket_url, room=room, client="bob") as bob:
            for text in ("one", "two", "three"):
                await ada.send(room, text)
            await bob.until_received("three")
        await ada.request(action="edit", room=room, seq=1, message="One")
        await ada.request(action="delete", room=room, seq=2)
        await ada.send(room, "four")
        await react(ada, room, 3)
        await ada.until_changed(7)
        async with frame_client(engine.socket_url, room="", client="bob") as bob:
            joined = await bob.request(action="join", room=room, after=3)
            assert [change["seq"] for change in joined["changes"]] == [4, 5, 7]
            assert joined["skipped"] == [4, 5, 7] and not joined["more"]
            assert bob.shown == {seq: ada.shown[seq] for seq in (1, 2, 3, 6)}
            assert [bob.shown[seq]["message"] for seq in (1, 2, 3, 6)] == ["One", "", "three", "four"]


async def test_a_plain_client_receives_nothing_of_changes(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room) as ada,
        plain_client(engine.socket_url, room=room) as bare,
    ):
        await ada.send(room, "one")
        # A message is posted as it is when its run is repaired.
        await bare.until(lambda: "one" in bare.received)
        await react(ada, room, 1)
        await ada.request(action="edit", room=room, seq=1, message="uno")
        await ada.request(action="delete", room=room, seq=1)
        await ada.send(room, "two")
        await bare.receives("one", "two")


async def test_of_two_edits_at_once_the_later_in_the_log_stands(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada") as phone,
        frame_client(engine.socket_url, room=room, client="ada") as laptop,
        frame_client(engine.socket_url, room=room, client="bob") as bob,
    ):
        await phone.send(room, "first")
        texts = {f"text {number}" for number in range(10)}
        replies = await asyncio.gather(
            *(
                device.request(action="edit", room=room, seq=1, message=text, ref=text)
                for device, text in zip([phone, laptop] * 5, sorted(texts), strict=True)
            )
        )
        assert sorted(reply["seq"] for reply in replies) == list(range(2, 12))
        last = max(replies, key=lambda reply: int(reply["seq"]))["id"]
        for client in (phone, laptop, bob):
            await client.until_changed(11)
            assert client.shown[1]["message"] == last
        messages, _ = await bob.history(room, 11)
        assert messages[1]["message"] == last


async def test_a_deletion_stands_against_edits_and_reactions_beside_it(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada") as phone,
        frame_client(engine.socket_url, room=room, client="ada") as laptop,
    ):
        secret = f"secret of {room}"
        await phone.send(room, secret)
        edits = [
            laptop.request(action="edit", room=room, seq=1, message=f"{secret} {number}")
            for number in range(4)
        ]
        replies = await asyncio.gather(
            *edits[:2], phone.request(action="delete", room=room, seq=1), *edits[2:], react(laptop, room, 1)
        )
        assert {reply.get("code", "ok") for reply in replies} <= {"ok", "invalid_message"}
        assert replies[2]["status"] == "ok"
        last = max(reply.get("seq", 0) for reply in replies)
        await laptop.send(room, "the end")
        await asyncio.gather(phone.until_received("the end"), laptop.until_received("the end"))
        messages, changes = await phone.history(room, last + 1)
        assert messages[1]["deleted"] and messages[1]["revision"] == last
        assert phone.shown == laptop.shown == messages
        assert len(changes) == last - 1
        assert secret not in await stored(engine)


async def test_a_reaction_on_and_off_quickly_from_two_devices_ends_as_the_log_does(
    engine: Engine, room: str
) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada") as phone,
        frame_client(engine.socket_url, room=room, client="ada") as laptop,
        frame_client(engine.socket_url, room=room, client="bob") as bob,
    ):
        await phone.send(room, "once")
        await react(bob, room, 1)
        asked = [react([phone, laptop][number % 2], room, 1, on=number % 3 > 0) for number in range(12)]
        replies = await asyncio.gather(*asked)
        last, on = max((reply["seq"], number % 3 > 0) for number, reply in enumerate(replies))
        assert last == 14
        for client in (phone, laptop, bob):
            await client.until_changed(last)
            assert [each["count"] for each in client.shown[1]["reactions"]] == [2 if on else 1]
        page = await bob.request(action="reactions", room=room, seq=1)
        people = {user_of("bob"), user_of("ada")} if on else {user_of("bob")}
        assert {each["user"] for each in page["reactions"]} == people


async def test_a_reaction_of_many_is_counted_and_all_of_them_can_be_read(engine: Engine, room: str) -> None:
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(frame_client(engine.socket_url, room=room, client=f"p{number}"))
            for number in range(13)
        ]
        await people[0].send(room, "Who comes?")
        await asyncio.gather(*(react(person, room, 1) for person in people))
        await people[0].until_changed(14)
        (reaction,) = people[0].shown[1]["reactions"]
        assert (reaction["count"], len(reaction["people"])) == (13, 10)
        page = await people[0].request(action="reactions", room=room, seq=1)
        assert {each["user"] for each in page["reactions"]} == {user_of(f"p{n}") for n in range(13)}


async def test_only_its_author_changes_a_message(engine: Engine, room: str) -> None:
    async with (
        frame_client(engine.socket_url, room=room, client="ada") as ada,
        frame_client(engine.socket_url, room=room, client="eve") as eve,
    ):
        await ada.send(room, "mine")
        assert await code_of(eve.request(action="edit", room=room, seq=1, message="ours")) == "forbidden"
        assert await code_of(eve.request(action="delete", room=room, seq=1)) == "forbidden"
        async with frame_client(engine.socket_url, room=room + "-2", client="ada") as elsewhere:
            asked = elsewhere.request(action="delete", room=room, seq=1)
            assert await code_of(asked) == "not_a_member"
        messages, changes = await eve.history(room, 1)
        assert (messages[1]["message"], changes) == ("mine", [])


async def test_a_deleted_text_is_stored_nowhere(engine: Engine, room: str) -> None:
    async with frame_client(engine.socket_url, room=room, client="ada") as ada:
        secret = f"secret of {room}"
        await ada.send(room, secret, data={"also": secret})
        await ada.request(action="edit", room=room, seq=1, message=f"{secret}, too", data=[secret])
        assert secret in await stored(engine)
        await ada.request(action="delete", room=room, seq=1)
        await ada.until_changed(3)
        assert secret not in await stored(engine)


async def test_a_storm_of_reactions_reaches_everybody_and_delays_no_message(
    engine: Engine, room: str
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(frame_client(engine.socket_url, room=room, client=f"client-{n}"))
            for n in range(8)
        ]
        bare = await stack.enter_async_context(plain_client(engine.socket_url, room=room))
        ada, *_ = clients
        await ada.send(room, "Hi")
        reactions = [chr(ord("a") + number) for number in range(15)]
        storm = asyncio.gather(
            *(react(client, room, 1, reaction=reaction) for client in clients for reaction in reactions)
        )
        said = await ada.send(room, "in the storm")
        for client in clients:
            await client.until_received("in the storm")
        assert {reply["status"] for reply in await storm} == {"ok"}
        await ada.send(room, "afterwards")
        for client in clients:
            await client.until(lambda client=client: len(set(client.known_seqs)) == 8 * 15 + 3)  # type: ignore[misc]
            assert set(client.known_seqs) == set(range(1, 8 * 15 + 4))
            counts = {each["reaction"]: each["count"] for each in client.shown[1]["reactions"]}
            assert counts == dict.fromkeys(reactions, 8)
            assert client.texts.count("in the storm") == 1
            assert client.shown[said["seq"]]["message"] == "in the storm"
        await bare.receives("Hi", "in the storm", "afterwards")
        messages, changes = await ada.history(room, 8 * 15 + 3)
        assert messages == ada.shown
        assert len(changes) == 8 * 15
