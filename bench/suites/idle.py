"""List price of clients that only stay connected: their connection minutes and their pings."""

from __future__ import annotations

from dataclasses import dataclass

from bench import prices
from bench.deployed import MESSAGE_GB
from bench.invocations import message_seconds, sampled
from bench.report.report import Report
from bench.suites import capacity_units

CLIENTS = 10_000
MONTH = 730 * 60  # minutes
# Minutes from ping to ping: of a room where something has happened, and of a quiet one on average, as PING of
# web/roomcast/room/pinger.js has them.
SOON, RARE = 2.0, 8.375
_LOG_BYTES = 800  # per invocation: its metrics, and Lambda's START, END and REPORT
LINE_BYTES = 500  # of our own line, `done`


@dataclass(frozen=True, slots=True)
class Pings:
    """The pings of all clients in a month."""

    minutes: float  # from ping to ping
    log_bytes: int  # per ping

    @property
    def number(self) -> float:
        return CLIENTS * MONTH / self.minutes

    @property
    def per_second(self) -> float:
        return self.number / (MONTH * 60)

    def dollars(self) -> dict[str, float]:
        """Return the dollars by AWS service."""
        used = capacity_units.of_connection()["ping, with a room"]
        seconds = message_seconds(len(used.calls))
        each = {
            "API_Gateway": 2 * prices.API_GATEWAY_MESSAGE,  # the ping and its reply
            "DynamoDB": used.writes * prices.DYNAMODB_WRITE + used.reads * prices.DYNAMODB_READ,
            "Lambda": prices.LAMBDA_REQUEST + MESSAGE_GB * seconds * prices.LAMBDA_GB_SECOND,
            "logs": self.log_bytes / 1e9 * prices.LOGS_GB,
            "X-Ray": sampled(self.per_second) * prices.XRAY_TRACE,
        }
        return {name: dollars * self.number for name, dollars in each.items()}


FREQUENT = Pings(SOON, _LOG_BYTES + LINE_BYTES)
QUIET = Pings(RARE, _LOG_BYTES)


def add_rows(report: Report) -> None:
    """Add what 10,000 idle clients cost in a month."""
    minutes = float(CLIENTS * MONTH)
    dollars = minutes * prices.CONNECTION_MINUTE
    report.add(idle="connection minutes", a_month=minutes, API_Gateway=dollars, total=dollars)
    for idle, pings in (
        ("pings every 2 minutes, with a line in the log", FREQUENT),
        ("pings as the library sends them in quiet rooms", QUIET),
    ):
        report.add(
            idle=idle,
            a_month=pings.number,
            per_second=pings.per_second,
            **pings.dollars(),
            total=sum(pings.dollars().values()),
        )
