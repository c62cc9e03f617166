"""Let the local engine run under load for a time, and see whether memory and open files stay the same.

A thousand sockets by default, in rooms of 20, with 20 messages a second. The tables are in memory, so their
process grows with what is stored; no other may grow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from bench.peers.servers import Server, run_server, stats
from bench.peers.sockets import allow_many_files, joined
from bench.report.plot import Curve, Plot
from bench.report.report import Goal, Report, goals_table, progress
from bench.worker import ROOT

ROOM = 20  # sockets per room
WAITING = 60.0  # seconds for the last messages
PARTS = {"local.services.serve": "tables", "fork_server": "functions"}  # by what is in the command line
ENGINE = "engine"
IMAGES = ROOT / "docs" / "images"
MIN_SAMPLES = 6  # two for each third of the time


@dataclass(frozen=True, slots=True)
class Usage:
    """What the processes of one part use."""

    memory: float  # MB, each shared page divided among those that share it
    files: int  # open ones


@dataclass(slots=True)
class Counted:
    sent: int = 0
    received: int = 0


@dataclass(slots=True)
class Soak:
    samples: list[tuple[float, dict[str, Usage]]] = field(default_factory=list)  # with their minutes
    counted: Counted = field(default_factory=Counted)

    def part(self, name: str) -> list[tuple[float, Usage]]:
        return [(minute, parts[name]) for minute, parts in self.samples if name in parts]


def usage(leader: int) -> dict[str, Usage]:
    """Return what a process and its descendants use, by part, from /proc (Linux)."""
    memory, files = Counter[str](), Counter[str]()
    for pid in stats(leader):
        folder = Path("/proc", str(pid))
        try:
            command = (folder / "cmdline").read_text()
            rollup = (folder / "smaps_rollup").read_text()
            open_files = len(list((folder / "fd").iterdir()))
        except OSError:  # it has ended since
            continue
        part = next((name for mark, name in PARTS.items() if mark in command), ENGINE)
        (pss,) = (line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))
        memory[part] += int(pss)
        files[part] += open_files
    return {part: Usage(memory[part] / 1024, files[part]) for part in memory}


async def soak(*, minutes: float, sockets: int, rate: float, interval: float) -> Soak:
    """Load the engine. `rate`: messages per second in all rooms; `interval`: seconds between samples.

    Raises RuntimeError if a message does not arrive at each member of its room.
    """
    result = Soak()
    command = (sys.executable, "-m", "local", "run", "--port", "0")
    async with run_server("the local engine", *command) as server, AsyncExitStack() as stack:
        rooms = [f"soak-{number}" for number in range(max(1, sockets // ROOM))]
        clients = [(await stack.enter_async_context(joined(server.url, ROOM, room)))[0] for room in rooms]
        reading = [asyncio.create_task(_read(client, result.counted)) for room in clients for client in room]
        progress(f"soak: {len(reading):,} sockets in {len(rooms)} rooms, {rate:g} messages/s")
        began = time.monotonic()
        sampling = asyncio.create_task(_sample(server, result, began, interval))
        due = began
        while (due := due + 1 / rate) < began + 60 * minutes:
            await asyncio.sleep(due - time.monotonic())
            number = random.randrange(len(rooms))
            frame = {
                "action": "send", "ref": str(uuid.uuid4()), "room": rooms[number], "message": "x" * 100,
            }  # fmt: skip
            await random.choice(clients[number]).send(json.dumps(frame))
            result.counted.sent += 1
        async with asyncio.timeout(WAITING):
            while result.counted.received < result.counted.sent * ROOM:
                for task in reading:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.1)
        for task in (sampling, *reading):
            task.cancel()
    if result.counted.received != result.counted.sent * ROOM:
        raise RuntimeError(f"lost or repeated: {result.counted}")
    return result


async def _read(client: ClientConnection, counted: Counted) -> None:
    async for frame in client:
        body = json.loads(frame)
        if body.get("type") == "messages":
            counted.received += len(body["messages"])
        elif body.get("status", "ok") != "ok" or "connectionId" in body:
            raise RuntimeError(f"an error: {frame!r}")


async def _sample(server: Server, result: Soak, began: float, interval: float) -> None:
    while True:
        minute = (time.monotonic() - began) / 60
        result.samples.append((minute, usage(server.pid)))
        if len(result.samples) % 6 == 0:
            parts = ", ".join(
                f"{name} {used.memory:.0f} MB, {used.files} files"
                for name, used in result.samples[-1][1].items()
            )
            progress(f"soak: {minute:.0f} min, {result.counted.sent:,} messages: {parts}")
        await asyncio.sleep(interval)


def report(result: Soak) -> Report:
    """Compare the last third of the time with the one before it."""
    found = Report(f"soak: {result.counted.sent:,} messages, {result.counted.received:,} receipts")
    memory, files = [], []
    for name in (ENGINE, *PARTS.values()):
        part = result.part(name)
        third = len(part) // 3
        middle, last = part[third : 2 * third], part[2 * third :]
        found.add(
            process=name,
            MB_at_the_start=part[0][1].memory,
            MB_in_the_middle=_mean([used.memory for _, used in middle]),
            MB_at_the_end=_mean([used.memory for _, used in last]),
            files_in_the_middle=max(used.files for _, used in middle),
            files_at_the_end=max(used.files for _, used in last),
        )
        memory.append(Curve(name, [(minute, used.memory) for minute, used in part]))
        files.append(Curve(name, [(minute, used.files) for minute, used in part]))
        if name != PARTS["local.services.serve"]:
            growth = _mean([used.memory for _, used in last]) / _mean([used.memory for _, used in middle])
            found.goals.append(Goal(f"{name}: memory in the last third ÷ the one before", growth, 1.05, 1.01))
        more = max(used.files for _, used in last) - max(used.files for _, used in middle)
        found.goals.append(Goal(f"{name}: more open files in the last third", more, 5, 0))
    found.plots["soak-memory"] = Plot("Memory under load", "minutes", "MB", memory, x_log=False, y_log=False)
    found.plots["soak-files"] = Plot(
        "Open files under load", "minutes", "files", files, x_log=False, y_log=False
    )
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=20, help="messages per second, in all rooms")
    parser.add_argument("--interval", type=float, default=10, help="seconds between two samples")
    parser.add_argument("--plots", action="store_true", help="also write the plots of docs/images")
    asked = parser.parse_args()
    if min(asked.rate, asked.interval, asked.sockets) <= 0:
        parser.error("--rate, --interval and --sockets must be above 0")
    if 60 * asked.minutes < MIN_SAMPLES * asked.interval:
        parser.error(f"too short: {MIN_SAMPLES} samples take {MIN_SAMPLES * asked.interval:g} seconds")
    allow_many_files()
    result = asyncio.run(
        soak(minutes=asked.minutes, sockets=asked.sockets, rate=asked.rate, interval=asked.interval)
    )
    found = report(result)
    print(found.table(), goals_table(found.goals), sep="\n", flush=True)
    if asked.plots:
        for name, plot in found.plots.items():
            (IMAGES / f"bench-{name}.svg").write_text(plot.svg())


if __name__ == "__main__":
    main()
