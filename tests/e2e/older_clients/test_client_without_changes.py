"""A client that follows the protocol page and knows no changes, against the server of today."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.older_clients.changing_room import Shown, changing_room
from tests.e2e.older_clients.client_without_changes import ClientWithoutChanges
from tests.e2e.support.library import Library, needs_node
from tests.e2e.support.tcp_fault_proxy import tcp_fault_proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), needs_node]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library() -> AsyncIterator[Library]:
    async with Library() as library:
        yield library


class Independent:
    def __init__(self, client: ClientWithoutChanges) -> None:
        self._client = client

    async def send(self, text: str) -> int:
        return await self._client.send(text)

    async def until(self, seq: int) -> None:
        await until(lambda: self._client.log.shown and self._client.log.shown[-1]["seq"] >= seq)

    async def shown(self) -> Shown:
        return [(each["seq"], each["id"], each["message"]) for each in self._client.log.shown]

    async def acknowledged(self) -> dict[str, int]:
        return self._client.own


async def test_a_client_that_knows_no_changes_misses_nothing_and_counts_every_number(
    engine: Engine, library: Library, room: str
) -> None:
    person = f"the random id of {room}"
    port = urlsplit(engine.socket_url).port or 0
    async with tcp_fault_proxy(port) as network, changing_room(engine, library, room, person) as members:
        url = engine.socket_url.replace(f":{port}", f":{network.port}")
        independent = ClientWithoutChanges(f"{url}?name=Ada&client={quote(person)}&room=", room)
        client = Independent(independent)
        await until(lambda: independent.log.upto is not None)
        await members.while_it_reads(client)
        await members.all_at_once(client)
        shown = await members.say("is deleted during the absence")
        await client.until(shown)

        network.cut_off()
        await until(lambda: not network.connections)
        sending = asyncio.create_task(client.send("written while away"))
        last = await members.while_it_is_away(shown)
        network.restore()
        await client.until(last)
        await members.note_own(sending, "written while away")
        assert independent.joins[0] is None and shown in independent.joins

        await members.while_it_reads(client)
        await members.check(client)
        assert (independent.log.lost, independent.resets) == ([], 0)
        assert {error["code"] for error in independent.errors} <= {"rate_limited"}
        assert independent.log.upto == independent.log.head
        assert "notice" in independent.received  # it has ignored them
        await independent.stop()
