"""CPU time of a function's imports, clients and first call, each in a new process, as `make build` made it.

The peer is boto3 as it is published, in the same version: the layer's has less data (layer/trim.py).

A fake of DynamoDB answers at once, so its time is not counted. Lambda's own start of the runtime is not
counted either, and Lambda gives less than one core to functions below 1,769 MB.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import worker
from bench.report.report import Goal, Report, progress

if TYPE_CHECKING:
    from bench.fakes.table import Table

EVENTS = {  # the slices' function is the fan-out's code: a test holds template.yaml to it
    "authorizer": "authorize.json",
    "connect": "connect.json",
    "disconnect": "connect.json",  # it reads only fields that this event has
    "message": "send.json",
    "fanout": "fanout-one-message.json",
}
PEER = 'import boto3; boto3.client("dynamodb")'


@dataclass(frozen=True, slots=True)
class Plan:
    times: int  # new processes per function


FULL = Plan(25)
QUICK = Plan(1)


def run(plan: Plan = FULL) -> Report:
    # Imported here: the measured processes import this module, and would have part of their imports done.
    from bench.fakes.table import table

    report = Report(f"cold-start: milliseconds in a new process, the median of {plan.times}")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in (PEER, *EVENTS)}
    with table([]) as dynamodb:
        for number in range(plan.times):
            progress(f"cold-start: run {number + 1} of {plan.times}")
            for name, found in runs.items():
                found.append(_measure(name, dynamodb))
        runs[PEER].append(_measure(PEER, dynamodb))
    ratios = {name: _ratio(found, runs[PEER]) for name, found in runs.items()}
    for name, found in runs.items():
        report.add(
            function=name,
            import_and_clients_CPU_ms=_median(found, "import_cpu"),
            import_and_clients_ms=_median(found, "import_wall"),
            first_call_CPU_ms=_median(found, "first_cpu") if name != PEER else "",
            second_call_CPU_ms=_median(found, "second_cpu") if name != PEER else "",
            peak_MB=_median(found, "memory") / 1000,
            **{"import ÷ boto3": ratios[name]},
        )
    # Not counted: one round differs by a tenth from the next, on a busy machine by more.
    what = "a handler's import and clients ÷ import boto3 and a client (CPU)"
    report.goals.append(Goal(what, max(ratios.values()), 1.2, 1.1))
    return report


def _median(runs: list[dict[str, float]], what: str) -> float:
    return 1000 * median(run[what] for run in runs)


def _ratio(runs: list[dict[str, float]], peers: list[dict[str, float]]) -> float:
    """Return the median of the rounds' ratios, each to the peer before the round and the one after it.

    What slows the machine down for some seconds slows all three.
    """
    around = [(before["import_cpu"] + after["import_cpu"]) / 2 for before, after in pairwise(peers)]
    return median(run["import_cpu"] / peer for run, peer in zip(runs, around, strict=False))


def _measure(name: str, dynamodb: Table) -> dict[str, float]:
    from bench import built
    from bench.deployed import FUNCTIONS

    function = FUNCTIONS[f"{name.capitalize()}Function"] if name != PEER else None
    endpoints = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint,
        "AWS_ENDPOINT_URL_SQS": dynamodb.endpoint,
        "CONNECTIONS_ENDPOINT": "https://localhost:9/prod",
        "SLICE_QUEUE_URL": f"{dynamodb.endpoint}/slices.fifo",
    }
    published = Path(sysconfig.get_paths()["purelib"])
    return worker.measure_deployed(
        "bench.suites.cold_start",
        [built.function(function.name), built.layer()] if function else [published],
        function=name if function else "",
        environment=(function.environment if function else {}) | endpoints,
        memory=function.memory if function else 0,
        timeout=function.timeout if function else 0,
    )


# In the measured process


def work(function: str, environment: dict[str, str], memory: int, timeout: float) -> dict[str, float]:
    os.environ |= {
        **environment,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "LAMBDA_TASK_ROOT": "/var/task",  # without it the X-Ray SDK makes a client of its own
    }
    cpu, wall = worker.cpu_seconds(), time.perf_counter()
    if function:
        module = importlib.import_module(f"{function}.app")
    else:
        import boto3

        boto3.client("dynamodb")
    found = {"import_cpu": worker.cpu_seconds() - cpu, "import_wall": time.perf_counter() - wall}
    if function:
        event = json.loads((worker.ROOT / "events" / EVENTS[function]).read_text())
        for call in ("first_cpu", "second_cpu"):
            cpu = worker.cpu_seconds()
            module.handler(event, _Context(memory, timeout))
            found[call] = worker.cpu_seconds() - cpu
    return found | {"memory": worker.peak_memory()}


class _Context:
    """The parts of Lambda's context object that the functions read."""

    function_name = "function"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "3f6c8b0d-0000-4000-8000-000000000000"

    def __init__(self, memory: int, timeout: float) -> None:
        self.memory_limit_in_mb = memory
        self._timeout = timeout

    def get_remaining_time_in_millis(self) -> int:
        return round(1000 * self._timeout)


def _main() -> None:
    # The functions write metrics to standard output, where `worker` expects the findings only.
    findings = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    arguments: dict[str, Any] = json.loads(sys.argv[1])
    os.write(findings, json.dumps(work(**arguments)).encode())
    os._exit(0)


if __name__ == "__main__":
    _main()
