"""Measure Roomcast beside its peers: print a table per benchmark and write bench/results/NAME.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from bench import worker
from bench.report import write_docs
from bench.report.report import Goal, Report, goals_table, progress

# What each benchmark measures, and how long it takes on two cores.
SUITES = {
    "posts": "CPU time per post of the posting engine, boto3, aiobotocore and awscrt; 2 minutes",
    "rooms": "time to broadcast one message to rooms of 10 to 1,000,000 members; 6 minutes",
    "latency": "a message in a quiet room, with the fast lane and by the stream alone; 3 minutes",
    "hot-room": "posts per message where messages come faster than the quota allows; 2 minutes",
    "reactions": "frames to a member while thousands react to one message; 1 minute",
    "noisy-neighbour": "delay of a small room because of a large one; 1 minute",
    "faults": "messages lost, repeated or disordered while requests fail; 2 minutes",
    "cold-start": "imports and first call of each function as it is built, in a new process; 1 minute",
    "capacity-units": "DynamoDB capacity units per message and per connection; 10 seconds",
    "cost": "list price per million deliveries, beside hosted services; 1 minute",
    "person": "the list of a person's 500 rooms, beside a read per room; 1 minute",
    "page": "the chat page in Chromium: storms, a long climb, visited rooms, memory, keys; 3 minutes",
    "page-load": "what the page's first load takes, and the first message on slow networks; 3 minutes",
    "local": "the local engine beside in-memory chat servers; 5 minutes",
}
RESULTS = Path(__file__).parent / "results"
IMAGES = worker.ROOT / "docs" / "images"


def main() -> None:
    arguments = _arguments()
    names = arguments.name or list(SUITES)
    if arguments.quick and len(names) > 1:
        return _side_by_side(names)
    RESULTS.mkdir(exist_ok=True)
    sys.path.insert(0, str(worker.ROOT / "src"))  # the functions' CodeUri: imports are as in Lambda
    goals: list[Goal] = []
    failed: list[str] = []
    all_began = time.monotonic()
    for name in names:
        began = time.monotonic()
        try:
            suite = importlib.import_module(f"bench.suites.{name.replace('-', '_')}")
            report: Report = suite.run(suite.QUICK if arguments.quick else suite.FULL)
        except Exception:  # the other benchmarks still have to run, and to write what they found
            traceback.print_exc()
            failed.append(name)
            continue
        print(report.table(), flush=True)
        if arguments.quick:
            goals += (counted := [goal for goal in report.goals if goal.counted])
            progress(f"{name}: {time.monotonic() - began:.0f} s")
            failed += [f"{name} ({goal.what})" for goal in counted if goal.verdict == "MISSED"]
            continue
        goals += report.goals
        _write(name, report, with_plots=arguments.plots)
    progress(f"in all: {time.monotonic() - all_began:.0f} s")
    if arguments.plots:
        write_docs.write(worker.ROOT / "docs", RESULTS)
    print(goals_table(goals))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _side_by_side(names: Sequence[str]) -> None:
    """Run short forms in processes of their own, as many at once as there are cores."""

    def run(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bench", "--quick", name]
        return subprocess.run(command, cwd=worker.ROOT, capture_output=True, text=True)

    failed: list[str] = []
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(names, pool.map(run, names), strict=True):
            print(done.stdout, end="", flush=True)
            print(done.stderr, end="", file=sys.stderr, flush=True)
            failed += [name] * bool(done.returncode)
    progress(f"all of them: {time.monotonic() - began:.0f} s")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    width = max(map(len, SUITES))
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["benchmarks:", *(f"  {name:{width}}  {what}" for name, what in SUITES.items())]),
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only see that each benchmark runs and counts right, in less than a minute for all: nothing is "
        "written, and the times mean nothing",
    )
    parser.add_argument("--plots", action="store_true", help="also write the plots and tables of docs/")
    arguments = parser.parse_args()
    if arguments.quick and arguments.plots:
        parser.error("--quick measures nothing that --plots could draw")
    for name in arguments.name:
        if name not in SUITES:
            parser.error(f"no benchmark {name!r}; choose from {', '.join(SUITES)}")
    return arguments


def _write(name: str, report: Report, *, with_plots: bool) -> None:
    found = {"measured_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "machine": _machine(), **report.as_json()}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if with_plots:
        for image, plot in report.plots.items():
            (IMAGES / f"bench-{image}.svg").write_text(plot.svg())


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
