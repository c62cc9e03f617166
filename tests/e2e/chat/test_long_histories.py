"""The client library joins rooms with long and empty histories, and reads them back whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.support.backlog import pretend_backlog, write_backlog
from tests.e2e.support.engine_with_proxies import engine_with_proxies
from tests.e2e.support.library import Library, LibraryRoom, needs_node
from tests.e2e.support.tcp_fault_proxy import tcp_fault_proxy

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


async def read_back(room: LibraryRoom, limit: int) -> list[tuple[int, str]]:
    """Return all messages: the pages before those that were shown, and those."""
    pages = await room.read_back(limit)
    shown = (await room.events()).messages
    return [(seq, text) for page in [*reversed(pages), shown] for seq, _, text in page]


async def test_a_new_room_is_joined_empty_and_its_first_message_arrives(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    nowhere = await ada.join(room)
    assert await read_back(nowhere, limit=100) == []
    await nowhere.send("first")
    await nowhere.until(seq=1)
    assert await read_back(nowhere, limit=100) == [(1, "first")]
    await ada.close()


async def test_an_empty_room_that_everyone_left_is_joined_again(
    engine: Engine, library: Library, room: str
) -> None:
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    await (await ada.join(room)).leave()
    again = await ada.join(room)
    assert await read_back(again, limit=100) == []
    await again.send("first")
    await again.until(seq=1)
    await ada.close()


async def test_half_a_megabyte_of_history_is_paged_back_whole(
    engine: Engine, library: Library, room: str
) -> None:
    texts = [str(number).ljust(4_000, "x") for number in range(1, 129)]  # the longest that there are
    await write_backlog(engine, room, texts)
    ada = await library.open("Ada", engine.socket_url, fresh=True)
    long = await ada.join(room, history=10)
    await long.until(seq=128)
    assert await read_back(long, limit=200) == [*enumerate(texts, 1)]
    await ada.close()


async def test_a_room_of_fifty_thousand_messages_is_resumed_and_paged_back_whole(
    library: Library, room: str
) -> None:
    said = [*enumerate((f"message {number}" for number in range(50_000)), 1)]
    async with engine_with_proxies() as proxied, tcp_fault_proxy(urlsplit(proxied.url).port or 0) as network:
        ada = await library.open("Ada", f"ws://127.0.0.1:{network.port}/prod", fresh=True)
        missed = await ada.join(room)
        network.cut_off()
        await pretend_backlog(proxied, room, [text for _, text in said])
        network.restore()
        await missed.until(seq=50_000)
        events = await missed.events()
        assert [(seq, text) for seq, _, text in events.messages] == said
        assert events.gaps == []
        await ada.close()
        grace = await library.open("Grace", proxied.url, fresh=True)
        busy = await grace.join(room)
        await busy.until(seq=50_000)
        assert await read_back(busy, limit=200) == said
        await grace.close()
