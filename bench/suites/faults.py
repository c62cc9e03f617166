"""One message after another to 2,000 members while things go wrong; the simulator says who missed what.

A member may miss a message only where it was shed: the engine says so, and the member sees the hole in seq.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from apigateway.outcomes import Delivered, Gone
from bench import worker
from bench.fakes.table import room_of, table
from bench.report.report import Goal, Report, progress
from bench.simulator import Expected, Fault, Settings, Simulator

MEMBERS = 2_000
MESSAGES = 3
RATE, BURST = 2_500, 1_250
STORM = 5.0  # seconds
GRACE = 1.0  # seconds beyond the bound and the storm


@dataclass(frozen=True, slots=True)
class Trouble:
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    faults: dict[Fault, float] = field(default_factory=dict)
    storm: float = 0.0
    pause: float = (
        0.0  # seconds for which the process stands still between two messages, as Lambda freezes it
    )


TROUBLES = (
    Trouble("none"),
    Trouble("1% gone", {"gone": 0.01}),
    Trouble("1% slow: answers after 5 s", {"slow": 0.01}),
    Trouble("1% slow: never answers", {"slow": 0.01, "slow_seconds": None}),
    Trouble("1% with a full buffer", {"full": 0.01}),
    Trouble("a storm of 429s, 5 s", storm=STORM),
    Trouble("1% gone, 1% slow and the storm", {"gone": 0.01, "slow": 0.01}, storm=STORM),
    Trouble("1% reset before", faults={Fault.RESET_BEFORE: 0.01}),
    Trouble("1% reset after", faults={Fault.RESET_AFTER: 0.01}),
    Trouble("1% half-open", faults={Fault.HALF_OPEN: 0.01}),
    Trouble(
        "5% answered 500, 502 or 503",
        faults={Fault.ERROR_500: 0.02, Fault.ERROR_502: 0.02, Fault.ERROR_503: 0.01},
    ),
    Trouble("stale keep-alives: closed after 10 answers", {"keep_alive_requests": 10}),
    Trouble("stale keep-alives: closed while frozen", {"keep_alive_seconds": 0.5}, pause=1.2),
    Trouble(
        "half chunked, in tiny pieces, with more headers or closed",
        faults={
            Fault.CHUNKED: 0.2,
            Fault.TINY_PIECES: 0.1,
            Fault.EXTRA_HEADERS: 0.1,
            Fault.CONNECTION_CLOSE: 0.1,
        },
    ),
    Trouble("1% garbled", faults={Fault.GARBLED: 0.01}),
)


def run() -> Report:
    report = Report(f"faults: {MESSAGES} messages, one after the other, to {MEMBERS:,} members at {RATE:,}/s")
    broken = 0
    worst = 0.0
    with table([MEMBERS]) as members:
        for trouble in TROUBLES:
            progress(f"faults: {trouble.name}")
            row, excess, wrong = _suffer(trouble, members.endpoint)
            report.add(**row)
            broken += wrong
            worst = (
                max(worst, excess) if trouble.storm or {"gone", "slow"} & trouble.settings.keys() else worst
            )
    report.goals += [
        Goal("faults: members that missed what was not shed, or in disorder", broken, 0, 0),
        Goal("1% gone, 1% slow, a storm: s beyond the bound and the storm", worst, GRACE, GRACE / 2),
    ]
    report.notes.append(
        "Repeats come where the answer, not the frame, was lost: clients drop them by seq. "
        "`over s` is beyond the quota's bound and the storm."
    )
    return report


def _suffer(trouble: Trouble, endpoint: str) -> tuple[dict[str, Any], float, int]:
    settings = Settings(rate=RATE, burst=BURST, faults=trouble.faults, **trouble.settings)
    with Simulator(settings) as gateway:
        beginning = threading.Timer(0.8, gateway.storm, [trouble.storm]) if trouble.storm else None
        if beginning:
            beginning.start()
        found = worker.measure(
            "bench.suites.faults",
            gateway=gateway.endpoint,
            ca=gateway.ca,
            table=endpoint,
            members=MEMBERS,
            pause=trouble.pause,
        )
        if beginning:
            beginning.join()
        arrived = gateway.report([Expected(range(MEMBERS), range(1, MESSAGES + 1))], examples=MEMBERS)
    shed: dict[str, list[int]] = found["shed"]
    wrong = arrived.disordered + sum(
        1 for each, missed in arrived.missed_examples.items() if not set(missed) <= set(shed.get(each, ()))
    )
    bound = max(0.0, MEMBERS * MESSAGES - BURST) / RATE
    excess = found["wall"] - bound - trouble.storm
    row: dict[str, Any] = {"trouble": trouble.name, "s": found["wall"], "bound_s": bound + trouble.storm}
    row |= {"over_s": excess, "delivered": found["outcomes"].get("Delivered", 0)}
    row |= {"gone": found["outcomes"].get("Gone", 0), "shed": sum(map(len, shed.values()))}
    row |= {"missed_unshed": wrong, "repeated": arrived.repeated, "requests": arrived.requests}
    return row, excess, wrong


def work(gateway: str, ca: str, table: str, members: int, pause: float) -> dict[str, Any]:
    from bench.peers.engine import message, real

    loop = asyncio.new_event_loop()
    engine = real(gateway, ca, table, loop)
    shed: dict[str, list[int]] = {}
    outcomes: Counter[str] = Counter()
    wall = 0.0
    for seq in range(1, MESSAGES + 1):

        def settled(connection_id: str, outcome: object, seq: int = seq) -> None:
            if not isinstance(outcome, Delivered | Gone):
                shed.setdefault(connection_id, []).append(seq)

        began = time.monotonic()
        kinds = loop.run_until_complete(engine.broadcast(room_of(members), [message(seq)], settled=settled))
        wall += time.monotonic() - began
        outcomes.update({kind.__name__: count for kind, count in kinds.items()})
        time.sleep(pause)
    return {"wall": wall, "outcomes": outcomes, "shed": shed}


if __name__ == "__main__":
    worker.answer(work)
