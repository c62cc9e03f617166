"""Measures in a process of its own, so that nothing that ran before is in its CPU time or its memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# What the simulated API Gateway takes for valid; the in-memory table and the sink take anything.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "SIMULATEDACCESSKEY",
    "AWS_SECRET_ACCESS_KEY": "simulated/secret+key",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def environment(**more: str) -> dict[str, str]:
    """A clean one: no credentials, endpoints or profiles of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return kept | CREDENTIALS | {"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"} | more


def measure(module: str, python: str = sys.executable, **arguments: Any) -> dict[str, Any]:
    """Runs a module whose main is `answer` with these arguments, and returns what it found.

    Raises RuntimeError where it fails.
    """
    done = subprocess.run(
        [python, "-m", module, json.dumps(arguments)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {arguments} ended with status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(work: Callable[..., dict[str, Any]]) -> None:
    """The main of such a module: arguments in, findings out."""
    print(json.dumps(work(**json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # what was measured is not taken apart first: some clients complain, and all take time


def cpu_seconds() -> float:
    """CPU time of this process so far, all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_memory() -> float:
    """The most memory that this process has held, in MB.

    From /proc (Linux): getrusage's ru_maxrss would begin with that of the process which started this one.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")
