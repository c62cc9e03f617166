"""The posting engine, put together as the fan-out function has it."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from apigateway.client import ApiGateway, Client
from apigateway.outcomes import Outcome
from apigateway.poster import Post, Poster
from apigateway.rate import INITIAL_RATE, AdaptiveRate
from bench.fakes.table import NAME
from chat.protocol import frames
from chat.protocol.messages import Entry, Message
from chat.storage.connections import HASH_SPACE, Member
from chat.storage.member_reader import MemberReader

REGION = "us-east-1"


class Source(Protocol):
    async def read(
        self,
        room: str,
        use: Callable[[list[Member]], Awaitable[None]],
        first: int = 0,
        last: int = HASH_SPACE - 1,
    ) -> None: ...


class Engine:
    """Broadcasts runs to rooms; all its broadcasts share one pace, as those of one function's instance do."""

    def __init__(
        self,
        gateway: Client[Any],
        members: Source,
        loop: asyncio.AbstractEventLoop,
        *,
        start: float = INITIAL_RATE,
    ) -> None:
        self._gateway = gateway
        self._members = members
        self._poster = Poster(gateway, AdaptiveRate(loop.time, start), loop)

    async def broadcast(
        self,
        room: str,
        run: Sequence[Entry],
        *,
        coalesced: bool = True,
        settled: Callable[[str, Outcome], None] = lambda connection_id, outcome: None,
    ) -> Counter[type[Outcome]]:
        """Posts a run to every member; how many came to which outcome. Not coalesced: a frame a message."""
        runs = [run] if coalesced else [[entry] for entry in run]
        to_post = [self._gateway.frame(text) for each in runs for text in frames.messages(room, each)]

        def settle(post: Post, outcome: Outcome) -> None:
            settled(post.connection_id, outcome)

        batch = self._poster.batch(settle)

        async def add(members: Sequence[Member]) -> None:
            await batch.add(Post(member.connection_id, to_post, member) for member in members)

        try:
            await self._members.read(room, add)
        finally:
            await batch.finish()
        return batch.outcomes


def real(
    endpoint: str, ca: str | None, table: str, loop: asyncio.AbstractEventLoop, *, start: float = INITIAL_RATE
) -> Engine:
    """One that posts over TLS and reads members over HTTP."""
    context = ssl.create_default_context(cafile=ca) if ca else None
    return Engine(
        ApiGateway(endpoint, REGION, context=context), MemberReader(table, REGION, NAME), loop, start=start
    )


def message(seq: int, text: str = "Hi everybody, good to see you all here today!") -> Entry:
    ref = f"00000000-0000-4000-8000-{seq:012d}"
    return Entry(seq, Message(ref, "0123456789abcdef", "Ada", text, None, "2026-11-24T06:20:01.123Z"))
