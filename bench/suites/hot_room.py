"""Posts per message in a room of 1,000 where messages come faster than they can be posted one by one.

In virtual time. Messages come at random (Poisson), and the stream mapping takes batches as Lambda's does:
while a batch is being broadcast, new messages wait for the next batch; an idle stream is polled.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from dataclasses import dataclass, field

from apigateway import Poster
from bench.deployed import BATCH_SIZE
from bench.peers.engine import Engine, message
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, progress
from bench.simulator import NEWER_REGIONS_QUOTA, Expected, Settings
from bench.simulator.virtual_gateway import CPU_PER_POST, Account, VirtualGateway, VirtualMembers
from bench.simulator.virtual_time import VirtualLoop
from local.aws_defaults import STREAM_POLL_INTERVAL

MEMBERS = 1_000
QUOTA = Settings(rate=NEWER_REGIONS_QUOTA.rate, burst=NEWER_REGIONS_QUOTA.burst)
MAX_RATE_SINGLY = 10  # messages per second; the quota allows 2.5 without coalescing
SECONDS = 20.0  # for which messages come
TIMEOUT = 60.0  # seconds after that, until the messages that are not sent are given up
COALESCED, SINGLY = "coalesced", "a post per message"


@dataclass(frozen=True, slots=True)
class Heat:
    messages: int
    members: int
    posts: int
    batches: int
    busy: float  # seconds that the function ran
    delays: list[float]  # per message that was broadcast, from its write to the last post of its run
    shed: int

    @property
    def posts_per_message_and_member(self) -> float:
        return self.posts / (len(self.delays) * self.members)


@dataclass(frozen=True, slots=True)
class Plan:
    rates: tuple[int, ...]  # messages per second


FULL = Plan((1, 2, 5, 10, 20, 50, 100, 200, 500))
QUICK = Plan((1, 100))


def run(plan: Plan = FULL) -> Report:
    report = Report(f"hot-room: messages to {MEMBERS:,} members at {QUOTA.rate:,} posts/s (virtual time)")
    curves: dict[str, list[tuple[float, float]]] = {COALESCED: [], SINGLY: []}
    for rate in plan.rates:
        for posting in (COALESCED, SINGLY) if rate <= MAX_RATE_SINGLY else (COALESCED,):
            progress(f"hot-room: {rate} messages/s, {posting}")
            heat = simulate(rate, coalesced=posting == COALESCED)
            curves[posting].append((rate, heat.posts_per_message_and_member))
            _add(report, rate, posting, heat)
    report.plots["hot-room"] = Plot(
        "A hot room: posts per message and member",
        f"messages per second to {MEMBERS:,} members",
        "posts",
        [Curve(name, points) for name, points in curves.items()],
    )
    return report


def _add(report: Report, rate: int, posting: str, heat: Heat) -> None:
    ratio = heat.posts_per_message_and_member
    report.add(
        messages_per_s=rate,
        posting=posting,
        posts_per_message_and_member=ratio,
        messages_per_batch=len(heat.delays) / heat.batches,
        p50_s=_percentile(heat.delays, 50),
        p99_s=_percentile(heat.delays, 99),
        shed=heat.shed,
        **{f"unsent_after_{SECONDS + TIMEOUT:.0f}_s": heat.messages - len(heat.delays) or ""},
    )
    if rate == 100:
        report.goals.append(
            Goal("100 messages/s to 1,000: posts per message and member", ratio, 0.05, 0.025, counted=True)
        )


def simulate(
    rate: float, *, coalesced: bool = True, members: int = MEMBERS, settings: Settings = QUOTA
) -> Heat:
    """Broadcast the messages of 20 s to one room; give up a minute later.

    Raises RuntimeError if the engine loses a message without shedding it, or posts out of order.
    """
    loop = VirtualLoop()
    account = Account.open(settings, loop.time())
    gateway = VirtualGateway(account, loop, CPU_PER_POST)
    engine = Engine(Poster(gateway), VirtualMembers({"hot": range(members)}))
    mapping = _StreamMapping(engine, loop, _arrival_times(rate, loop.time()), coalesced)
    loop.run_until_complete(mapping.run())
    loop.close()
    arrived = account.record.report([Expected(range(members), range(1, len(mapping.delays) + 1))])
    if arrived.missed > mapping.shed or arrived.disordered:
        raise RuntimeError(f"lost or out of order: {arrived}")
    return Heat(
        messages=len(mapping.written),
        members=members,
        posts=gateway.posts,
        batches=mapping.batches,
        busy=mapping.busy,
        delays=mapping.delays,
        shed=mapping.shed,
    )


def _arrival_times(rate: float, start: float) -> list[float]:
    generator = random.Random(rate)
    times = []
    time = start
    while (time := time + generator.expovariate(rate)) < start + SECONDS:
        times.append(time)
    return times


@dataclass(slots=True)
class _StreamMapping:
    """Lambda's event source mapping of a stream: one batch at a time, in the order of the writes."""

    engine: Engine
    loop: VirtualLoop
    written: list[float]  # when each message was written
    coalesced: bool
    delays: list[float] = field(default_factory=list)
    batches: int = 0
    busy: float = 0.0
    shed: int = 0

    async def run(self) -> None:
        until = self.loop.time() + SECONDS + TIMEOUT
        while len(self.delays) < len(self.written) and self.loop.time() < until:
            taken = len(self.delays)
            batch = [at for at in self.written[taken : taken + BATCH_SIZE] if at <= self.loop.time()]
            if batch:
                await self._broadcast(taken + 1, batch)
            else:
                await asyncio.sleep(STREAM_POLL_INTERVAL)

    async def _broadcast(self, first_seq: int, batch: list[float]) -> None:
        started = self.loop.time()
        run = [message(first_seq + number) for number in range(len(batch))]
        result = await self.engine.broadcast("hot", run, coalesced=self.coalesced)
        self.shed += len(result.gone) + len(result.failed)
        self.busy += self.loop.time() - started
        self.batches += 1
        self.delays += [self.loop.time() - written for written in batch]


def _percentile(values: list[float], percent: int) -> float:
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
