"""How long a room takes to hear one message, from its members' being read to the last post.

Real time: over TLS to a simulated API Gateway, members from a table in memory, a process for each size.
Simulated time: the same engine on a virtual clock, for rooms and quotas that one machine cannot hold.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from apigateway.rate import START
from bench import worker
from bench.fakes.table import room_of, table
from bench.peers.engine import Engine, message
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, progress
from bench.simulator import Expected, Settings, Simulator
from bench.simulator import Report as Arrived
from bench.simulator.virtual_gateway import Account, SimulatedGateway, SimulatedMembers
from bench.simulator.virtual_time import VirtualLoop

SIZES = (10, 100, 1_000, 10_000)
MEMORY_SIZE = 100_000
DEFAULT = Settings(rate=2_500, burst=1_250, latency=0.015)  # the quota of newer Regions
UNBOUND = Settings(rate=None, latency=0.015)
SLICES = 16
SLICE_START = 2_500.0  # posts a second that a slice begins with, as template.yaml has it
SIMULATED = (
    # quota a second, its burst, instances, sizes
    (2_500, 1_250, 1, (1_000, 10_000, 100_000)),
    (10_000, 5_000, 1, (1_000, 10_000, 100_000)),
    (10_000, 5_000, SLICES, (10_000, 100_000, 1_000_000)),
    (100_000, 50_000, SLICES, (10_000, 100_000, 1_000_000)),
)


def run() -> Report:
    report = Report("rooms: from the first page of members to the last post of one message")
    per_post = _real_time(report)
    _simulated_time(report, per_post)
    return report


def bound(size: int, rate: float, burst: float) -> float:
    """The seconds that the quota alone takes."""
    return max(0.0, (size - burst) / rate)


def _real_time(report: Report) -> float:
    """Returns the CPU seconds a post, reading included, where the quota does not hold the engine back."""
    for size in SIZES:
        for client in ("ours", "boto3"):
            _measure(report, client, size, DEFAULT)
    ours, ours_memory = _measure(report, "ours", SIZES[-1], UNBOUND)
    peer, _ = _measure(report, "boto3", SIZES[-1], UNBOUND)
    _, large_memory = _measure(report, "ours", MEMORY_SIZE, UNBOUND)
    report.goals += [
        Goal("posts per CPU-second with members read ÷ boto3's, 10,000 members", peer / ours, 12, 25, True),
        Goal("peak memory at 100,000 members ÷ at 10,000", large_memory / ours_memory, 1.1, 1.02),
    ]
    report.notes.append(
        "Real time: the second of two broadcasts; `first s` is the other, with TLS handshakes and no pace."
    )
    return ours


def _measure(report: Report, client: str, size: int, settings: Settings) -> tuple[float, float]:
    """CPU seconds a post and peak memory."""
    quota = "none" if settings.rate is None else f"{settings.rate:,.0f}/s"
    progress(f"rooms: {client}, {size:,} members, quota {quota}")
    with table([size]) as members, Simulator(settings) as gateway:
        found = worker.measure(
            "bench.peers.broadcasting",
            client=client,
            gateway=gateway.endpoint,
            ca=gateway.ca,
            table=members.endpoint,
            size=size,
            broadcasts=2,
        )
        used = members.used()
        arrived = gateway.report([Expected(range(size), [1, 2])])
    first, second = found["broadcasts"]
    shed = sum(
        count for each in (first, second) for kind, count in each["outcomes"].items() if kind != "Delivered"
    )
    _verify(arrived, shed)
    row: dict[str, Any] = {"real_time": client, "members": size, "quota": quota}
    if settings.rate is not None:
        least = bound(size, settings.rate, settings.burst)
        row |= {"bound_s": least, "first_s": first["wall"], "s": second["wall"]}
        row |= {"÷_bound": second["wall"] / least if least > 1 else ""}
        if client == "ours" and size == 10_000:
            report.goals.append(
                Goal("10,000 members in real time ÷ the quota's bound", second["wall"] / least, 1.25, 1.05)
            )
    else:
        row |= {"bound_s": "", "first_s": first["wall"], "s": second["wall"], "÷_bound": ""}
    row |= {
        "posts": arrived.requests / 2,
        "429s": arrived.statuses.get(429, 0) / 2,
        "shed": shed,
        "CPU_us_per_post": 1e6 * second["cpu"] / size,
        "peak_MB": found["peak_memory"],
        "queries": used.calls["Query"] / 2,
        "read_units": used.units / 2,
    }
    report.add(**row)
    return second["cpu"] / size, found["peak_memory"]


def _verify(arrived: Arrived, shed: int) -> None:
    if arrived.missed > shed or arrived.disordered or arrived.signature_failures or arrived.malformed:
        raise RuntimeError(f"lost, out of order or refused: {arrived}")


def _simulated_time(report: Report, per_post: float) -> None:
    curves: dict[str, list[tuple[float, float]]] = {}
    bounds: dict[str, list[tuple[float, float]]] = {}
    for rate, burst, instances, sizes in SIMULATED:
        for size in sizes:
            progress(f"rooms: {size:,} members in simulated time, quota {rate:,}/s, {instances} instances")
            began = time.monotonic()
            took, account, posts, outcomes = simulate(
                size, Settings(rate=rate, burst=burst), instances=instances, per_post=per_post
            )
            progress(f"       ({time.monotonic() - began:.1f} s)")
            arrived = account.report()
            shed = size - outcomes
            _verify(arrived, shed)
            least = bound(size, rate, burst)
            report.add(
                simulated_time=f"{rate:,}/s",
                instances=instances,
                members=size,
                bound_s=least,
                s=took,
                **{"÷_bound": took / least if least > 0.1 else "", "429s": arrived.statuses.get(429, 0)},
                shed=shed,
                posts_per_member=posts / size,
            )
            who = f"{rate:,}/s, {instances} " + ("instance" if instances == 1 else "slices")
            curves.setdefault(who, []).append((size, took))
            if least:
                bounds.setdefault(f"{rate:,}/s, the quota alone", []).append((size, least))
            if size == 100_000 and instances == SLICES:
                report.goals.append(
                    Goal(
                        f"100,000 members in slices at {rate:,}/s ÷ the quota's bound", took / least, 1.5, 1.1
                    )
                )
    report.notes.append(
        f"Simulated time: {1e6 * per_post:.0f} us of CPU for each post, as measured above without a quota."
    )
    report.plots["rooms"] = Plot(
        "One message to a room: seconds to the last post (simulated time)",
        "members",
        "seconds",
        [Curve(name, points) for name, points in curves.items()]
        + [Curve(name, sorted(set(points)), dashed=True) for name, points in bounds.items()],
    )


def simulate(
    size: int, settings: Settings, *, instances: int, per_post: float
) -> tuple[float, Account, int, int]:
    """Seconds to the last post, what arrived, posts made, and members delivered to."""
    loop = VirtualLoop()
    account = Account.open(settings, loop.time())
    gateways = [SimulatedGateway(account, loop, per_post) for _ in range(instances)]
    start = START if instances == 1 else SLICE_START
    room = room_of(size)
    engines = [
        Engine(gateway, SimulatedMembers({room: range(number, size, instances)}), loop, start=start)
        for number, gateway in enumerate(gateways)
    ]
    began = loop.time()

    async def broadcast() -> int:
        outcomes = await asyncio.gather(*(engine.broadcast(room, [message(1)]) for engine in engines))
        return sum(count for each in outcomes for kind, count in each.items() if kind.__name__ == "Delivered")

    delivered = loop.run_until_complete(broadcast())
    took = loop.time() - began
    loop.close()
    return took, account, sum(gateway.posts for gateway in gateways), delivered
