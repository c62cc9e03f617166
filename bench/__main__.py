"""Measures Roomcast beside its peers: prints a table each and writes bench/results/NAME.json."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from bench import local
from bench.report import Report

BENCHMARKS: dict[str, Callable[[], Report]] = {"local": local.run}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join(BENCHMARKS)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"which to run (default: all of {names})")
    asked = parser.parse_args().name or list(BENCHMARKS)
    for name in asked:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark {name!r}: there are {names}")
    RESULTS.mkdir(exist_ok=True)
    for name in asked:
        report = BENCHMARKS[name]()
        print(report.table())
        (RESULTS / f"{name}.json").write_text(json.dumps(report.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
