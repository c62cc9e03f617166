"""What a function's first call costs: its imports, its clients and the call, each in a fresh process.

A stand-in for DynamoDB answers at once, so that it is not measured. Lambda's own start of the runtime is not
measured either, and it gives less than this machine's core to functions below 1,769 MB.
"""

from __future__ import annotations

import json
import statistics
import time

from bench import worker
from bench.fakes.table import table
from bench.report.report import Goal, Report, progress

TIMES = 7
EVENTS = {
    "authorizer": "authorize.json",
    "connect": "connect.json",
    "disconnect": "connect.json",  # it reads no more of an event than these hold
    "message": "send.json",
    "fanout": "fanout-one-message.json",
}


def run() -> Report:
    report = Report(f"cold-start: milliseconds in a fresh process, the median of {TIMES}")
    from local.template import (
        load as template,  # not at the top: what the measured processes import would be there already
    )

    functions = template.load(worker.ROOT / "template.yaml").functions
    with table([]) as dynamodb:
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in ("", *EVENTS)}
        for number in range(TIMES):
            progress(f"cold-start: round {number + 1} of {TIMES}")
            for name, found in runs.items():
                environment = functions[f"{name.capitalize()}Function"].environment if name else {}
                found.append(
                    worker.measure(
                        "bench.suites.cold_start",
                        function=name,
                        dynamodb=dynamodb.endpoint,
                        environment=dict(environment),
                    )
                )
    peer = _median(runs[""], "import_cpu")
    for name, found in runs.items():
        report.add(
            function=name or 'import boto3; boto3.client("dynamodb")',
            import_and_clients_CPU_ms=_median(found, "import_cpu"),
            import_and_clients_ms=_median(found, "import_wall"),
            first_call_CPU_ms=_median(found, "first_cpu") if name else "",
            second_call_CPU_ms=_median(found, "second_cpu") if name else "",
            peak_MB=_median(found, "memory") / 1000,
            **{"import ÷ boto3": _median(found, "import_cpu") / peer},
        )
    worst = max(_median(found, "import_cpu") for name, found in runs.items() if name) / peer
    report.goals.append(
        Goal("a handler's import and clients ÷ import boto3 and a client (CPU)", worst, 1.5, 1.2)
    )
    return report


def _median(runs: list[dict[str, float]], what: str) -> float:
    return 1000 * statistics.median(run[what] for run in runs)


def work(function: str, dynamodb: str, environment: dict[str, str]) -> dict[str, float]:
    import os

    os.environ |= {
        **environment,
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "CONNECTIONS_ENDPOINT": "https://localhost:9/prod",
        "SLICE_QUEUE_URL": f"{dynamodb}/doorbells.fifo",
        "AWS_ENDPOINT_URL_SQS": dynamodb,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "LAMBDA_TASK_ROOT": "/var/task",  # the X-Ray SDK makes a client of its own where it is not
    }
    cpu, wall = worker.cpu_seconds(), time.perf_counter()
    if not function:
        import boto3

        boto3.client("dynamodb")
        found = {"import_cpu": worker.cpu_seconds() - cpu, "import_wall": time.perf_counter() - wall}
        return found | {"memory": worker.peak_memory()}
    import importlib

    module = importlib.import_module(f"{function}.app")
    found = {"import_cpu": worker.cpu_seconds() - cpu, "import_wall": time.perf_counter() - wall}
    event = json.loads((worker.ROOT / "events" / EVENTS[function]).read_text())
    for call in ("first_cpu", "second_cpu"):
        cpu = worker.cpu_seconds()
        module.handler(event, _Context())
        found[call] = worker.cpu_seconds() - cpu
    return found | {"memory": worker.peak_memory()}


class _Context:
    """What Lambda tells a function about its invocation, as far as ours read it."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "3f6c8b0d-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


def _answer_quietly() -> None:
    import os

    # Metrics go to standard output; the findings go to what it was.
    findings = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import sys

    found = work(**json.loads(sys.argv[1]))
    os.write(findings, json.dumps(found).encode())
    os._exit(0)


if __name__ == "__main__":
    _answer_quietly()
