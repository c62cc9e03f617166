"""A chat server in processes of its own, and their CPU time."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.worker import ROOT


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    pid: int


@asynccontextmanager
async def run_server(name: str, *command: str) -> AsyncIterator[Server]:
    """Run a server in new processes until the context ends; yield it when clients can connect."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"socket (ws://\S+?)\)?$", line.strip()):
                break
        else:
            raise RuntimeError(f"{name} did not start")
        draining = asyncio.create_task(_drain(process.stdout))
        yield Server(name, found[1], process.pid)
        draining.cancel()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


def stats(leader: int) -> dict[int, list[str]]:
    """Return a process and its descendants: by id, what follows the name in /proc/<id>/stat (Linux)."""
    found: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended since the listing
            continue

    def ours(pid: int) -> bool:
        return pid == leader or (pid in found and ours(int(found[pid][1])))

    return {pid: fields for pid, fields in found.items() if ours(pid)}


def cpu_seconds(leader: int) -> float:
    """Return the CPU seconds of a process and its descendants."""
    used = sum(int(fields[11]) + int(fields[12]) for fields in stats(leader).values())
    return used / os.sysconf("SC_CLK_TCK")
