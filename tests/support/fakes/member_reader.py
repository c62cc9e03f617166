"""The reader of a room's members."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chat.storage.member_reader import PAGE, MemberPage
from chat.storage.members import Member


class FakeMembers:
    """Rooms as pages of members. A page takes `latency` seconds, and can be made to fail."""

    def __init__(self, rooms: Mapping[str, Sequence[Sequence[Member]]], *, latency: float = 0.0) -> None:
        self._rooms = rooms
        self._latency = latency
        self.on_page: Callable[[int], None] = lambda number: None

    async def page(self, room: str, *, limit: int = PAGE) -> MemberPage:
        await self._read(0)
        first, *others = self._rooms[room]
        return MemberPage(list(first), {"pk": {"S": room}, "sk": {"S": "ffff"}} if others else None)

    async def read(
        self, room: str, use: Callable[[list[Member]], Awaitable[None]], *, page: MemberPage | None = None
    ) -> None:
        page = page or await self.page(room)
        await use(page.members)
        for number, members in enumerate(self._rooms[room][1:], start=1):
            await self._read(number)
            await use(list(members))

    async def _read(self, number: int) -> None:
        await asyncio.sleep(self._latency)
        self.on_page(number)
