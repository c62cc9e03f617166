"""What coalescing does for a room of 1,000 in which more is said than can be posted one by one.

In simulated time: messages come at random (Poisson), the stream mapping takes batches as Lambda's does. While
a batch is being broadcast what comes waits for the next; an idle stream is looked at four times a second.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import asyncio
import random
import statistics
from dataclasses import dataclass

from apigateway.outcomes import Delivered, Outcome
from bench.peers.engine import Engine, message
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, progress
from bench.simulator import Expected, Settings
from bench.simulator.virtual_gateway import CPU_PER_POST, Account, SimulatedGateway, SimulatedMembers
from bench.simulator.virtual_time import VirtualLoop
from chat.protocol.messages import Entry

MEMBERS = 1_000
QUOTA = Settings(rate=2_500, burst=1_250)
RATES = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # messages a second
SECONDS = 20.0  # for which they come
PATIENCE = 60.0  # seconds until it is given up as falling behind for good
POLL = 0.25  # seconds
BATCH = 1_000  # records, template.yaml's BatchSize


@dataclass(frozen=True, slots=True)
class Heat:
    messages: int
    members: int
    posts: int
    batches: int
    busy: float  # seconds that the function ran
    delays: list[float]  # of each message that was broadcast, from its write to the last post of its run
    shed: int

    @property
    def posts_per_message_and_member(self) -> float:
        return self.posts / (len(self.delays) * self.members)


def run() -> Report:
    report = Report("hot-room: messages to 1,000 members at a quota of 2,500/s (simulated time)")
    lines: dict[str, list[tuple[float, float]]] = {"coalesced": [], "a post for each message": []}
    for rate in RATES:
        for name, coalesced in (("coalesced", True), ("a post for each message", False)):
            if not coalesced and rate > 10:
                continue  # hopeless: 2.5 messages a second are what the quota allows
            progress(f"hot-room: {rate} messages/s, {name}")
            heat = simulate(rate, coalesced=coalesced)
            left = heat.messages - len(heat.delays)
            lines[name].append((rate, heat.posts_per_message_and_member))
            report.add(
                messages_per_s=rate,
                posting=name,
                posts_per_message_and_member=heat.posts_per_message_and_member,
                messages_per_batch=len(heat.delays) / heat.batches,
                p50_s=_percentile(heat.delays, 50),
                p99_s=_percentile(heat.delays, 99),
                shed=heat.shed,
                unsent_after_80_s=left or "",
            )
            if rate == 100:
                ratio = heat.posts_per_message_and_member
                report.goals.append(
                    Goal("100 messages/s to 1,000: posts per message and member", ratio, 0.05, 0.025)
                )
    report.plots["hot-room"] = Plot(
        "A hot room: posts per message and member",
        "messages a second to 1,000 members",
        "posts",
        [Curve(name, points) for name, points in lines.items()],
    )
    return report


def simulate(
    rate: float, *, coalesced: bool = True, members: int = MEMBERS, settings: Settings = QUOTA
) -> Heat:
    """Broadcasts what is said in 20 s, as long as that takes; no longer than a minute more."""
    loop = VirtualLoop()
    account = Account.open(settings, loop.time())
    gateway = SimulatedGateway(account, loop, CPU_PER_POST)
    engine = Engine(gateway, SimulatedMembers({"hot": range(members)}), loop)
    dice = random.Random(rate)
    began = loop.time()
    written: list[float] = []
    moment = began
    while (moment := moment + dice.expovariate(rate)) < began + SECONDS:
        written.append(moment)
    delays: list[float] = []
    batches = shed = 0
    busy = 0.0

    def count(connection_id: str, outcome: Outcome) -> None:
        nonlocal shed
        shed += not isinstance(outcome, Delivered)

    async def mapping() -> None:
        nonlocal batches, busy
        taken = 0
        while taken < len(written) and loop.time() < began + SECONDS + PATIENCE:
            waiting = sum(1 for at in written[taken : taken + BATCH] if at <= loop.time())
            if not waiting:
                await asyncio.sleep(POLL)
                continue
            run: list[Entry] = [message(taken + number + 1) for number in range(waiting)]
            started = loop.time()
            await engine.broadcast("hot", run, coalesced=coalesced, settled=count)
            busy += loop.time() - started
            batches += 1
            delays.extend(loop.time() - at for at in written[taken : taken + waiting])
            taken += waiting

    loop.run_until_complete(mapping())
    loop.close()
    arrived = account.record.report([Expected(range(members), range(1, len(delays) + 1))])
    if arrived.missed > shed or arrived.disordered:
        raise RuntimeError(f"lost or out of order: {arrived}")
    return Heat(len(written), members, gateway.posts, batches, busy, delays, shed)


def _percentile(values: list[float], percent: int) -> float:
    return (
        statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]
    )
