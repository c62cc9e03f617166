"""The participants of a run, with their random actions."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.e2e.support.library import Library, LibraryClient, LibraryRoom, Rejected, RoomEvents
from tests.loss_checker.bounds import cancel
from tests.loss_checker.evidence import Evidence
from tests.loss_checker.oracle import Message, Visit

ACTION_INTERVAL = 2.0  # seconds between the actions of a participant, on average
TOO_LARGE = 4_001  # characters
# Milliseconds. Some replace their sockets now and then, as on AWS every two hours. The others never do: they
# must find what they missed without that.
HEARTBEAT, LIFETIMES = 5_000, (20_000, 7_200_000)


@dataclass(slots=True)
class _OpenVisit:
    """A visit that has not ended."""

    room: LibraryRoom
    began: int
    history: int


class Participant:
    """One client of the library after another, with a sessionStorage that survives reloads."""

    def __init__(self, library: Library, url: str, name: str, evidence: Evidence, rng: random.Random) -> None:
        self._library = library
        self._url = url
        self.name = name
        self._evidence = evidence
        self._random = rng
        self._client: LibraryClient
        self._visits: dict[str, _OpenVisit] = {}
        self._count = 0
        self._sending: set[asyncio.Task[None]] = set()

    async def join_rooms(self) -> None:
        # All are in the first room, which makes it a large one, and each in some of the others.
        first, *others = self._evidence.rooms
        await self._open([first, *self._random.sample(others, k=(len(others) + 1) // 2)])

    async def act(self, is_running: Callable[[], bool]) -> None:
        """Do random actions while the run goes on. Reloads and leaves may take as long as a fault lasts."""
        actions: dict[Callable[[], Awaitable[None]], int] = {
            self._send_one: 87,
            self._send_burst: 4,
            self._send_too_large: 1,
            self._rejoin: 1,
            self._reload: 3,
            self._go_offline: 2,
        }
        while is_running():
            await asyncio.sleep(self._random.expovariate(1 / ACTION_INTERVAL))
            (action,) = self._random.choices(list(actions), list(actions.values()))
            await action()

    async def until_answered(self) -> None:
        """Wait until all of its messages have an outcome.

        A client that was offline for long retries rarely, until the browser says "online".
        """
        await self._client.dispatch("online")
        while self._sending:
            await asyncio.wait(self._sending)
        for visit in self._visits.values():
            while (await visit.room.events()).pending:  # of before a reload
                await asyncio.sleep(0.2)

    async def until_caught_up(self, histories: Mapping[str, Sequence[Message]]) -> None:
        """Wait until it has received the last message that each of its visits must have."""
        for name, visit in self._visits.items():
            so_far = self._closed(visit, await visit.room.events(), left=False)
            if owed := self._evidence.owed(name, histories[name], so_far):
                await visit.room.until(seq=owed[-1].seq, timeout=math.inf)

    async def leave(self) -> None:
        """End for good. What it has not received by now is missing."""
        for name in list(self._visits):
            await self._end_visit(name, left=False)
        await self._count_sockets()
        await self._client.close()
        await asyncio.gather(*self._sending)

    async def give_up(self) -> None:
        """Wait for no answers any more."""
        await cancel(self._sending)

    # The actions

    async def _send_one(self) -> None:
        self._post(self._any_room(), " ".join(["so"] * self._random.randint(0, 60)))

    async def _send_burst(self) -> None:
        room = self._any_room()
        for _ in range(self._random.randint(2, 10)):
            self._post(room, "x" * self._random.randint(0, 3_000))

    async def _send_too_large(self) -> None:
        self._post(self._any_room(), "x" * TOO_LARGE)

    async def _rejoin(self) -> None:
        name = self._any_room()
        await self._visits[name].room.leave()
        await self._end_visit(name, left=True)
        await self._join(name)

    async def _reload(self) -> None:
        self._evidence.counts["reload"] += 1
        rooms = list(self._visits)
        await self._client.kill()
        for name in rooms:
            await self._end_visit(name, left=True)
        await self._count_sockets()
        await self._open(rooms)

    async def _go_offline(self) -> None:
        """Go offline for a moment, with the events of the browser."""
        self._evidence.counts["offline"] += 1
        await self._client.dispatch("offline")
        await asyncio.sleep(self._random.uniform(0, 4))
        await self._client.dispatch("online")

    def _any_room(self) -> str:
        return self._random.choice(list(self._visits))

    async def _open(self, rooms: list[str]) -> None:
        lifetime = self._random.choice(LIFETIMES)
        self._client = await self._library.open(self.name, self._url, heartbeat=HEARTBEAT, lifetime=lifetime)
        await asyncio.gather(*(self._join(name) for name in rooms))

    async def _join(self, name: str) -> None:
        history = self._random.choice([0, 50])
        room = await self._client.join(name, history=history)
        self._visits[name] = _OpenVisit(room, self._evidence.begin(), history)

    def _post(self, name: str, text: str) -> None:
        self._count += 1
        text = f"{self._count} of {self.name}: {text}"
        ref = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        self._evidence.sending(name, self.name, ref, text)
        task = asyncio.create_task(self._send(self._visits[name].room, ref, text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, room: LibraryRoom, ref: str, text: str) -> None:
        try:
            receipt = await room.send(text, ref=ref)
        except Rejected as rejection:
            if rejection.code != "killed":  # else the events of its next visit have the outcome
                self._evidence.outcome(room.name, ref, rejection.code)
        else:
            self._evidence.outcome(room.name, ref, receipt["seq"])

    async def _end_visit(self, name: str, *, left: bool) -> None:
        visit = self._visits.pop(name)
        events = await visit.room.events()
        self._evidence.visit(name, self._closed(visit, events, left=left))
        outcomes: dict[str, int | str] = {**events.acknowledged, **events.failed}
        for ref, outcome in outcomes.items():
            self._evidence.outcome(name, ref, outcome)

    def _closed(self, visit: _OpenVisit, events: RoomEvents, *, left: bool) -> Visit:
        received = [Message(*each) for each in events.messages]
        return Visit(self.name, visit.began, left, received, events.gaps, events.resets, visit.history)

    async def _count_sockets(self) -> None:
        log = await self._client.connection_log()
        self._evidence.counts["socket"] += len(log.sockets)
        self._evidence.counts["reconnect"] += log.states.count("reconnecting")
