"""Start the in-memory connections table (table_server.py) in a new process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.worker import ROOT, environment

NAME = "connections"


def room_of(size: int) -> str:
    """Return the room with members member_id(0) to member_id(size - 1)."""
    return f"members-{size}"


@dataclass(frozen=True, slots=True)
class Used:
    """Calls by operation, and read units."""

    calls: dict[str, int]
    units: float


class Table:
    def __init__(self, process: subprocess.Popen[str], endpoint: str) -> None:
        self._process = process
        self.endpoint = endpoint

    def used(self) -> Used:
        """Return what was used since the last call of this method."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        return Used(found["calls"], found["units"])


@contextmanager
def table(sizes: Sequence[int]) -> Iterator[Table]:
    """Run a table with a room of each size until the context ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fakes.table_server", json.dumps(list(sizes))],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the table did not start")
        yield Table(process, json.loads(line)["endpoint"])
    finally:
        process.communicate()  # it ends with its input
