"""What a user of the client library writes while the line is cut waits, over a reload, and is stored once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.library.own_changes import all_pending, rejected_with, waiting
from tests.e2e.support.clients import FrameClient, frame_client
from tests.e2e.support.library import Library, LibraryClient, LibraryRoom, needs_node
from tests.e2e.support.tcp_fault_proxy import TcpFaultProxy, tcp_fault_proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


@dataclass(slots=True)
class AdasPage:
    """A page of Ada's over a network that a test can cut, in a room where Bob is, too."""

    library: Library
    url: str
    network: TcpFaultProxy
    bob: FrameClient
    client: LibraryClient
    room: LibraryRoom

    async def go_offline(self) -> None:
        """Cut the line, and wait until the page knows: what it sends before, the server may have."""
        self.network.cut_off()

        async def is_known() -> bool:
            return (await self.client.connection_log()).states[-1] != "open"

        await until(is_known)

    async def reload(self, *writing: asyncio.Task[Any]) -> None:
        """Reload the page. What it was writing has no answer in the page any more."""
        await self.client.kill()
        for each in writing:
            await rejected_with("killed", each)
        self.network.restore()
        self.client = await self.library.open(self.client.name, self.url)
        self.room = await self.client.join(self.room.name)

    async def stored(self) -> tuple[list[str], list[str]]:
        """Return the room's texts, and its changes as the log has them, when nothing of Ada's waits."""

        async def nothing_waits() -> bool:
            return not await all_pending(self.room)

        await until(nothing_waits)
        last = (await self.bob.send(self.room.name, "the end"))["seq"]
        await until(lambda: set(self.bob.known_seqs) == set(range(1, last + 1)))
        messages, changes = await self.bob.history(self.room.name, last)
        await self.room.until(seq=last)
        events = await self.room.events()
        assert (events.gaps, events.resets) == ([], 0)
        kinds = [
            " ".join([each["kind"], str(each["of"]), *reaction_of(each)])
            for each in sorted(changes, key=lambda each: int(each["seq"]))
        ]
        return [messages[seq]["message"] for seq in sorted(messages)], kinds


async def pending_texts_are(room: LibraryRoom, texts: dict[str, str]) -> bool:
    return (await room.events()).pending == texts


def reaction_of(change: dict[str, Any]) -> list[str]:
    return [change["reaction"], "on" if change["on"] else "off"] if change["kind"] == "react" else []


@pytest_asyncio.fixture(loop_scope="session")
async def page(engine: Engine, library: Library, room: str) -> AsyncIterator[AdasPage]:
    port = urlsplit(engine.socket_url).port or 0
    async with tcp_fault_proxy(port) as network, frame_client(engine.socket_url, room=room) as bob:
        url = engine.socket_url.replace(f":{port}", f":{network.port}")
        ada = await library.open(f"Ada of {room}", url, fresh=True)
        general = await ada.join(room)
        await general.send("first")
        await general.until(seq=1)
        page = AdasPage(library, url, network, bob, ada, general)
        yield page
        await page.client.close()


@pytest.mark.parametrize("reloaded", [False, True], ids=["in the page", "over a reload"])
async def test_changes_that_were_made_offline_are_stored_once_and_in_order(
    page: AdasPage, reloaded: bool
) -> None:
    page.network.cut_off()
    writing = await waiting(
        page.room,
        page.room.edit(1, "one"),
        page.room.send("between"),
        page.room.edit(1, "two", data={"mood": "good"}),
        page.room.react(1, "👍"),
        page.room.react(1, "👍", False),
        page.room.react(1, "🎉"),
    )
    events = await page.room.events()
    assert [form.text for form in events.forms] == ["one", "two", "two", "two", "two"]
    assert [form.reactions for form in events.forms] == [{}, {}, {"👍": 1}, {}, {"🎉": 1}]
    assert all(form.pending for form in events.forms)
    if reloaded:
        await page.reload(*writing)
    else:
        page.network.restore()
        seqs = [each["seq"] for each in await asyncio.gather(*writing)]
        assert seqs == sorted(seqs)
    texts, changes = await page.stored()
    assert texts == ["two", "between", "the end"]
    assert changes == ["edit 1", "edit 1", "react 1 👍 on", "react 1 👍 off", "react 1 🎉 on"]
    assert page.bob.shown[1]["data"] == {"mood": "good"}
    (reaction,) = page.bob.shown[1]["reactions"]
    assert (reaction["reaction"], reaction["count"]) == ("🎉", 1)
    assert (await page.room.events()).failed == {}


async def test_a_change_whose_reply_is_lost_counts_once_over_a_reload(page: AdasPage) -> None:
    for connection in page.network.connections:
        connection.drop_answers()
    writing = await waiting(page.room, page.room.react(1, "👍"), page.room.edit(1, "edited"))
    (ref, _) = await all_pending(page.room)
    await page.bob.until_changed(2)
    page.network.cut_off()
    await page.reload(*writing)
    texts, changes = await page.stored()
    assert (texts, changes) == (["edited", "the end"], ["react 1 👍 on", "edit 1"])
    assert page.bob.shown[1]["reactions"][0]["count"] == 1
    events = await page.room.events()
    assert (events.acknowledged[ref], events.failed) == (2, {})


@pytest.mark.parametrize("reloaded", [False, True], ids=["in the page", "over a reload"])
async def test_a_change_of_a_message_that_was_never_sent_is_part_of_it(
    page: AdasPage, reloaded: bool
) -> None:
    await page.go_offline()
    (sent,) = await waiting(page.room, page.room.send("Helo", ref="r1", data={"a": 1}))
    edited = asyncio.create_task(page.room.edit("r1", "Hello"))
    await until(lambda: pending_texts_are(page.room, {"r1": "Hello"}))
    deleted = await waiting(page.room, page.room.send("Oops", ref="r2"), page.room.react("r2", "👍"))
    assert await page.room.delete("r2") is None
    for each in deleted:
        await rejected_with("deleted", each)
    last, reaction = await waiting(page.room, page.room.send("Last", ref="r3"), page.room.react("r1", "🎉"))
    assert await pending_texts_are(page.room, {"r1": "Hello", "r3": "Last"})
    if reloaded:
        await page.reload(sent, edited, last, reaction)
    else:
        page.network.restore()
        assert await sent == await edited
        await asyncio.gather(last, reaction)
    assert await page.stored() == (["first", "Hello", "Last", "the end"], ["react 2 🎉 on"])
    assert "data" not in page.bob.shown[2] and "edited_at" not in page.bob.shown[2]


@pytest.mark.parametrize(
    ("action", "text", "change"),
    [("edit", "Hello", "edit 2"), ("delete", "", "delete 2"), ("react", "Helo", "react 2 👍 on")],
)
async def test_a_change_of_a_message_that_the_server_may_have_waits_for_it_over_a_reload(
    page: AdasPage, action: str, text: str, change: str
) -> None:
    for connection in page.network.connections:
        connection.drop_answers()
    changing = {
        "edit": lambda: page.room.edit("r1", "Hello"),
        "delete": lambda: page.room.delete("r1"),
        "react": lambda: page.room.react("r1", "👍"),
    }
    writing = await waiting(page.room, page.room.send("Helo", ref="r1"))
    await page.bob.until_received("Helo")
    writing += await waiting(page.room, changing[action]())
    assert [each["ref"] for each in (await page.room.events()).pending_changes] == ["r1"]
    page.network.cut_off()
    await page.reload(*writing)
    assert await page.stored() == (["first", text, "the end"], [change])
