"""Measures Roomcast beside its peers: prints a table each and writes bench/results/NAME.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from bench import worker
from bench.report import write_docs as documents
from bench.report.report import Goal, Report, goals_table

NAMES = ("posts", "rooms", "hot-room", "noisy-neighbour", "faults", "cold-start", "cost", "local")
RESULTS = Path(__file__).parent / "results"
IMAGES = worker.ROOT / "docs" / "images"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join(NAMES)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"which to run (default: all of {names})")
    parser.add_argument("--plots", action="store_true", help="also write the plots and tables of docs/")
    arguments = parser.parse_args()
    for name in arguments.name:
        if name not in NAMES:
            parser.error(f"no benchmark {name!r}: there are {names}")
    RESULTS.mkdir(exist_ok=True)
    sys.path.insert(0, str(worker.ROOT / "src"))  # the functions' CodeUri: imports are as in Lambda
    goals: list[Goal] = []
    failed: list[str] = []
    for name in arguments.name or NAMES:
        try:  # one that fails must not take the findings of the others with it
            report: Report = importlib.import_module(f"bench.suites.{name.replace('-', '_')}").run()
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        print(report.table(), flush=True)
        goals += report.goals
        found = {
            "measured_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "machine": _machine(),
            **report.as_json(),
        }
        (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        if arguments.plots:
            for picture, plot in report.plots.items():
                (IMAGES / f"bench-{picture}.svg").write_text(plot.svg())
    if arguments.plots:
        documents.write(worker.ROOT / "docs", RESULTS)
    print(goals_table(goals))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
