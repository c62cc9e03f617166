"""Measure in a new process, so that earlier work is in neither its CPU time nor its memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# The credentials that the simulated API Gateway accepts; the in-memory table and the sink accept any.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "SIMULATEDACCESSKEY",
    "AWS_SECRET_ACCESS_KEY": "simulated/secret+key",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def environment() -> dict[str, str]:
    """Return this process's environment without its AWS credentials, endpoints and profiles.

    Also without PYTHONDONTWRITEBYTECODE: with it, each measured process would compile what it imports.
    """
    dropped = ("AWS_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return kept | CREDENTIALS | {"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"}


def measure(module: str, python: str = sys.executable, **arguments: Any) -> dict[str, Any]:
    """Run a module whose main is `answer` with these arguments, and return its findings.

    Raises RuntimeError if it fails.
    """
    return _measure([python], environment(), module, arguments)


def measure_deployed(module: str, folders: Sequence[Path], **arguments: Any) -> dict[str, Any]:
    """Do the same with the packages of these folders alone, in which nothing is written: as on Lambda."""
    path = os.pathsep.join(map(str, [*folders, ROOT]))
    variables = environment() | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return _measure([sys.executable, "-S"], variables, module, arguments)  # -S: without those of .venv


def _measure(
    python: list[str], variables: dict[str, str], module: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    done = subprocess.run(
        [*python, "-m", module, json.dumps(arguments)],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {arguments} ended with status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(work: Callable[..., dict[str, Any]]) -> None:
    """Call `work` with the arguments on the command line, and print its findings: the main of a module."""
    print(json.dumps(work(**json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # without cleaning up: some clients log errors when they are closed, and all take time


def cpu_seconds() -> float:
    """Return the CPU time of this process so far: all threads, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_memory() -> float:
    """Return the peak resident memory of this process in MB.

    From /proc (Linux): getrusage's ru_maxrss also counts the process that started this one.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")
