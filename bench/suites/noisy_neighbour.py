"""Delay of a room of three while another room is being broadcast, in virtual time.

*The same batch*: both rooms' messages came together, and their posts are interleaved. *The next batch*: the
small room's message came while the other's batch was being broadcast in the same lane, at a random moment.
*In slices*: other instances broadcast the large room, and share only the account's quota with the small one.
"""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from apigateway import Poster
from bench.deployed import INITIAL_POST_RATE, INITIAL_SLICE_POST_RATE, SLICES
from bench.peers.engine import Engine, message
from bench.report.report import Goal, Report, progress
from bench.simulator import DEFAULT_QUOTA, NEWER_REGIONS_QUOTA, Quota, Settings
from bench.simulator.virtual_gateway import CPU_PER_POST, Account, Partition, VirtualGateway, VirtualMembers
from bench.simulator.virtual_time import VirtualLoop

SMALL = range(10_000_000, 10_000_003)


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    members: int  # of the other room
    slices: int = 1
    next_batch: bool = False  # the small room's message comes while the other room is being broadcast
    must_hold: bool = True  # the delay is a goal

    @property
    def times(self) -> int:
        return 15 if self.members < 100_000 else 5


SCENARIOS = (
    Scenario("alone", 0, must_hold=False),
    Scenario("in the same batch as a room of 999", 999),
    Scenario("in the next batch of its lane, behind 999", 999, next_batch=True),
    Scenario("in the same batch as 100,000, not in slices", 100_000, must_hold=False),
    Scenario(f"beside 100,000 in {SLICES} slices", 100_000, slices=SLICES),
)


@dataclass(frozen=True, slots=True)
class Plan:
    quotas: tuple[Quota, ...]
    max_times: int  # runs per scenario


FULL = Plan((NEWER_REGIONS_QUOTA, DEFAULT_QUOTA), max_times=15)
QUICK = Plan((NEWER_REGIONS_QUOTA,), max_times=2)


def run(plan: Plan = FULL) -> Report:
    report = Report("noisy-neighbour: delay of a room of 3, from its run to its last post (virtual time)")
    for quota in plan.quotas:
        p50_alone = 0.0
        for scenario in SCENARIOS:
            progress(f"noisy-neighbour: quota {quota.rate:,}/s, {scenario.name}")
            delays = [
                _Trial(quota, scenario, seed).run() for seed in range(min(scenario.times, plan.max_times))
            ]
            p50 = statistics.median(delays)
            p50_alone = p50_alone or p50
            report.add(
                quota=f"{quota.rate:,}/s",
                room_of_3=scenario.name,
                p50_ms=1000 * p50,
                max_ms=1000 * max(delays),
                more_than_alone_ms=1000 * (p50 - p50_alone),
            )
            if quota == NEWER_REGIONS_QUOTA and scenario.must_hold:
                more = 1000 * (p50 - p50_alone)
                report.goals.append(
                    Goal(f"a room of 3, {scenario.name}: ms more", more, 300, 100, counted=True)
                )
    report.notes.append("Every instance begins cold: it has learned no quota yet.")
    return report


class _Trial:
    """One run of a scenario. Its delay leaves out the stream's polling, up to 250 ms in every scenario."""

    def __init__(self, quota: Quota, scenario: Scenario, seed: int) -> None:
        random.seed(seed)
        self._scenario = scenario
        self._loop = VirtualLoop()
        self._account = Account.open(Settings(rate=quota.rate, burst=quota.burst), self._loop.time())
        self._partition = Partition()

    def run(self) -> float:
        """Return the small room's delay in seconds."""
        delay = self._loop.run_until_complete(self._run())
        self._loop.close()
        return delay

    async def _run(self) -> float:
        scenario = self._scenario
        if not scenario.members:
            return await self._small(self._engine())
        if scenario.slices > 1:
            return await self._beside_slices()
        engine = self._engine(range(scenario.members))
        large = [asyncio.create_task(engine.broadcast("large", [message(1)]))]
        if scenario.next_batch:
            began = self._loop.time()
            await asyncio.wait(large)
            waited = (self._loop.time() - began) * random.random()
            return waited + await self._small(engine)
        await asyncio.sleep(0)
        return await self._until_small(engine, large)

    async def _beside_slices(self) -> float:
        count = self._scenario.slices
        numbers = [range(number, self._scenario.members, count) for number in range(count)]
        engines = [self._engine(part, INITIAL_SLICE_POST_RATE) for part in numbers]
        small = self._engine()
        large = [asyncio.create_task(engine.broadcast("large", [message(1)])) for engine in engines]
        await asyncio.sleep(0.5)  # the slices are being broadcast, and have used up the burst
        return await self._until_small(small, large)

    async def _until_small(self, engine: Engine, large: Sequence[asyncio.Task[object]]) -> float:
        delay = await self._small(engine)
        for task in large:
            task.cancel()
        await asyncio.wait(large)
        return delay

    async def _small(self, engine: Engine) -> float:
        began = self._loop.time()
        await engine.broadcast("small", [message(1)])
        return self._loop.time() - began

    def _engine(self, large: range = range(0), start: float = INITIAL_POST_RATE) -> Engine:
        members = VirtualMembers({"large": large, "small": SMALL}, {"large": self._partition})
        gateway = VirtualGateway(self._account, self._loop, CPU_PER_POST)
        return Engine(Poster(gateway, initial_rate=start), members)
