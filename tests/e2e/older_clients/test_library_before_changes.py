"""The client library as it was before messages could be changed, against the server of today.

It loses nothing, counts every number, and shows each message once, as it was when it was read. One thing is
different from then: a deletion was a frame of its own, `changed`, and is an entry of the log now. So that
library learns of the deletion of a message that it shows only when it reads a page again, as after absences.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.older_clients.changing_room import Shown, changing_room
from tests.e2e.support.library import Library, LibraryRoom, needs_node
from tests.e2e.support.tcp_fault_proxy import tcp_fault_proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]

EARLIER = Path(__file__).parents[1] / "fixtures" / "library-before-changes" / "roomcast.js"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def libraries() -> AsyncIterator[tuple[Library, Library]]:
    """That library, and the one of today."""
    async with Library(EARLIER) as earlier, Library() as today:
        yield earlier, today


class EarlierLibrary:
    """A room in that library."""

    def __init__(self, room: LibraryRoom) -> None:
        self._room = room

    async def send(self, text: str) -> int:
        return int((await self._room.send(text))["seq"])

    async def until(self, seq: int) -> None:
        await self._room.until(seq=seq)

    async def shown(self) -> Shown:
        return (await self._room.events()).messages

    async def acknowledged(self) -> dict[str, int]:
        return (await self._room.events()).acknowledged


async def test_the_library_before_changes_misses_nothing_and_counts_every_number(
    engine: Engine, libraries: tuple[Library, Library], room: str
) -> None:
    earlier, today = libraries
    person = f"the random id of {room}"
    port = urlsplit(engine.socket_url).port or 0
    async with tcp_fault_proxy(port) as network, changing_room(engine, today, room, person) as members:
        url = engine.socket_url.replace(f":{port}", f":{network.port}")
        ada = await earlier.open(f"Ada of {room}", url, fresh=True, client=person, name="Ada")
        general = await ada.join(room)
        client = EarlierLibrary(general)
        await members.while_it_reads(client)
        await members.all_at_once(client)
        shown = await members.say("is deleted during the absence")
        await client.until(shown)
        assert (await general.events()).changed == []

        network.cut_off()
        await until(lambda: not network.connections)
        sending = asyncio.create_task(client.send("written while away"))
        last = await members.while_it_is_away(shown)
        network.restore()
        await client.until(last)
        await members.note_own(sending, "written while away")
        joins = (await ada.connection_log()).joins
        assert (
            joins[0] == (room, None) and (room, shown) in joins
        )  # it had counted every number up to `shown`

        await members.while_it_reads(client)
        messages = await members.check(client)
        deleted = {seq for seq, message in messages.items() if message.get("deleted") and seq <= shown}
        await until(lambda: changed(general, deleted))
        await general.delete(await client.send("its own, deleted by itself"))
        events, log = await general.events(), await ada.connection_log()
        assert (events.gaps, events.resets, events.failed, events.pending) == ([], 0, {}, {})
        assert log.errors == []
        assert "notice" in log.received  # it has ignored them
        await ada.close()


async def changed(room: LibraryRoom, seqs: set[int]) -> bool:
    return seqs <= set((await room.events()).changed)
