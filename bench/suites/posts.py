"""CPU time per post: clients beside each other, posting over TLS to an nginx that does nothing."""

from __future__ import annotations

import re
import resource
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import worker
from bench.fakes.sink import NotInstalled, Sink, find, nginx
from bench.peers.engine import EPOCH, message
from bench.report.report import Goal, Report, progress
from chat.protocol import frames

# Each runs for about a second: a client that is ten times as fast makes ten times the posts.
POSTS = {
    "ours": 30_000,
    "ours_traced": 30_000,
    "boto3_sequential": 700,
    "boto3_threads": 1_000,
    "aiobotocore_tasks": 1_500,
    "awscrt": 20_000,
}
NAMES = {
    "ours": "ours (sockets without transports, httptools, frame signed once)",
    "ours_traced": "ours, a trace per 1,000 posts",
    "boto3_sequential": "boto3, one after the other",
    "boto3_threads": "boto3, 50 threads",
    "aiobotocore_tasks": "aiobotocore, 50 tasks",
    "awscrt": "awscrt, 50 connections, our signer",
}
(FRAME,) = frames.messages("general", EPOCH, [message(42)])
PEERS = worker.ROOT / ".venv-bench" / "bin" / "python"  # `make bench` installs it
_OTHER_VENV = ("aiobotocore_tasks", "awscrt")  # their packages need another botocore


@dataclass(frozen=True, slots=True)
class Plan:
    times: int  # runs per client
    share: float  # of the posts above
    wrk_seconds: int


FULL = Plan(times=3, share=1.0, wrk_seconds=3)
QUICK = Plan(times=1, share=0.05, wrk_seconds=1)


def run(plan: Plan = FULL) -> Report:
    report = Report(f"posts: a signed frame of {len(FRAME)} bytes over TLS to nginx")
    try:
        with nginx() as sink:
            rates = {client: rate for client in POSTS if (rate := _rate(report, client, sink, plan))}
            limit = _wrk(report, sink, plan.wrk_seconds)
    except NotInstalled as missing:
        report.notes.append(f"not run: {missing}")
        return report
    ours = rates["ours"]
    for row in report.rows:
        row["ours_is_times"] = ours / float(row["posts_per_CPU_second"])
    report.goals.append(
        Goal("posts per CPU-second ÷ boto3's with 50 threads", ours / rates["boto3_threads"], 40, 60, True)
    )
    if "awscrt" in rates:
        report.goals.append(Goal("posts per CPU-second ÷ awscrt's", ours / rates["awscrt"], 2, 3, True))
    report.goals.append(Goal("CPU of a post with tracing ÷ without", ours / rates["ours_traced"], 1.03, 1.01))
    if limit:
        report.notes.append(f"Ours is {ours / limit:.2f} of what wrk, in C and without signing, can do.")
    return report


def _rate(report: Report, client: str, sink: Sink, plan: Plan) -> float | None:
    """Return the client's posts per CPU-second, the median of its runs. None if it cannot run."""
    if client in _OTHER_VENV and not PEERS.exists():
        report.notes.append(
            f"{NAMES[client]}: not run, because .venv-bench is missing (`make bench` makes it)."
        )
        return None
    progress(f"posts: {NAMES[client]}")
    python = {"python": str(PEERS)} if client in _OTHER_VENV else {}
    runs = [
        worker.measure(
            "bench.peers.posting_clients",
            **python,
            client=client,
            endpoint=sink.endpoint,
            ca=sink.ca,
            frame=FRAME,
            posts=round(plan.share * POSTS[client]),
        )
        for _ in range(plan.times)
    ]
    rate: float = statistics.median(run["posts"] / run["cpu"] for run in runs)
    report.add(
        client=NAMES[client],
        posts_per_CPU_second=rate,
        CPU_us_per_post=1e6 / rate,
        posts_per_second=statistics.median(run["posts"] / run["wall"] for run in runs),
    )
    return rate


def _wrk(report: Report, sink: Sink, seconds: int) -> float | None:
    try:
        program = find("wrk", "wrk")
    except NotInstalled as missing:
        report.notes.append(f"the limit: not run: {missing}")
        return None
    progress("posts: wrk, the limit")
    script = Path(sink.ca).with_name("post.lua")
    script.write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {len(FRAME)})\n')
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [
            program,
            "-t1",
            "-c50",
            f"-d{seconds}s",
            "-s",
            str(script),
            f"{sink.endpoint}/@connections/aBcDeFgHoAMCJ9w=",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    posts, seconds = re.findall(r"(\d+) requests in ([\d.]+)s", done.stdout)[0]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rate = int(posts) / cpu
    report.add(
        client="wrk (C, one thread, unsigned): the limit",
        posts_per_CPU_second=rate,
        CPU_us_per_post=1e6 / rate,
        posts_per_second=int(posts) / float(seconds),
    )
    return rate
