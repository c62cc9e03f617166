"""The Lambda host: events, results and its end, with real processes of AWS's runtime client."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys

import pytest

from tests.support.local.barrier import HANDLER, Barrier
from tests.support.local.host_lab import HostLab, document, value
from tests.support.project import ROOT


async def test_a_function_gets_the_event_and_its_answer_comes_back(lab: HostLab) -> None:
    lab.add("echo", "def handler(event, context): return {'got': event, 'as': ascii(event['body'])}\n")
    host = await lab.start()
    event = {"body": "ä \U0001f600", "n": [1, None, True]}
    assert value(await host.invoke("echo", event)) == {"got": event, "as": ascii(event["body"])}


async def test_an_event_may_hold_half_a_surrogate_pair(lab: HostLab) -> None:
    lab.add("shown", "def handler(event, context): return ascii(event['body'])\n")
    host = await lab.start()
    assert value(await host.invoke("shown", {"body": "\ud800"})) == "'\\ud800'"


async def test_an_event_and_an_answer_may_be_megabytes(lab: HostLab) -> None:
    lab.add("echo", "def handler(event, context): return event\n")
    host = await lab.start()
    event = {"body": "x" * 5_000_000}
    assert value(await host.invoke("echo", event)) == event


async def test_an_answer_over_six_megabytes_is_an_error_as_on_lambda(lab: HostLab) -> None:
    lab.add("large", "def handler(event, context): return 'x' * 6 * 1024 * 1024\n")
    host = await lab.start()
    assert document(await host.invoke("large", {}))["errorType"] == "Function.ResponseSizeTooLarge"
    assert document(await host.invoke("large", {}))["errorType"] == "Function.ResponseSizeTooLarge"


async def test_an_exception_is_lambdas_error_document_and_the_instance_lives(lab: HostLab) -> None:
    lab.add(
        "moody",
        "import os\n"
        "def handler(event, context):\n"
        "    if event: raise ValueError('no such mood')\n"
        "    return os.getpid()\n",
    )
    host = await lab.start()
    before = value(await host.invoke("moody", {}))
    error = document(await host.invoke("moody", {"mood": "?"}))
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such mood")
    assert error["stackTrace"]
    assert value(await host.invoke("moody", {})) == before


async def test_the_context_names_the_function_and_its_remaining_time(lab: HostLab) -> None:
    lab.add(
        "who",
        "def handler(event, context):\n"
        "    return [context.function_name, context.invoked_function_arn, context.memory_limit_in_mb,\n"
        "            context.aws_request_id, context.get_remaining_time_in_millis()]\n",
        timeout=20,
    )
    host = await lab.start()
    name, arn, memory, request_id, remaining = value(await host.invoke("who", {}))
    assert (name, memory) == ("who", "128")
    assert arn == "arn:aws:lambda:us-east-1:000000000000:function:who"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", request_id)
    assert 0 < remaining <= 20_000


@pytest.mark.parametrize("traced", [True, False])
async def test_each_call_has_a_trace_of_its_own_sampled_if_the_function_is_traced(
    lab: HostLab, traced: bool
) -> None:
    lab.add("traced", "import os\ndef handler(e, c): return os.environ['_X_AMZN_TRACE_ID']\n", traced=traced)
    host = await lab.start()
    first, second = [value(await host.invoke("traced", {})) for _ in range(2)]
    pattern = rf"Root=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};Parent=[0-9a-f]{{16}};Sampled={int(traced)}"
    assert re.fullmatch(pattern + ";Lineage=[0-9a-f]{8}:1", first)
    assert first != second


async def test_stop_ends_a_function_that_ignores_sigterm(lab: HostLab, barrier: Barrier) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HANDLER
    lab.add("stubborn", stubborn, BARRIER=str(barrier.port))
    host = await lab.start()
    call = asyncio.create_task(host.invoke("stubborn", {}))
    arrival = await barrier.arrival()
    await host.stop()
    assert document(await call)["errorType"] == "Runtime.ExitError"
    await arrival.wait_ended()
    with pytest.raises(ProcessLookupError):  # reaped too
        os.kill(arrival.pid, 0)


async def test_stop_also_ends_processes_that_a_function_has_started(lab: HostLab, barrier: Barrier) -> None:
    parent = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, 'child.py'])\ndef handler(e, c): ...\n"
    )
    lab.write("child", HANDLER + "\nhandler({}, None)\n")
    lab.add("parent", parent, BARRIER=str(barrier.port))
    host = await lab.start()
    child = await barrier.arrival()
    await host.stop()
    await child.wait_ended()


async def test_stop_lets_a_call_finish(lab: HostLab, barrier: Barrier) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    host = await lab.start()
    call = asyncio.create_task(host.invoke("waiting", {}))
    arrival = await barrier.arrival()
    stopping = asyncio.create_task(host.stop())
    arrival.release()
    assert value(await call) == arrival.pid
    await stopping
    assert document(await host.invoke("waiting", {}))["errorType"] == "Sandbox.Stopped"


@pytest.mark.parametrize("idle", [True, False])
async def test_functions_end_when_the_engine_is_killed(lab: HostLab, barrier: Barrier, idle: bool) -> None:
    lab.write("waiting", HANDLER)
    script = f"""
import asyncio, pathlib
from local.functions.host import LambdaHost
from local.stack import Function

async def main():
    code = pathlib.Path({str(lab.folder)!r})
    function = Function("waiting", "waiting.handler", code, 60, 128, {{"BARRIER": "{barrier.port}"}}, False)
    host = LambdaHost({{"waiting": function}}, environment={{}}, log=print)
    await host.start()
    await host.invoke("waiting", {{}})
    await asyncio.Event().wait()

asyncio.run(main())
"""
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    arrival = await barrier.arrival()
    if idle:
        arrival.release()
    engine.send_signal(signal.SIGKILL)
    await engine.wait()
    await arrival.wait_ended()
