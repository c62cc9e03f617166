"""Run the page checker for as long as you like: `python -m tests.page_checker --seconds 600 --seed 7`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.e2e.support.browser.windows import chromium
from tests.loss_checker.bounds import ended_within
from tests.loss_checker.faults import faulty_engine
from tests.page_checker.run import Settings, run
from tests.support.project import ROOT

sys.path.insert(0, str(ROOT / "src"))  # the functions' CodeUri, as pytest has it

ENDING = 10.0  # seconds for the engine to end, and for the browser


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.page_checker",
        description="Two people chat by the page, in several windows each and at random, while links are cut "
        "and functions die. At the end each window has to show what the history has, and what was begun, and "
        "no console may have complained. The exit status is 1 if something else was found.",
    )
    parser.add_argument("--windows", type=int, default=3, help="of each person")
    parser.add_argument("--rooms", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120, help="of faults")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    return parser.parse_args()


async def main(asked: argparse.Namespace) -> bool:
    """Return True if nothing was found."""
    print(f"seed {asked.seed}", flush=True)
    rng = random.Random(asked.seed)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = ended_within(ENDING, "the engine", faulty_engine(folder, rng))
        url, faults = await stack.enter_async_context(engine)
        browser = await stack.enter_async_context(ended_within(ENDING, "the browser", chromium()))
        report = await run(browser, url, Settings(asked.windows, asked.rooms, asked.seconds), rng, faults)
    print(report, flush=True)
    return not report.findings


if __name__ == "__main__":
    try:
        sys.exit(not asyncio.run(main(arguments())))
    except KeyboardInterrupt:
        sys.exit(130)
