"""Seconds to broadcast one message to a room, from the first page of members to the last post.

Real time: over TLS to a simulated API Gateway, members from a table in memory, a new process per size.
Virtual time: the same engine on a virtual clock, for rooms and quotas too large for one machine.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from apigateway import Poster
from bench import worker
from bench.deployed import INITIAL_POST_RATE, INITIAL_SLICE_POST_RATE, SLICES
from bench.fakes.table import Used, room_of, table
from bench.peers.engine import Engine, message
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, progress
from bench.simulator import DEFAULT_QUOTA, NEWER_REGIONS_QUOTA, Expected, Settings, Simulator
from bench.simulator import Report as Arrived
from bench.simulator.virtual_gateway import Account, Partition, VirtualGateway, VirtualMembers, read_bound
from bench.simulator.virtual_time import VirtualLoop

QUOTA = Settings(rate=NEWER_REGIONS_QUOTA.rate, burst=NEWER_REGIONS_QUOTA.burst)
NO_QUOTA = Settings(rate=None)
BROADCASTS = 2
VIRTUAL: tuple[tuple[float, float, int, tuple[int, ...]], ...] = (
    # quota per second, its burst, instances, sizes
    (NEWER_REGIONS_QUOTA.rate, NEWER_REGIONS_QUOTA.burst, 1, (1_000, 10_000, 100_000)),
    (DEFAULT_QUOTA.rate, DEFAULT_QUOTA.burst, 1, (1_000, 10_000, 100_000)),
    (DEFAULT_QUOTA.rate, DEFAULT_QUOTA.burst, SLICES, (10_000, 100_000, 1_000_000)),
    (100_000, 50_000, SLICES, (10_000, 100_000, 1_000_000)),  # ten times the default: a raised quota
)


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]  # members, in real time
    memory_size: (
        int  # members of the room whose broadcast's memory is compared with that of the largest above
    )
    virtual: tuple[tuple[float, float, int, tuple[int, ...]], ...]


FULL = Plan((10, 100, 1_000, 10_000), 100_000, VIRTUAL)
QUICK = Plan(
    (200,),
    1_000,
    tuple((rate, burst, instances, sizes[:1]) for rate, burst, instances, sizes in VIRTUAL),
)


def run(plan: Plan = FULL) -> Report:
    report = Report("rooms: from the first page of members to the last post of one message")
    per_post = _real_time(report, plan)
    _virtual_time(report, plan, per_post)
    return report


def bound(size: int, rate: float, burst: float) -> float:
    """Return the seconds that the quota alone takes."""
    return max(0.0, (size - burst) / rate)


# Real time


@dataclass(frozen=True, slots=True)
class Measured:
    """Two broadcasts to one room by one client."""

    client: str
    size: int
    settings: Settings
    first: dict[str, Any]
    second: dict[str, Any]
    peak_memory: float  # MB
    table: Used
    arrived: Arrived

    @property
    def cpu_per_post(self) -> float:
        return float(self.second["cpu"]) / self.size

    @property
    def shed(self) -> int:
        outcomes = [*self.first["outcomes"].items(), *self.second["outcomes"].items()]
        return sum(count for kind, count in outcomes if kind != "Delivered")


def _real_time(report: Report, plan: Plan) -> float:
    """Return the CPU seconds per post, members read too, where no quota holds the engine back."""
    for size in plan.sizes:
        for client in ("ours", "boto3"):
            _measure(report, client, size, QUOTA)
    ours = _measure(report, "ours", plan.sizes[-1], NO_QUOTA)
    peer = _measure(report, "boto3", plan.sizes[-1], NO_QUOTA)
    large = _measure(report, "ours", plan.memory_size, NO_QUOTA)
    speed = peer.cpu_per_post / ours.cpu_per_post
    memory = large.peak_memory / ours.peak_memory
    report.goals += [
        Goal("posts per CPU-second with members read ÷ boto3's, 10,000 members", speed, 25, 35, True),
        Goal("peak memory at 100,000 members ÷ at 10,000", memory, 1.1, 1.02),
    ]
    report.notes.append(
        "Real time: the second of two broadcasts. `first s` is the other: TLS handshakes, no learned rate."
    )
    return ours.cpu_per_post


def _measure(report: Report, client: str, size: int, settings: Settings) -> Measured:
    progress(f"rooms: {client}, {size:,} members, quota {_quota(settings)}")
    with table([size]) as members, Simulator(settings) as gateway:
        found = worker.measure(
            "bench.peers.broadcasting",
            client=client,
            gateway=gateway.endpoint,
            ca=gateway.ca,
            table=members.endpoint,
            size=size,
            broadcasts=BROADCASTS,
        )
        used = members.used()
        arrived = gateway.report([Expected(range(size), range(1, BROADCASTS + 1))])
    first, second = found["broadcasts"]
    measured = Measured(client, size, settings, first, second, found["peak_memory"], used, arrived)
    _verify(arrived, measured.shed)
    _add(report, measured)
    return measured


def _add(report: Report, measured: Measured) -> None:
    settings, seconds = measured.settings, measured.second["wall"]
    limited = settings.rate is not None
    min_seconds = bound(measured.size, settings.rate, settings.burst) if settings.rate is not None else 0.0
    row: dict[str, Any] = {
        "real_time": measured.client,
        "members": measured.size,
        "quota": _quota(settings),
        "bound_s": min_seconds if limited else "",
        "first_s": measured.first["wall"],
        "s": seconds,
        "÷_bound": seconds / min_seconds if min_seconds > 1 else "",
        "posts": measured.arrived.requests / BROADCASTS,
        "429s": measured.arrived.statuses.get(429, 0) / BROADCASTS,
        "shed": measured.shed,
        "CPU_us_per_post": 1e6 * measured.cpu_per_post,
        "peak_MB": measured.peak_memory,
        "queries": measured.table.calls["Query"] / BROADCASTS,
        "read_units": measured.table.units / BROADCASTS,
    }
    report.add(**row)
    if limited and measured.client == "ours" and measured.size == 10_000:
        ratio = seconds / min_seconds
        report.goals.append(Goal("10,000 members in real time ÷ the quota's bound", ratio, 1.05, 1.02))


def _quota(settings: Settings) -> str:
    return "none" if settings.rate is None else f"{settings.rate:,.0f}/s"


def _verify(arrived: Arrived, shed: int) -> None:
    if arrived.missed > shed or arrived.disordered or arrived.signature_failures or arrived.malformed:
        raise RuntimeError(f"lost, out of order or rejected: {arrived}")


# Virtual time


@dataclass(frozen=True, slots=True)
class Simulated:
    """One broadcast in virtual time."""

    seconds: float  # to the last post
    account: Account
    posts: int
    delivered: int  # members


def _virtual_time(report: Report, plan: Plan, per_post: float) -> None:
    curves: dict[str, list[tuple[float, float]]] = {}
    bounds: dict[str, list[tuple[float, float]]] = {}
    for rate, burst, instances, sizes in plan.virtual:
        curve = f"{rate:,}/s, {instances} " + ("instance" if instances == 1 else "slices")
        for size in sizes:
            progress(f"rooms: {size:,} members in virtual time, quota {rate:,}/s, {instances} instances")
            began = time.monotonic()
            simulated = simulate(
                size, Settings(rate=rate, burst=burst), instances=instances, per_post=per_post
            )
            progress(f"       ({time.monotonic() - began:.1f} s)")
            min_seconds = max(bound(size, rate, burst), read_bound(size))
            _add_simulated(report, rate, instances, size, min_seconds, simulated)
            curves.setdefault(curve, []).append((size, simulated.seconds))
            if min_seconds:
                bounds.setdefault(f"{rate:,}/s, quota and reads alone", []).append((size, min_seconds))
    report.notes.append(
        f"Virtual time: {1e6 * per_post:.0f} us of CPU per post, as measured above without a quota."
    )
    report.plots["rooms"] = Plot(
        "One message to a room: seconds to the last post (virtual time)",
        "members",
        "seconds",
        [Curve(name, points) for name, points in curves.items()]
        + [Curve(name, sorted(set(points)), dashed=True) for name, points in bounds.items()],
    )


def _add_simulated(
    report: Report, rate: float, instances: int, size: int, min_seconds: float, simulated: Simulated
) -> None:
    arrived = simulated.account.report()
    shed = size - simulated.delivered
    _verify(arrived, shed)
    row: dict[str, Any] = {
        "virtual_time": f"{rate:,}/s",
        "instances": instances,
        "members": size,
        "bound_s": min_seconds,
        "s": simulated.seconds,
        "÷_bound": simulated.seconds / min_seconds if min_seconds > 0.1 else "",
        "429s": arrived.statuses.get(429, 0),
        "shed": shed,
        "posts_per_member": simulated.posts / size,
    }
    report.add(**row)
    if size == 100_000 and instances == SLICES:
        ratio = simulated.seconds / min_seconds
        report.goals.append(
            Goal(f"100,000 members in slices at {rate:,}/s ÷ the bound of quota and reads", ratio, 1.15, 1.05)
        )


def simulate(size: int, settings: Settings, *, instances: int, per_post: float) -> Simulated:
    """Broadcast one message to a room whose members are shared evenly by `instances`."""
    loop = VirtualLoop()
    account = Account.open(settings, loop.time())
    gateways = [VirtualGateway(account, loop, per_post) for _ in range(instances)]
    start = INITIAL_POST_RATE if instances == 1 else INITIAL_SLICE_POST_RATE
    room = room_of(size)
    partitions = {room: Partition()}
    slices = [{room: range(number, size, instances)} for number in range(instances)]
    engines = [
        Engine(Poster(gateway, initial_rate=start), VirtualMembers(slice_, partitions))
        for gateway, slice_ in zip(gateways, slices, strict=True)
    ]
    began = loop.time()

    async def broadcast() -> int:
        results = await asyncio.gather(*(engine.broadcast(room, [message(1)]) for engine in engines))
        return sum(result.delivered for result in results)

    delivered = loop.run_until_complete(broadcast())
    seconds = loop.time() - began
    loop.close()
    return Simulated(seconds, account, sum(gateway.posts for gateway in gateways), delivered)
