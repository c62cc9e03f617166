"""A run: clients of the library chat at random during faults. Then the faults end, and the oracle checks the
rooms.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import WebSocketException

from tests.e2e.support.clients import frame_client
from tests.e2e.support.library import Library
from tests.loss_checker.bounds import Bounds, Deadline, all_within
from tests.loss_checker.changing_room import ChangingRoom
from tests.loss_checker.evidence import Evidence
from tests.loss_checker.faults import Faults, inject
from tests.loss_checker.oracle import Finding, Message, check
from tests.loss_checker.workload import Participant


@dataclass(frozen=True, slots=True)
class Settings:
    clients: int = 20
    rooms: int = 4
    seconds: float = 120.0
    people: tuple[int, ...] = (2, 4)  # in each of the rooms whose messages change, with three devices each
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of what happened, and the findings."""

    counts: Counter[str]
    healing: float  # seconds until every member had everything
    findings: list[Finding]

    def __str__(self) -> str:
        head = f"{_listed(self.counts)}; healed in {self.healing:.0f} s; {len(self.findings)} findings"
        return "\n".join([head, *map(str, self.findings[:20])])


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))


async def run(
    library: Library, url: str, settings: Settings, rng: random.Random, faults: Faults | None = None
) -> Report:
    """`faults` are those of a local engine. Without them, the only faults are those of clients.

    If it is cancelled, it prints what was counted until then, without a judgement.
    """
    evidence = Evidence(settings.rooms)
    participants = [
        Participant(library, url, f"client {number}", evidence, random.Random(rng.random()))
        for number in range(1, settings.clients + 1)
    ]
    changing = [ChangingRoom(library, url, people, random.Random(rng.random())) for people in settings.people]
    try:
        return await _run(participants, changing, evidence, url, settings, rng, faults)
    except asyncio.CancelledError:
        counts = evidence.summary() + (faults.counts if faults else Counter())
        print(f"interrupted, nothing is judged: {_listed(counts)}", flush=True)
        raise
    finally:
        await asyncio.gather(*(participant.give_up() for participant in participants))


async def _run(
    participants: list[Participant],
    changing: list[ChangingRoom],
    evidence: Evidence,
    url: str,
    settings: Settings,
    rng: random.Random,
    faults: Faults | None,
) -> Report:
    bounds = settings.bounds
    needed = {f"{each.name} joins its rooms": each.join_rooms() for each in participants}
    late = await all_within(bounds.joining, needed | {each.name: each.join() for each in changing})
    if missing := [each for each in late if each in needed]:
        raise TimeoutError(f"no run without them: {', '.join(missing)}")
    acting = await _act(participants, changing, settings, rng, faults)
    stopped = time.monotonic()
    able = [each for each in participants if each.name not in acting]
    histories = await _heal(able, evidence, url, bounds)
    healing = time.monotonic() - stopped
    findings = [Finding("late", who, "an action that faults have begun did not end") for who in acting]
    for each in changing:
        if each.name in acting:
            findings += [Finding("late", who, asks) for who, asks in each.asks.items()]
    async with asyncio.timeout(bounds.ending):
        for room, history in histories.items():
            rows = _stored(await faults.rows(room)) if faults else None
            findings += check(evidence.record(room, history, rows))
    counts = evidence.summary()
    for changed, acknowledged in await asyncio.gather(*(each.judge(faults, bounds) for each in changing)):
        findings += changed
        counts += acknowledged
    if faults:
        async with asyncio.timeout(bounds.ending):
            counts += await faults.take_counts()
    return Report(counts, healing, findings)


async def _act(
    participants: list[Participant],
    changing: list[ChangingRoom],
    settings: Settings,
    rng: random.Random,
    faults: Faults | None,
) -> list[str]:
    """Let all act during faults; return the names of those whose last action did not end."""
    end = time.monotonic() + settings.seconds

    def is_running() -> bool:
        return time.monotonic() < end

    work = {actor.name: actor.act(is_running) for actor in [*participants, *changing]}
    if faults:
        work["the faults"] = inject(faults, rng, is_running)
    return await all_within(settings.seconds + settings.bounds.acting, work)


async def _heal(
    participants: list[Participant], evidence: Evidence, url: str, bounds: Bounds
) -> dict[str, list[Message]]:
    """Wait until every member has everything, or for the deadline; return the history of each room.

    What is late is missing: the oracle finds it.
    """
    deadline = Deadline(bounds.healing)
    histories: dict[str, list[Message]] = {room: [] for room in evidence.rooms}
    answers = {f"answers to {each.name}": each.until_answered() for each in participants}
    await all_within(deadline.left, answers)
    # However late the answers were, the rooms are read: without their history all would count as lost.
    reading = {f"the history of {room}": _read(url, room, into=each) for room, each in histories.items()}
    await all_within(max(deadline.left, bounds.ending), reading)
    messages = {f"messages to {each.name}": each.until_caught_up(histories) for each in participants}
    await all_within(deadline.left, messages)
    await all_within(bounds.ending, {f"the end of {each.name}": each.leave() for each in participants})
    return histories


async def _read(url: str, room: str, *, into: list[Message]) -> None:
    """Read the history of a room page by page, over another connection if one breaks."""
    after = 0
    while True:
        try:
            async with frame_client(url, room=room) as reader:
                more = True
                while more:
                    page = await reader.request(action="history", room=room, after=after, limit=200)
                    into += [
                        Message(message["seq"], message["id"], message["message"])
                        for message in page["messages"]
                    ]
                    seqs = [message["seq"] for message in page["messages"]] + page.get("skipped", [])
                    if not seqs and page["more"]:  # a gap that may still be filled
                        await asyncio.sleep(1)
                    after, more = max(seqs, default=after), page["more"]
                return
        except (OSError, TimeoutError, WebSocketException) as error:
            print(f"the history of {room} after {after}, again: {error!r}", flush=True)
            await asyncio.sleep(1)


def _stored(rows: Iterable[dict[str, Any]]) -> dict[int, Message | None]:
    stored: dict[int, Message | None] = {}
    for row in rows:
        seq = int(row["sk"]["S"])
        stored[seq] = Message(seq, row["id"]["S"], row["message"]["S"]) if "message" in row else None
    return stored
