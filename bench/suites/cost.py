"""List prices of a million deliveries, from the calls that the code makes. No free tier, no discount.

Without connection minutes, which every service asks for as well and which depend on how long people stay.
"""

from __future__ import annotations

from bench.report.report import Goal, Report, progress
from bench.simulator import Settings
from bench.suites import capacity_units as units
from bench.suites import hot_room
from bench.suites.rooms import SLICES

MILLION = 1e6
# us-east-1, in dollars. docs/limits-and-cost.md says where each was read and when.
API_GATEWAY_MESSAGE = 1.00 / MILLION  # of up to 32 KB
DYNAMODB_WRITE = 0.625 / MILLION
DYNAMODB_READ = 0.125 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
SQS_FIFO_REQUEST = 0.50 / MILLION
LOGS_GB = 0.50
XRAY_TRACE = 5.00 / MILLION

MESSAGE_SECONDS = 0.035  # 4 ms of CPU at 0.29 vCPU, and four calls of DynamoDB at 5 ms
MESSAGE_GB = 0.5
FANOUT_GB = 1769 / 1024
LOG_BYTES = 1_300  # an invocation: ours, and Lambda's own START, END and REPORT
LARGE = 1_000  # members, above which a room is broadcast in slices
DEFAULT = Settings(rate=10_000, burst=5_000)

SIZES = (10, 100, 1_000, 10_000, 100_000)
RATES = (0.1, 1.0, 10.0)  # messages a second in the room
_TOO_MUCH = 1e6  # deliveries a second that are not simulated one by one


def run() -> Report:
    report = Report(
        "cost: dollars per million deliveries at list prices (quota 10,000/s), without connection minutes"
    )
    sending, settling = units.of_a_message()
    for size in SIZES:
        members = units.of_members(size)
        for rate in RATES:
            if size * rate >= _TOO_MUCH:
                continue
            progress(f"cost: {size:,} members, {rate:g} messages/s")
            heat = hot_room.simulate(rate, members=size, settings=DEFAULT)
            runs = heat.batches / len(heat.delays)  # for each message
            posts = size * heat.posts_per_message_and_member
            instances = SLICES if size > LARGE else 1
            seconds = heat.busy / len(heat.delays) * instances
            doorbells = runs * SLICES if size > LARGE else 0.0  # cursors and the log are read and moved, too
            per_message = {
                "API_Gateway": (2 + posts) * API_GATEWAY_MESSAGE,
                "DynamoDB": (sending.writes + doorbells) * DYNAMODB_WRITE
                + (sending.reads + settling.reads + runs * members + 3 * doorbells) * DYNAMODB_READ,
                "Lambda": (1 + runs + doorbells) * LAMBDA_REQUEST
                + (MESSAGE_GB * MESSAGE_SECONDS + FANOUT_GB * seconds) * LAMBDA_GB_SECOND,
                "SQS": 2.2 * doorbells * SQS_FIFO_REQUEST,  # sent in tens, received, deleted
                "logs": (1 + runs + doorbells) * LOG_BYTES / 1e9 * LOGS_GB,
                "X-Ray": _sampled(rate) * XRAY_TRACE,
            }
            deliveries = MILLION / size
            total = sum(per_message.values()) * deliveries
            parts = {name: dollars * deliveries for name, dollars in per_message.items()}
            report.add(
                members=size,
                messages_per_s=rate,
                **parts,
                total=total,
                posts_per_delivery=heat.posts_per_message_and_member,
                a_thousand_messages=1_000 * sum(per_message.values()),
            )
            if size == LARGE and rate == min(RATES):
                report.goals.append(
                    Goal("dollars per million deliveries to a room of 1,000", total, 1.05, 1.02)
                )
    for what, it in units.of_coming_and_going().items():
        dollars = it.writes * DYNAMODB_WRITE + it.reads * DYNAMODB_READ
        report.add(
            event=what, write_units=it.writes, read_units=it.reads, dollars_per_million=dollars * MILLION
        )
    for service, price, counts in PEERS:
        report.add(service=service, dollars_per_million_deliveries=price, counts=counts)
    report.notes += [
        f"A message takes {sending.writes:.0f} write units ({', '.join(sending.calls)}) and "
        f"{settling.reads:.0f} read units to settle; 1,000 members {units.of_members(1_000):.0f}.",
        f"Above {LARGE:,} members in {SLICES} slices: all of them are paid for as long as the quota takes.",
        "Not in it: CloudWatch's custom metrics, $0.30 a month each.",
    ]
    return report


# What they ask for a delivery to a room of 1,000, publishing included. A plan that is not used up costs more.
PEERS = (
    ("Ably", 2.50 * 1_001 / 1_000, "each message published or delivered: $2.50 a million; stored ones again"),
    ("Pusher Startup, used up", 49 / 30, "$49 a month for 1 million a day and 500 connections"),
    ("Pusher Business, used up", 299 / 300, "$299 a month for 10 million a day and 5,000 connections"),
    (
        "Pusher Growth Plus, used up",
        1_199 / 2_700,
        "$1,199 a month for 90 million a day and 30,000 connections",
    ),
    (
        "AppSync Events",
        1.00 * 1_001 / 1_000,
        "each event published or delivered, in 5 KB: $1.00 a million; no history",
    ),
)


def _sampled(rate: float) -> float:
    """The part of the messages that X-Ray's default rule traces: one a second and 5% of the rest."""
    return min(1.0, (1 + 0.05 * max(0.0, rate - 1)) / rate)
