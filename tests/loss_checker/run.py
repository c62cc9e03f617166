"""A trial: clients of the library chat at random while things go wrong; then all calms down, and the rooms
are judged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.e2e.support.clients import framed
from tests.e2e.support.library import Library
from tests.loss_checker.evidence import Notes
from tests.loss_checker.faults import Faults
from tests.loss_checker.oracle import Finding, Message, judge
from tests.loss_checker.workload import Person

STRIKING = 0.7  # seconds between faults, on average
PATIENCE = 120.0  # seconds for each thing that has to come right once nothing new goes wrong


@dataclass(frozen=True, slots=True)
class Settings:
    clients: int = 20
    rooms: int = 4
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, counted, and what was found to be broken."""

    counts: Counter[str]
    healing: float  # seconds, until everybody had everything
    findings: list[Finding]

    def __str__(self) -> str:
        counts = ", ".join(f"{what} {count}" for what, count in sorted(self.counts.items()))
        head = f"{counts}; healed in {self.healing:.0f} s; {len(self.findings)} findings"
        return "\n".join([head, *map(str, self.findings[:20])])


async def trial(
    library: Library, url: str, settings: Settings, chance: random.Random, faults: Faults | None = None
) -> Report:
    """`faults` are those of a local engine; without, all that goes wrong is what clients do."""
    notes = Notes(settings.rooms)
    people = [
        Person(library, url, f"client {number}", notes, random.Random(chance.random()))
        for number in range(1, settings.clients + 1)
    ]
    await asyncio.gather(*(person.arrive() for person in people))
    end = time.monotonic() + settings.seconds

    def is_on() -> bool:
        return time.monotonic() < end

    async def strike(faults: Faults) -> None:
        while is_on():
            await asyncio.sleep(chance.expovariate(1 / STRIKING))
            await faults.strike()
        faults.calm()

    striking = [strike(faults)] if faults else []
    await asyncio.gather(*(person.live(is_on) for person in people), *striking)
    calm = time.monotonic()
    histories = await _heal(people, notes, url)
    healing = time.monotonic() - calm
    findings: list[Finding] = []
    for room, history in histories.items():
        rows = _stored(await faults.rows(room)) if faults else None
        findings += judge(notes.record(room, history, rows))
    counts = notes.summary()
    if faults:
        counts += await faults.take()
    return Report(counts, healing, findings)


async def _heal(people: list[Person], notes: Notes, url: str) -> dict[str, list[Message]]:
    """Waits until everybody has everything, or so long that the judge should see what they have; each room's
    history.
    """
    histories: dict[str, list[Message]] = {room: [] for room in notes.rooms}
    await _patiently(person.answered() for person in people)
    await _patiently(_read(url, room, into=history) for room, history in histories.items())
    ends = {room: history[-1].seq if history else 0 for room, history in histories.items()}
    await _patiently(person.caught_up(ends) for person in people)
    await asyncio.gather(*(person.depart() for person in people))
    return histories


async def _patiently(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)


async def _read(url: str, room: str, *, into: list[Message]) -> None:
    """A room's history, page by page."""
    async with framed(url, room=room) as reader:
        after, more = 0, True
        while more:
            page = await reader.ask(action="history", room=room, after=after, limit=200)
            into += [Message(each["seq"], each["id"], each["message"]) for each in page["messages"]]
            places = [each["seq"] for each in page["messages"]] + page.get("skipped", [])
            if not places and page["more"]:  # a hole that may still be filled
                await asyncio.sleep(1)
            after, more = max(places, default=after), page["more"]


def _stored(rows: Iterable[dict[str, Any]]) -> dict[int, Message | None]:
    stored: dict[int, Message | None] = {}
    for row in rows:
        seq = int(row["sk"]["S"])
        stored[seq] = Message(seq, row["id"]["S"], row["message"]["S"]) if "message" in row else None
    return stored
