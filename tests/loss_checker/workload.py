"""The people of a trial: each with a client of the library, and with habits."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.e2e.support.library import Library, LibraryClient, LibraryRoom, Refused
from tests.loss_checker.evidence import Notes
from tests.loss_checker.oracle import Message, Visit

ACTING = 2.0  # seconds between what one does, on average
TOO_LONG = 4_001  # characters
# In milliseconds. Some hand their sockets over every now and then, as on AWS once in two hours. The others
# never do: whatever they miss they have to find out without that.
HEARTBEAT, LIFETIMES = 5_000, (20_000, 7_200_000)


@dataclass(slots=True)
class _Stay:
    """A visit that is not over."""

    room: LibraryRoom
    began: int


class Person:
    """Somebody with one client after another, whose sessionStorage lives on over reloads."""

    def __init__(self, library: Library, url: str, name: str, notes: Notes, chance: random.Random) -> None:
        self._library = library
        self._url = url
        self.name = name
        self._notes = notes
        self._chance = chance
        self._client: LibraryClient
        self._stays: dict[str, _Stay] = {}
        self._said = 0
        self._sending: set[asyncio.Task[None]] = set()

    async def arrive(self) -> None:
        # The first room is everybody's, which makes it a large one; of the others each takes some.
        first, *others = self._notes.rooms
        await self._open([first, *self._chance.sample(others, k=(len(others) + 1) // 2)])

    async def live(self, is_on: Callable[[], bool]) -> None:
        """Does this and that while it is on. Reloads and leaves may take as long as whatever is broken."""
        habits: dict[Callable[[], Awaitable[None]], int] = {
            self._say: 87,
            self._say_much: 4,
            self._say_too_much: 1,
            self._rejoin: 1,
            self._reload: 3,
            self._lose_network: 2,
        }
        while is_on():
            await asyncio.sleep(self._chance.expovariate(1 / ACTING))
            (habit,) = self._chance.choices(list(habits), list(habits.values()))
            await habit()

    async def answered(self) -> None:
        """Returns when none of its messages waits for an answer any more.

        Who was long without a connection tries rarely; but a browser that is looked at again says so.
        """
        await self._client.tell("online")
        while self._sending:
            await asyncio.wait(self._sending)
        for stay in self._stays.values():
            while (await stay.room.visit()).pending:  # those of before a reload
                await asyncio.sleep(0.2)

    async def caught_up(self, ends: Mapping[str, int]) -> None:
        """Returns when it has heard each room up to its end, a seq."""
        for name, stay in self._stays.items():
            await stay.room.until(seq=ends[name], patience=math.inf)

    async def depart(self) -> None:
        """For good; what it has not heard by now it never will."""
        for name in list(self._stays):
            await self._end_visit(name, left=False)
        await self._end_tab()
        await self._client.close()
        await asyncio.gather(*self._sending)

    # its habits

    async def _say(self) -> None:
        self._speak(self._somewhere(), " ".join(["so"] * self._chance.randint(0, 60)))

    async def _say_much(self) -> None:
        room = self._somewhere()
        for _ in range(self._chance.randint(2, 10)):
            self._speak(room, "x" * self._chance.randint(0, 3_000))

    async def _say_too_much(self) -> None:
        self._speak(self._somewhere(), "x" * TOO_LONG)

    async def _rejoin(self) -> None:
        name = self._somewhere()
        await self._stays[name].room.leave()
        await self._end_visit(name, left=True)
        await self._join(name)

    async def _reload(self) -> None:
        self._notes.counts["reload"] += 1
        rooms = list(self._stays)
        await self._client.kill()
        for name in rooms:
            await self._end_visit(name, left=True)
        await self._end_tab()
        await self._open(rooms)

    async def _lose_network(self) -> None:
        """For a moment, and the browser says so."""
        self._notes.counts["offline"] += 1
        await self._client.tell("offline")
        await asyncio.sleep(self._chance.uniform(0, 4))
        await self._client.tell("online")

    def _somewhere(self) -> str:
        return self._chance.choice(list(self._stays))

    async def _open(self, rooms: list[str]) -> None:
        lifetime = self._chance.choice(LIFETIMES)
        self._client = await self._library.open(self.name, self._url, heartbeat=HEARTBEAT, lifetime=lifetime)
        await asyncio.gather(*(self._join(name) for name in rooms))

    async def _join(self, name: str) -> None:
        room = await self._client.join(name, history=self._chance.choice([0, 50]))
        self._stays[name] = _Stay(room, self._notes.begin())

    def _speak(self, name: str, text: str) -> None:
        self._said += 1
        text = f"{self._said} of {self.name}: {text}"
        ref = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        self._notes.sending(name, self.name, ref, text)
        task = asyncio.create_task(self._send(self._stays[name].room, ref, text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, room: LibraryRoom, ref: str, text: str) -> None:
        try:
            receipt = await room.send(text, ref=ref)
        except Refused as refusal:
            if refusal.code != "killed":  # else its next visit will tell
                self._notes.outcome(room.name, ref, refusal.code)
        else:
            self._notes.outcome(room.name, ref, receipt["seq"])

    async def _end_visit(self, name: str, *, left: bool) -> None:
        stay = self._stays.pop(name)
        told = await stay.room.visit()
        heard = [Message(*each) for each in told.heard]
        self._notes.visit(name, Visit(self.name, stay.began, left, heard, told.gaps, told.resets))
        outcomes: dict[str, int | str] = {**told.acknowledged, **told.refused}
        for ref, outcome in outcomes.items():
            self._notes.outcome(name, ref, outcome)

    async def _end_tab(self) -> None:
        tab = await self._client.tab()
        self._notes.counts["socket"] += len(tab.sockets)
        self._notes.counts["reconnect"] += tab.states.count("reconnecting")
