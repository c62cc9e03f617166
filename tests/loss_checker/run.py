"""A run: clients of the library chat at random during faults. Then the faults end, and the oracle checks the
rooms.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.support.clients import frame_client
from tests.e2e.support.library import Library
from tests.loss_checker.changing_room import ChangingRoom
from tests.loss_checker.evidence import Evidence
from tests.loss_checker.faults import Faults
from tests.loss_checker.oracle import Finding, Message, check
from tests.loss_checker.workload import Participant

FAULT_INTERVAL = 0.7  # seconds between faults, on average
HEALING_TIMEOUT = 120.0  # seconds for each step of the recovery after the last fault


@dataclass(frozen=True, slots=True)
class Settings:
    clients: int = 20
    rooms: int = 4
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """The counts of what happened, and the findings."""

    counts: Counter[str]
    healing: float  # seconds until every member had everything
    findings: list[Finding]

    def __str__(self) -> str:
        counts = ", ".join(f"{what} {count}" for what, count in sorted(self.counts.items()))
        head = f"{counts}; healed in {self.healing:.0f} s; {len(self.findings)} findings"
        return "\n".join([head, *map(str, self.findings[:20])])


async def run(
    library: Library, url: str, settings: Settings, rng: random.Random, faults: Faults | None = None
) -> Report:
    """`faults` are those of a local engine. Without them, the only faults are those of clients."""
    evidence = Evidence(settings.rooms)
    participants = [
        Participant(library, url, f"client {number}", evidence, random.Random(rng.random()))
        for number in range(1, settings.clients + 1)
    ]
    changing = ChangingRoom(url, random.Random(rng.random()))
    await asyncio.gather(*(participant.join_rooms() for participant in participants))
    end = time.monotonic() + settings.seconds

    def is_running() -> bool:
        return time.monotonic() < end

    async def inject(faults: Faults) -> None:
        while is_running():
            await asyncio.sleep(rng.expovariate(1 / FAULT_INTERVAL))
            await faults.inject()
        faults.stop()

    injecting = [inject(faults)] if faults else []
    acting = [actor.act(is_running) for actor in [*participants, changing]]
    await asyncio.gather(*acting, *injecting)
    stopped = time.monotonic()
    histories = await _heal(participants, evidence, url)
    healing = time.monotonic() - stopped
    findings: list[Finding] = []
    for room, history in histories.items():
        rows = _stored(await faults.rows(room)) if faults else None
        findings += check(evidence.record(room, history, rows))
    changed, acknowledged = await changing.judge(faults)
    findings += changed
    counts = evidence.summary() + acknowledged
    if faults:
        counts += await faults.take_counts()
    return Report(counts, healing, findings)


async def _heal(participants: list[Participant], evidence: Evidence, url: str) -> dict[str, list[Message]]:
    """Wait until every member has everything, or for the timeout; return the history of each room."""
    histories: dict[str, list[Message]] = {room: [] for room in evidence.rooms}
    await _all_within_timeout({f"answers to {each.name}": each.until_answered() for each in participants})
    await _all_within_timeout(
        {f"the history of {room}": _read(url, room, into=history) for room, history in histories.items()}
    )
    await _all_within_timeout(
        {f"messages to {each.name}": each.until_caught_up(histories) for each in participants}
    )
    await asyncio.gather(*(participant.leave() for participant in participants))
    return histories


async def _all_within_timeout(work: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Wait for all, or for the timeout: then the oracle finds what is missing, and this prints who waited."""
    tasks = {asyncio.create_task(coroutine): what for what, coroutine in work.items()}
    done, late = await asyncio.wait(tasks, timeout=HEALING_TIMEOUT, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()
    for task in late:
        print(f"late after {HEALING_TIMEOUT:.0f} s: {tasks[task]}", flush=True)
        task.cancel()


async def _read(url: str, room: str, *, into: list[Message]) -> None:
    """Read the history of a room page by page."""
    async with frame_client(url, room=room) as reader:
        after, more = 0, True
        while more:
            page = await reader.request(action="history", room=room, after=after, limit=200)
            into += [
                Message(message["seq"], message["id"], message["message"]) for message in page["messages"]
            ]
            seqs = [message["seq"] for message in page["messages"]] + page.get("skipped", [])
            if not seqs and page["more"]:  # a gap that may still be filled
                await asyncio.sleep(1)
            after, more = max(seqs, default=after), page["more"]


def _stored(rows: Iterable[dict[str, Any]]) -> dict[int, Message | None]:
    stored: dict[int, Message | None] = {}
    for row in rows:
        seq = int(row["sk"]["S"])
        stored[seq] = Message(seq, row["id"]["S"], row["message"]["S"]) if "message" in row else None
    return stored
