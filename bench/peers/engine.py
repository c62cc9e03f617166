"""The posting engine and the member reader, composed as in the fan-out function."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, Self

from apigateway import BroadcastResult, Frame, Post, Poster
from bench.fakes.table import NAME
from chat.protocol import frames
from chat.protocol.messages import Entry, Message
from chat.storage.keys import HASH_SPACE
from chat.storage.member_reader import MemberReader
from chat.storage.members import Member

REGION = "us-east-1"
EPOCH = "7f3a91c2"


class MemberSource(Protocol):
    """The part of MemberReader that the engine needs."""

    async def read(
        self,
        room: str,
        use: Callable[[list[Member]], Awaitable[None]],
        first: int = 0,
        last: int = HASH_SPACE - 1,
    ) -> None: ...


class Engine:
    """Broadcasts runs to rooms. All its broadcasts share one rate, as in one instance of a function."""

    def __init__(self, poster: Poster, members: MemberSource) -> None:
        self._poster = poster
        self._members = members

    @classmethod
    def over_tls(cls, endpoint: str, ca: str, table: str, **options: Any) -> Self:
        """Return an engine that posts over TLS and reads members over HTTP. `options` are Poster's."""
        context = ssl.create_default_context(cafile=ca)
        poster = Poster(endpoint, region=REGION, context=context, **options)
        return cls(poster, MemberReader(table, REGION, NAME))

    async def broadcast(self, room: str, run: Sequence[Entry], *, coalesced: bool = True) -> BroadcastResult:
        """Post a run to every member. Not coalesced, it is one frame per message."""
        runs = [run] if coalesced else [[entry] for entry in run]
        to_post = [Frame(text) for entries in runs for text in frames.messages(room, EPOCH, entries)]
        async with self._poster.batch() as batch:
            await self._members.read(
                room, lambda members: batch.add(Post(member.connection_id, to_post) for member in members)
            )
        return BroadcastResult(batch.delivered, batch.gone, batch.failed)


def message(seq: int, text: str = "Hi everybody, good to see you all here today!") -> Entry:
    """Return the log entry of a message of some 50 characters."""
    ref = f"00000000-0000-4000-8000-{seq:012d}"
    return Entry(seq, Message(ref, "0123456789abcdef", "Ada", text, None, "2026-11-24T06:20:01.123Z"))
