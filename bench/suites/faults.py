"""Messages to 2,000 members while requests fail; the simulator reports which members missed which messages.

A member may miss a message only if it was shed: the engine reports it, and the member sees the gap in seq.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from apigateway import Retries
from bench import worker
from bench.fakes.table import room_of, table
from bench.report.report import Goal, Report, progress
from bench.simulator import NEWER_REGIONS_QUOTA, Expected, Fault, Settings, Simulator
from bench.simulator import Report as Arrived

MESSAGES = 3
RATE, BURST = NEWER_REGIONS_QUOTA.rate, NEWER_REGIONS_QUOTA.burst
STORM_STARTS = 0.8  # seconds after the process starts: during the broadcasts
TIMEOUT = 0.4  # seconds that an answer is awaited: the posting engine's default, and a part of the bound
GIVE_UP = 2 * TIMEOUT + Retries().timed_out[0]  # seconds: two tries, then a silent connection is shed
GRACE = 1.0  # seconds beyond the bound


@dataclass(frozen=True, slots=True)
class Trouble:
    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    faults: dict[Fault, float] = field(default_factory=dict)
    storm: bool = False
    # Seconds without an event loop between two messages: Lambda freezes a process between invocations.
    pause: float = 0.0


TROUBLES = (
    Trouble("none"),
    Trouble("1% gone", {"gone": 0.01}),
    Trouble("1% slow: answers after 5 s", {"slow": 0.01}),
    Trouble("1% slow: never answers", {"slow": 0.01, "slow_seconds": None}),
    Trouble("1% with a full buffer", {"full": 0.01}),
    Trouble("a storm of 429s, 5 s", storm=True),
    Trouble("1% gone, 1% slow and the storm", {"gone": 0.01, "slow": 0.01}, storm=True),
    Trouble("1% reset before the frame is taken", faults={Fault.RESET_BEFORE: 0.01}),
    Trouble("1% reset after the frame is taken", faults={Fault.RESET_AFTER: 0.01}),
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


@dataclass(frozen=True, slots=True)
class Plan:
    members: int
    storm: float  # seconds
    troubles: tuple[Trouble, ...]


FULL = Plan(2_000, 5.0, TROUBLES)
_QUICK = ("1% gone, 1% slow and the storm", "1% reset after the frame is taken", "1% garbled")
QUICK = Plan(1_000, 0.5, tuple(trouble for trouble in TROUBLES if trouble.name in _QUICK))


def run(plan: Plan = FULL) -> Report:
    report = Report(
        f"faults: {MESSAGES} messages, one after the other, to {plan.members:,} members at {RATE:,}/s"
    )
    wrong = 0
    max_over = 0.0
    with table([plan.members]) as members:
        for trouble in plan.troubles:
            progress(f"faults: {trouble.name}")
            suffered = _suffer(trouble, plan, members.endpoint)
            report.add(**suffered.row())
            wrong += suffered.wrong
            if trouble.storm or {"gone", "slow"} & trouble.settings.keys():
                max_over = max(max_over, suffered.over)
    report.goals += [
        Goal("faults: members that missed what was not shed, or in disorder", wrong, 0, 0, counted=True),
        Goal("1% gone, 1% slow, a storm: s beyond the bound", max_over, GRACE, GRACE / 2),
    ]
    report.notes.append(
        "A repeat comes after an answer, not a frame, was lost: clients drop it by seq. "
        f"`bound s` is the quota's, with the storm of {plan.storm:g} s, and with the {GIVE_UP:g} s "
        "after which a connection that answers late or never is given up."
    )
    return report


@dataclass(frozen=True, slots=True)
class Suffered:
    """What one kind of trouble did."""

    trouble: Trouble
    plan: Plan
    seconds: float
    outcomes: dict[str, int]
    shed: dict[str, list[int]]  # seqs by connection
    arrived: Arrived

    @property
    def bound(self) -> float:
        """Return the seconds that the quota, the storm and giving up slow connections take."""
        quota = max(0.0, self.plan.members * MESSAGES - BURST) / RATE
        storm = self.plan.storm if self.trouble.storm else 0.0
        return quota + storm + (GIVE_UP if "slow" in self.trouble.settings else 0.0)

    @property
    def over(self) -> float:
        return self.seconds - self.bound

    @property
    def wrong(self) -> int:
        """Return how many members missed a message that was not shed, or got messages out of order."""
        missed = self.arrived.missed_examples.items()
        unshed = [connection for connection, seqs in missed if set(seqs) - set(self.shed.get(connection, ()))]
        return self.arrived.disordered + len(unshed)

    def row(self) -> dict[str, Any]:
        return {
            "trouble": self.trouble.name,
            "s": self.seconds,
            "bound_s": self.bound,
            "over_s": self.over,
            "delivered": self.outcomes.get("Delivered", 0),
            "gone": self.outcomes.get("Gone", 0),
            "shed": sum(map(len, self.shed.values())),
            "missed_unshed": self.wrong,
            "repeated": self.arrived.repeated,
            "requests": self.arrived.requests,
        }


def _suffer(trouble: Trouble, plan: Plan, endpoint: str) -> Suffered:
    settings = Settings(rate=RATE, burst=BURST, faults=trouble.faults, **trouble.settings)
    with Simulator(settings) as gateway:
        storm = threading.Timer(STORM_STARTS, gateway.storm, [plan.storm]) if trouble.storm else None
        if storm:
            storm.start()
        found = worker.measure(
            "bench.suites.faults",
            gateway=gateway.endpoint,
            ca=gateway.ca,
            table=endpoint,
            members=plan.members,
            pause=trouble.pause,
        )
        if storm:
            storm.join()
        arrived = gateway.report(
            [Expected(range(plan.members), range(1, MESSAGES + 1))], examples=plan.members
        )
    return Suffered(trouble, plan, found["wall"], found["outcomes"], found["shed"], arrived)


# In the measured process


def work(gateway: str, ca: str, table: str, members: int, pause: float) -> dict[str, Any]:
    from bench.peers.engine import Engine, message

    loop = asyncio.new_event_loop()
    engine = Engine.over_tls(gateway, ca, table, timeout=TIMEOUT)
    shed: dict[str, list[int]] = {}
    outcomes: Counter[str] = Counter()
    wall = 0.0
    for seq in range(1, MESSAGES + 1):
        began = time.monotonic()
        result = loop.run_until_complete(engine.broadcast(room_of(members), [message(seq)]))
        wall += time.monotonic() - began
        outcomes.update({"Delivered": result.delivered, "Gone": len(result.gone)})
        for connection_id in result.failed:
            shed.setdefault(connection_id, []).append(seq)
        time.sleep(pause)
    return {"wall": wall, "outcomes": outcomes, "shed": shed}


if __name__ == "__main__":
    worker.answer(work)
