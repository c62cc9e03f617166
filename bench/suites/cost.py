"""List price per million deliveries, from the calls that the code makes; and what hosted services charge.

Deliveries are without connection minutes: every service charges for them, and they depend on how long people
stay. Clients that only stay connected have rows of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench import prices
from bench.deployed import FANOUT_GB, LARGE_ROOM, MESSAGE_GB, SLICE_GB, SLICES
from bench.invocations import message_seconds, sampled
from bench.prices import MILLION
from bench.report.report import Goal, Report, progress
from bench.simulator import DEFAULT_QUOTA, Settings
from bench.suites import capacity_units, hot_room, idle
from bench.suites.capacity_units import MessageUnits
from bench.suites.hot_room import Heat

SETTINGS = Settings(rate=DEFAULT_QUOTA.rate, burst=DEFAULT_QUOTA.burst)
_MAX_DELIVERIES = 1e6  # per second; simulating more takes hours

MESSAGE_SECONDS = message_seconds(dynamodb_calls=4)
_LOG_BYTES = 1_300  # per invocation: our line, and Lambda's START, END and REPORT
_SLICE_WRITES, _SLICE_READS = 1, 3  # units per slice task: its cursor is moved; cursor and log are read
_SLICE_REQUESTS = 2.2  # SQS requests per slice task: sent in tens, received, deleted


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]  # members
    rates: tuple[float, ...]  # messages per second in the room, the lowest first


FULL = Plan((10, 100, 1_000, 10_000, 100_000), (0.1, 1.0, 10.0))
QUICK = Plan((1_000,), (0.1, 10.0))


def run(plan: Plan = FULL) -> Report:
    report = Report(
        "cost: dollars per million deliveries at list prices "
        f"(quota {DEFAULT_QUOTA.rate:,}/s), without connection minutes"
    )
    units = capacity_units.of_message()
    for size in plan.sizes:
        for rate in plan.rates:
            if size * rate < _MAX_DELIVERIES:
                progress(f"cost: {size:,} members, {rate:g} messages/s")
                _add_room(report, units, size, rate)
    requests = capacity_units.of_connection() | capacity_units.of_subscriptions()
    for request, used in requests.items():
        dollars = used.writes * prices.DYNAMODB_WRITE + used.reads * prices.DYNAMODB_READ
        report.add(
            request=request,
            write_units=used.writes,
            read_units=used.reads,
            dollars_per_million=dollars * MILLION,
        )
    idle.add_rows(report)
    for service in prices.SERVICES:
        report.add(
            service=service.name, dollars_per_million_deliveries=service.dollars, counts=service.counts
        )
    sending, repair = units.sending, units.repair
    report.notes += [
        f"A message takes {sending.writes:.0f} write units ({', '.join(sending.calls)}) and "
        f"{repair.reads:.0f} read units to repair; 1,000 members {capacity_units.of_members(1_000):.0f}.",
        f"Above {LARGE_ROOM:,} members in {SLICES} slices: all of them run for as long as the quota takes.",
        "Not included: CloudWatch's custom metrics, $0.30 per month each.",
    ]
    return report


def _add_room(report: Report, units: MessageUnits, size: int, rate: float) -> None:
    heat = hot_room.simulate(rate, members=size, settings=SETTINGS)
    per_message = _per_message(units, heat, size, rate)
    deliveries = MILLION / size
    total = sum(per_message.values()) * deliveries
    report.add(
        members=size,
        messages_per_s=rate,
        **{name: dollars * deliveries for name, dollars in per_message.items()},
        total=total,
        posts_per_delivery=heat.posts_per_message_and_member,
        a_thousand_messages=1_000 * sum(per_message.values()),
    )
    if size == 1_000 and rate == FULL.rates[0]:
        report.goals.append(
            Goal("dollars per million deliveries to a room of 1,000", total, 1.05, 1.02, counted=True)
        )


def _per_message(units: MessageUnits, heat: Heat, size: int, rate: float) -> dict[str, float]:
    """Return the dollars per message by AWS service."""
    large = size > LARGE_ROOM
    runs = heat.batches / len(heat.delays)
    posts = size * heat.posts_per_message_and_member
    seconds = heat.busy / len(heat.delays)
    slice_tasks = runs * SLICES if large else 0.0
    invocations = 1 + runs + slice_tasks
    writes = units.sending.writes + _SLICE_WRITES * slice_tasks
    reads = units.sending.reads + units.repair.reads
    reads += runs * capacity_units.of_members(size) + _SLICE_READS * slice_tasks
    broadcast_gb_seconds = seconds * (SLICE_GB * SLICES if large else FANOUT_GB)
    return {
        "API_Gateway": (2 + posts) * prices.API_GATEWAY_MESSAGE,  # the message, its reply, the posts
        "DynamoDB": writes * prices.DYNAMODB_WRITE + reads * prices.DYNAMODB_READ,
        "Lambda": invocations * prices.LAMBDA_REQUEST
        + (MESSAGE_GB * MESSAGE_SECONDS + broadcast_gb_seconds) * prices.LAMBDA_GB_SECOND,
        "SQS": _SLICE_REQUESTS * slice_tasks * prices.SQS_FIFO_REQUEST,
        "logs": invocations * _LOG_BYTES / 1e9 * prices.LOGS_GB,
        "X-Ray": sampled(rate) * prices.XRAY_TRACE,
    }
