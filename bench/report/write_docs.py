"""Write measured tables between their markers in docs/, so that every number there comes from a run.

<!-- table: NAME -->
...
<!-- end of table -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report.report import Cell, shown

DOCUMENTS = ("architecture.md", "limits-and-cost.md")
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

type Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Rows and columns of a benchmark's findings. The rows are those that begin with the first column.

    What others publish is not `measured`.
    """

    benchmark: str
    columns: Mapping[str, str]  # headings by name
    wanted: Callable[[Row], bool] = lambda row: True
    measured: bool = True


EXCERPTS = {
    "posts": Excerpt(
        "posts",
        {
            "client": "client",
            "posts_per_CPU_second": "posts per CPU-second",
            "posts_per_second": "posts per second",
            "ours_is_times": "ours is times as fast",
        },
    ),
    "rooms": Excerpt(
        "rooms",
        {
            "real_time": "client",
            "members": "members",
            "quota": "quota",
            "bound_s": "the quota alone, s",
            "first_s": "cold, s",
            "s": "warm, s",
            "CPU_us_per_post": "CPU µs per post",
            "429s": "429s",
            "shed": "shed",
            "peak_MB": "peak MB",
            "read_units": "read units",
        },
    ),
    "rooms-virtual-time": Excerpt(
        "rooms",
        {
            "virtual_time": "quota",
            "instances": "instances",
            "members": "members",
            "bound_s": "quota and reads alone, s",
            "s": "to the last post, s",
            "÷_bound": "ratio",
            "429s": "429s",
            "shed": "shed",
        },
    ),
    "latency": Excerpt(
        "latency",
        {
            "members": "members",
            "way": "by",
            "send_to": "from sending to",
            "p50": "p50",
            "p90": "p90",
            "p99": "p99",
            "max": "max",
            "posts_per_message_and_member": "posts per message and member",
        },
    ),
    "latency-published": Excerpt(
        "latency",
        {"published": "service", "p50": "p50", "p99": "p99", "what": "what it says", "source": "where"},
        measured=False,
    ),
    "hot-room": Excerpt(
        "hot-room",
        {
            "messages_per_s": "messages per second",
            "posting": "posting",
            "posts_per_message_and_member": "posts per message and member",
            "p50_s": "p50, s",
            "p99_s": "p99, s",
        },
    ),
    "reactions": Excerpt(
        "reactions",
        {
            "reactions_per_s": "reactions per second",
            "broadcast": "broadcast",
            "frames_per_s": "frames per second",
            "most_in_a_second": "most in a second",
            "kb_per_s": "KB per second",
            "message_max_s": "a message's longest delay, s",
            "row_bytes": "bytes of the row",
            "wrong_counts": "wrong counts",
        },
    ),
    "noisy-neighbour": Excerpt(
        "noisy-neighbour",
        {
            "quota": "quota",
            "room_of_3": "a room of 3",
            "p50_ms": "p50, ms",
            "max_ms": "max, ms",
            "more_than_alone_ms": "more than alone, ms",
        },
    ),
    "faults": Excerpt(
        "faults",
        {
            "trouble": "trouble",
            "over_s": "beyond the bound, s",
            "delivered": "delivered",
            "gone": "gone",
            "shed": "shed",
            "missed_unshed": "missed, not shed",
            "repeated": "members with repeats",
        },
    ),
    "cold-start": Excerpt(
        "cold-start",
        {
            "function": "function",
            "import_and_clients_CPU_ms": "import and clients, CPU ms",
            "first_call_CPU_ms": "first call, CPU ms",
            "second_call_CPU_ms": "second call, CPU ms",
            "import ÷ boto3": "import ÷ boto3's",
        },
    ),
    "page-load": Excerpt(
        "page-load",
        {
            "part": "with gzip",
            "KB_with_gzip": "KB",
            "budget": "planned, KB",
            "without_comments": "without comments, KB",
            "files": "files",
            "small": "before it had rooms and search, KB",
        },
    ),
    "page-first-message": Excerpt(
        "page-load",
        {
            "network": "network",
            "visit": "visit",
            "first_message_s": "first message, s",
            "budget": "planned, s",
            "unlisted": "without the list of modules, s",
            "small": "before it had rooms and search, s",
        },
    ),
    "cost": Excerpt(
        "cost",
        {
            "members": "members",
            "messages_per_s": "messages per second",
            "API_Gateway": "API Gateway",
            "DynamoDB": "DynamoDB",
            "Lambda": "Lambda",
            "SQS": "SQS",
            "logs": "logs",
            "X-Ray": "X-Ray",
            "total": "total",
            "a_thousand_messages": "1,000 messages",
        },
    ),
    "cost-connections": Excerpt(
        "cost",
        {
            "request": "what",
            "write_units": "write units",
            "read_units": "read units",
            "dollars_per_million": "DynamoDB, $ per million",
        },
    ),
    "cost-idle": Excerpt(
        "cost",
        {
            "idle": "10,000 idle clients",
            "a_month": "per month",
            "per_second": "per second",
            "API_Gateway": "API Gateway",
            "DynamoDB": "DynamoDB",
            "Lambda": "Lambda",
            "logs": "logs",
            "X-Ray": "X-Ray",
            "total": "total",
        },
    ),
    "cost-peers": Excerpt(
        "cost",
        {"service": "service", "dollars_per_million_deliveries": "$ per million", "counts": "how it counts"},
    ),
    "local": Excerpt(
        "local",
        {"server": "server", "sockets": "sockets", "what": "what", "p50": "p50", "p99": "p99"},
        lambda row: row["what"] != "all connected, seconds",
    ),
}


def write(docs: Path, results: Path) -> None:
    """Write the tables of the benchmarks that have results; leave the others as they are."""
    for name in DOCUMENTS:
        path = docs / name
        text = path.read_text()
        path.write_text(_TABLE.sub(lambda table: _replaced(table, results), text))


def _replaced(table: re.Match[str], results: Path) -> str:
    excerpt = EXCERPTS[table[2]]
    file = results / f"{excerpt.benchmark}.json"
    if not file.exists():
        return table[0]
    return f"{table[1]}{_markdown(excerpt, json.loads(file.read_text()))}{table[3]}"


def _markdown(excerpt: Excerpt, found: dict[str, Any]) -> str:
    first = next(iter(excerpt.columns))
    lines = [list(excerpt.columns.values()), ["---"] * len(excerpt.columns)]
    lines += [
        [shown(row.get(column, "")) for column in excerpt.columns]
        for row in found["rows"]
        if first in row and next(iter(row)) == first and excerpt.wanted(row)
    ]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    measured = f"Measured {found['measured_at']} UTC ({found['machine']}).\n" if excerpt.measured else ""
    return f"\n{table}\n\n{measured}"
