"""People who change messages, answer them and read in a changing room, by the library of the page."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.e2e.support.clients import user_of
from tests.e2e.support.library import Library, LibraryClient, LibraryRoom, Rejected
from tests.loss_checker.actions import MARKS, PAUSE, marked, next_action
from tests.loss_checker.changes_oracle import Attempt, Look
from tests.loss_checker.people_oracle import Reading

HEARTBEAT = 5_000  # milliseconds
_NEWEST = 100  # messages of which one is answered or changed
# Codes that the library sets by itself. What was sent may be stored or not.
_UNDECIDED = {"closed", "left", "expired"}


class LibraryMember:
    """A person with one client, which stays and does one thing at a time."""

    def __init__(self, library: Library, url: str, room: str, person: str, rng: random.Random) -> None:
        self.name = person
        self.person = user_of(f"the random id of {person}")  # as the library's host gives it
        self.attempts: list[Attempt] = []
        self.readings: list[Reading] = []
        self.notices: list[Mapping[str, Any]] = []  # the library has no event of its own for them
        self.looks: dict[int, Look] = {}
        self.began: int | None = None
        self.asks = "nothing"  # what it waits for
        self._library, self._url, self._random = library, url, rng
        self._room_name = room
        self._client: LibraryClient
        self._room: LibraryRoom
        self._count = 0

    async def subscribe(self) -> None:
        self.asks = "to join and to subscribe"
        self._client = await self._library.open(self.name, self._url, heartbeat=HEARTBEAT)
        self._room = await self._client.join(self._room_name, history=50)
        await _until_taken(self._room.subscribe)
        while self.began is None:
            mine = [place for place in await self.rooms() if place["room"] == self._room_name]
            self.began = int(mine[0]["read"]) if mine else None
            await asyncio.sleep(0.1)

    async def act(self) -> None:
        """Mark messages as read, send or answer one, or change one."""
        await asyncio.sleep(self._random.expovariate(1 / PAUSE))
        shown = list(await self._room.looks(newest=_NEWEST))
        if shown and self._random.random() < MARKS:
            return await self._mark(marked(self._random, max(shown)))
        mine = [each.outcome for each in self.attempts if each.is_message and isinstance(each.outcome, int)]
        self._count += 1
        action = next_action(self._random, f"<{self._count} of {self.name}>", shown, mine)
        self.asks = str(action)
        outcome: int | str | None
        try:
            match action.kind:
                case "send":
                    ack = await self._room.send(action.text)
                case "reply":
                    ack = await self._room.send(action.text, replyTo=action.of)
                case "edit":
                    ack = await self._room.edit(action.of, action.text)
                case "delete":
                    ack = await self._room.delete(action.of) or {}
                case _:
                    ack = await self._room.react(action.of, action.text, action.on)
            outcome = int(ack["seq"])
        except Rejected as rejection:
            outcome = None if rejection.code in _UNDECIDED else rejection.code
        self.attempts.append(Attempt(self.person, action.kind, action.of, action.text, action.on, outcome))
        self.asks = f"nothing since {action}, {outcome}"

    async def _mark(self, seq: int) -> None:
        self.asks = f"to mark {seq}"
        reading = len(self.readings)
        self.readings.append(Reading(seq, None))
        answered: int | str = seq
        try:
            await self._room.read(seq)
        except Rejected as rejection:
            answered = rejection.code
        self.readings[reading] = Reading(seq, answered)

    async def rooms(self) -> list[dict[str, Any]]:
        return await self._client.rooms()

    async def catch_up(self, last: int) -> None:
        """Wait for the last message, and until it is deleted, and note how all look then."""
        self.asks = f"message {last}"
        await self._room.until(seq=last, timeout=math.inf)
        while last and not (await self._room.looks(newest=_NEWEST)).get(last, {}).get("deleted"):
            await asyncio.sleep(0.2)
        self.looks = await self._room.looks()

    async def close(self) -> None:
        await self._client.close()


async def _until_taken(ask: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await ask()
        except Rejected:
            await asyncio.sleep(0.5)
