"""What a room of three waits because another room is being broadcast, in simulated time.

*The same batch*: both rooms' messages came together, and their rounds take turns. *The next batch*: the small
room's message came while the other's batch was under way in the same lane, at a random moment. *In slices*:
the large room is broadcast by other instances, which share nothing with the small one but the account's
quota.
"""

from __future__ import annotations

import asyncio
import random
import statistics

from apigateway.rate import START
from bench.peers.engine import Engine, message
from bench.report.report import Goal, Report, progress
from bench.simulator import Settings
from bench.simulator.virtual_gateway import CPU_PER_POST, Account, SimulatedGateway, SimulatedMembers
from bench.simulator.virtual_time import VirtualLoop
from bench.suites.rooms import SLICE_START, SLICES

SMALL = range(10_000_000, 10_000_003)
TIMES = 15
QUOTAS = ((2_500, 1_250), (10_000, 5_000))


def run() -> Report:
    report = Report(
        "neighbours: the delay of a room of 3, from its run's being there to its last post (simulated time)"
    )
    for rate, burst in QUOTAS:
        settings = Settings(rate=rate, burst=burst)
        alone = None
        for name, size, instances, later in (
            ("alone", 0, 0, False),
            ("in the same batch as a room of 999", 999, 1, False),
            ("in the next batch of its lane, behind 999", 999, 1, True),
            ("in the same batch as 100,000, not in slices", 100_000, 1, False),
            ("beside 100,000 in 16 slices", 100_000, SLICES, False),
        ):
            progress(f"neighbours: quota {rate:,}/s, {name}")
            times = TIMES if size < 100_000 else 5
            delays = [_delay(settings, size, instances, later, seed) for seed in range(times)]
            p50, worst = statistics.median(delays), max(delays)
            alone = p50 if alone is None else alone
            report.add(
                quota=f"{rate:,}/s",
                room_of_3=name,
                p50_ms=1000 * p50,
                worst_ms=1000 * worst,
                more_than_alone_ms=1000 * (p50 - alone),
            )
            if rate == QUOTAS[0][0] and size and not (size > 1_000 and instances == 1):
                report.goals.append(Goal(f"a room of 3, {name}: ms more", 1000 * (p50 - alone), 300, 100))
    report.notes.append("Every instance begins cold, as the template has it: with no quota learned yet.")
    return report


def _delay(settings: Settings, size: int, instances: int, later: bool, seed: int) -> float:
    """Seconds; the stream's polling comes on top, up to 250 ms, whoever the neighbours are."""
    random.seed(seed)
    loop = VirtualLoop()
    account = Account.open(settings, loop.time())

    def engine(numbers: range, start: float = START) -> Engine:
        members = SimulatedMembers({"large": numbers, "small": SMALL})
        return Engine(SimulatedGateway(account, loop, CPU_PER_POST), members, loop, start=start)

    async def small(one: Engine) -> float:
        began = loop.time()
        await one.broadcast("small", [message(1)])
        return loop.time() - began

    async def both() -> float:
        if not size:
            return await small(engine(range(0)))
        start = START if instances == 1 else SLICE_START
        engines = [engine(range(number, size, instances), start) for number in range(instances)]
        # Slices are broadcast by other instances: the small room's then posts nothing else.
        mine = engines[0] if instances == 1 else engine(range(0))
        large = [asyncio.create_task(each.broadcast("large", [message(1)])) for each in engines]
        if later:
            began = loop.time()
            await asyncio.wait(large)
            waited = (loop.time() - began) * random.random()
            return waited + await small(mine)
        await asyncio.sleep(
            0 if instances == 1 else 0.5
        )  # in slices: while they are under way, the burst used up
        delay = await small(mine)
        for task in large:
            task.cancel()
        await asyncio.wait(large)
        return delay

    delay = loop.run_until_complete(both())
    loop.close()
    return delay
