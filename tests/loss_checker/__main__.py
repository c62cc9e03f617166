"""Run the loss checker for as long as you like: `python -m tests.loss_checker --seconds 600 --rounds 6`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.e2e.support.library import Library
from tests.loss_checker.bounds import ended_within
from tests.loss_checker.faults import Faults, faulty_engine
from tests.loss_checker.run import Settings, run
from tests.support.project import ROOT

sys.path.insert(0, str(ROOT / "src"))  # the functions' CodeUri, as pytest has it: a user is a hash of theirs

ENDING = 10.0  # seconds for the engine to end, and for the library


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.loss_checker",
        description="Clients of the library chat at random during faults, and every message is accounted "
        "for, and every reply, change, reading mark and mention. The exit status is 1 if one was lost, "
        "repeated, reordered or invented, if somebody is told a wrong number of unread messages, or if "
        "something deleted can be read. Ctrl-C ends it with its counts.",
    )
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120, help="of faults, in each round")
    parser.add_argument("--rounds", type=int, default=1, help="each has rooms and a result of its own")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--fast-lane", type=int, default=0, metavar="MEMBERS", help="the parameter FastLane")
    parser.add_argument(
        "--url",
        help="of a running chat, wss://... or ws://...; the only faults are then those of clients. "
        "Without it, a local engine is started, with faults of every kind.",
    )
    return parser.parse_args()


async def main(asked: argparse.Namespace) -> bool:
    """Return True if nothing was found."""
    print(f"seed {asked.seed}", flush=True)
    rng = random.Random(asked.seed)
    faults: Faults | None = None
    passed = True
    async with AsyncExitStack() as stack:
        library = await stack.enter_async_context(ended_within(ENDING, "the library", Library()))
        if asked.url:
            url = asked.url
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            engine = ended_within(ENDING, "the engine", faulty_engine(folder, rng, fast_lane=asked.fast_lane))
            url, faults = await stack.enter_async_context(engine)
        for number in range(1, asked.rounds + 1):
            settings = Settings(asked.clients, asked.rooms, asked.seconds)
            report = await run(library, url, settings, rng, faults)
            print(f"round {number}: {report}", flush=True)
            passed = passed and not report.findings
    return passed


if __name__ == "__main__":
    try:
        sys.exit(not asyncio.run(main(arguments())))
    except KeyboardInterrupt:
        sys.exit(130)
