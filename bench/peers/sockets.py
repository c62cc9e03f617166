"""Clients of a chat server, and the files that thousands of them need."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

CONNECTING = 100  # concurrent handshakes
MAX_FILES = 20_000  # open files of a process, if the system allows as many
TOO_MANY = 429  # to a handshake: the engine takes 500 new connections per second, as AWS does


def allow_many_files() -> None:
    """Raise the limit of open files for this process and for the servers that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


@asynccontextmanager
async def joined(url: str, count: int, room: str) -> AsyncIterator[tuple[list[ClientConnection], float]]:
    """Connect clients in one room; yield them, and the seconds it took."""
    handshakes = asyncio.Semaphore(CONNECTING)

    async def join(stack: AsyncExitStack, number: int) -> ClientConnection:
        async with handshakes:
            while True:
                connecting = connect(
                    f"{url}?room={room}&name=Client{number}",
                    subprotocols=[Subprotocol("roomcast.v1")],
                    compression=None,
                    ping_interval=None,
                    open_timeout=60,
                )
                try:
                    return await stack.enter_async_context(connecting)
                except InvalidStatus as rejected:
                    if rejected.response.status_code != TOO_MANY:
                        raise
                    await asyncio.sleep(0.1)

    async with AsyncExitStack() as stack:
        started = time.perf_counter()
        clients = await asyncio.gather(*(join(stack, number) for number in range(count)))
        yield clients, time.perf_counter() - started
