"""The tests' own clients check all that they receive against the AsyncAPI document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.e2e.support.clients import frame_client, plain_client
from tests.support.asyncapi import WrongFrame


async def test_a_wrong_frame_fails_the_test_that_received_it() -> None:
    async def greet(socket: ServerConnection) -> None:
        await socket.send('{"type":"messages","room":"general"}' if socket.subprotocol else "")
        await socket.wait_closed()

    def accept(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return offered[0] if offered else None

    async with serve(greet, "127.0.0.1", 0, select_subprotocol=accept) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for connected in (frame_client, plain_client):
            with pytest.raises(WrongFrame):
                async with connected(url) as client:
                    await client.until(lambda received=client.received: bool(received))
