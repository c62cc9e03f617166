"""The Lambda host, with real processes of AWS's runtime client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from local.functions.host import LambdaHost
from local.invocation import Result
from local.stack import Function
from tests.support.local.barrier import HANDLER, Barrier

ROOT = Path(__file__).parents[4]


class Logs:
    """What the host logged, and a way to wait for a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, function: str, line: str) -> None:
        self.lines.append((function, line))
        self._changed.set()

    def of(self, function: str) -> list[str]:
        return [line for name, line in self.lines if name == function]

    async def wait_for(self, text: str) -> None:
        while not any(text in line for _, line in self.lines):
            self._changed.clear()
            await self._changed.wait()


class HostLab:
    """Writes handlers and runs them in one host."""

    def __init__(self, folder: Path, logs: Logs) -> None:
        self.folder = folder
        self.logs = logs
        self.functions: dict[str, Function] = {}
        self._hosts: list[LambdaHost] = []

    def write(self, name: str, source: str) -> None:
        (self.folder / f"{name}.py").write_text(source)

    def add(
        self,
        name: str,
        source: str,
        *,
        timeout: float = 30,
        traced: bool = False,
        **environment: str,
    ) -> None:
        self.write(name, source)
        self.functions[name] = Function(
            name=name,
            handler=f"{name}.handler",
            code=self.folder,
            timeout=timeout,
            memory=128,
            environment=environment,
            traced=traced,
        )

    async def start(self, **options: Any) -> LambdaHost:
        host = LambdaHost(
            self.functions,
            environment={"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"},
            log=self.logs,
            **options,
        )
        self._hosts.append(host)
        await host.start()
        return host

    async def stop(self) -> None:
        for host in self._hosts:
            await host.stop()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[HostLab]:
    lab = HostLab(tmp_path, Logs())
    yield lab
    await lab.stop()


@pytest.fixture
async def barrier() -> AsyncIterator[Barrier]:
    async with Barrier() as barrier:
        yield barrier


def document(result: Result) -> dict[str, Any]:
    """The error document of a failed call."""
    assert result.error == "Unhandled"
    parsed: dict[str, Any] = json.loads(result.payload)
    return parsed


def value(result: Result) -> Any:
    """What a call returned."""
    assert result.error is None, result.payload
    return json.loads(result.payload)


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
    assert re.fullmatch(pattern, first)
    assert first != second


ENVIRONMENT = "import os, sys\ndef handler(e, c): return [dict(os.environ), sys.path, os.getcwd()]\n"


async def test_a_function_sees_lambdas_variables_and_the_templates(lab: HostLab) -> None:
    lab.add("env", ENVIRONMENT, TABLE="Rows")
    host = await lab.start(region="eu-north-1")
    environment, path, folder = value(await host.invoke("env", {}))
    expected = {
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": "env",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/env",
        "AWS_REGION": "eu-north-1",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "LAMBDA_TASK_ROOT": str(lab.folder),
        "TABLE": "Rows",
        "TZ": ":UTC",
        "_HANDLER": "env.handler",
    }
    assert expected.items() <= environment.items()
    assert path[0] == folder == str(lab.folder)


async def test_nothing_of_the_developers_environment_reaches_a_function(
    lab: HostLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("MY_SECRET", "hunter2")
    lab.add("env", ENVIRONMENT)
    host = await lab.start()
    environment, path, _ = value(await host.invoke("env", {}))
    assert not {"AWS_PROFILE", "MY_SECRET", "HOME", "USER"} & environment.keys()
    assert environment["AWS_ACCESS_KEY_ID"] == "local"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert str(ROOT) not in path
    assert str(ROOT / "local") not in path


async def test_the_next_event_takes_the_warm_instance(lab: HostLab) -> None:
    lab.add("pid", "import os\ndef handler(e, c): return os.getpid()\n")
    host = await lab.start()
    assert len({value(await host.invoke("pid", {})) for _ in range(5)}) == 1


async def test_events_at_once_are_handled_at_once(lab: HostLab, barrier: Barrier) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    host = await lab.start()
    calls = [asyncio.create_task(host.invoke("waiting", {"n": n})) for n in range(4)]
    arrivals = [await barrier.arrival() for _ in calls]  # none has returned: all four are in the handler
    assert {arrival.n for arrival in arrivals} == {0, 1, 2, 3}
    for arrival in arrivals:
        arrival.release()
    pids = [value(result) for result in await asyncio.gather(*calls)]
    assert len(set(pids)) == 4


async def test_at_the_limit_events_wait_in_order_and_none_is_lost(lab: HostLab, barrier: Barrier) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    host = await lab.start(concurrency=1)
    calls = [asyncio.create_task(host.invoke("waiting", {"n": n})) for n in range(4)]
    order = []
    for _ in calls:
        arrival = await barrier.arrival()
        order.append((arrival.pid, arrival.n))
        arrival.release()
    assert [n for _, n in order] == [0, 1, 2, 3]
    assert len({pid for pid, _ in order}) == 1
    await asyncio.gather(*calls)


async def test_after_a_burst_all_idle_instances_but_one_are_ended(lab: HostLab, barrier: Barrier) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    host = await lab.start(keep_warm=0.1)
    calls = [asyncio.create_task(host.invoke("waiting", {})) for _ in range(3)]
    arrivals = [await barrier.arrival() for _ in calls]
    for arrival in arrivals:
        arrival.release()
    await asyncio.gather(*calls)
    endings = [asyncio.create_task(arrival.wait_ended()) for arrival in arrivals]
    for finished in asyncio.as_completed(endings[:]):
        await finished
        if sum(ending.done() for ending in endings) == 2:
            break
    (kept,) = [arrival for arrival, ending in zip(arrivals, endings, strict=True) if not ending.done()]
    again = asyncio.create_task(host.invoke("waiting", {}))
    arrival = await barrier.arrival()
    assert arrival.pid == kept.pid
    arrival.release()
    await again
    await host.stop()
    await asyncio.gather(*endings)


async def test_a_call_that_takes_too_long_is_killed_and_the_next_works(
    lab: HostLab, barrier: Barrier
) -> None:
    lab.add("waiting", HANDLER, timeout=0.5, BARRIER=str(barrier.port))
    host = await lab.start()
    slow = asyncio.create_task(host.invoke("waiting", {}))
    stuck = await barrier.arrival()
    error = document(await slow)
    assert error["errorType"] == "Sandbox.Timedout"
    message = r"RequestId: [0-9a-f-]{36} Error: Task timed out after 0\.50 seconds"
    assert re.fullmatch(message, error["errorMessage"])
    assert error["errorMessage"] in lab.logs.of("waiting")
    await stuck.wait_ended()

    again = asyncio.create_task(host.invoke("waiting", {}))
    arrival = await barrier.arrival()
    arrival.release()
    assert value(await again) == arrival.pid != stuck.pid


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
async def test_a_process_that_ends_in_a_call_fails_it_and_the_next_works(
    lab: HostLab, ending: str, reason: str
) -> None:
    lab.add("fatal", f"import os\ndef handler(event, context):\n    if event: {ending}\n    return 'alive'\n")
    host = await lab.start()
    error = document(await host.invoke("fatal", {"now": 1}))
    assert error["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(rf"RequestId: [0-9a-f-]{{36}} Error: {reason}", error["errorMessage"])
    assert value(await host.invoke("fatal", {})) == "alive"


DYING = """
import os, pathlib, socket, time

if not pathlib.Path("died").exists():
    pathlib.Path("died").touch()
    barrier = socket.create_connection(("127.0.0.1", int(os.environ["BARRIER"])))
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    runtime = socket.create_connection((host, int(port)))
    ask = f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: {host}:{port}\\r\\n\\r\\n"
    runtime.sendall(ask.encode())
    barrier.sendall(f"{os.getpid()} 0\\n".encode())
    barrier.recv(1)
    runtime.close()
    time.sleep(60)

def handler(event, context):
    return "alive"
"""


async def test_a_process_that_has_stopped_waiting_gets_no_event_even_before_it_ends(
    lab: HostLab, barrier: Barrier
) -> None:
    lab.add("dying", DYING, BARRIER=str(barrier.port))
    host = await lab.start()
    dying = await barrier.arrival()
    dying.release()
    await dying.wait_ended()  # it is ended, though by itself it would sleep on
    assert value(await host.invoke("dying", {})) == "alive"


async def test_kill_crashes_instances_in_a_call_and_no_others(lab: HostLab, barrier: Barrier) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    lab.add("pid", "import os\ndef handler(e, c): return os.getpid()\n")
    host = await lab.start()
    other = value(await host.invoke("pid", {}))
    assert host.kill("waiting") == 0  # idle
    call = asyncio.create_task(host.invoke("waiting", {}))
    await barrier.arrival()
    assert host.kill("waiting") == 1
    assert document(await call)["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert value(await host.invoke("pid", {})) == other


async def test_a_failed_import_answers_the_call_and_is_retried_at_the_next(
    lab: HostLab, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    broken = f"open({str(starts)!r}, 'a').write('x')\nimport not_there\n"
    lab.add("broken", broken)
    host = await lab.start()
    assert any("not_there" in line for line in lab.logs.of("broken"))
    error = document(await host.invoke("broken", {}))
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'not_there'" in error["errorMessage"]
    assert starts.read_text() == "xx"  # one start in advance, one for the call, none in between

    lab.write("broken", "def handler(event, context): return 'fixed'\n")
    assert value(await host.invoke("broken", {})) == "fixed"


async def test_a_failed_import_answers_all_that_wait_for_it(lab: HostLab, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    lab.add("broken", f"open({str(starts)!r}, 'a').write('x')\nimport not_there\n")
    host = await lab.start(concurrency=2)
    results = await asyncio.gather(*[host.invoke("broken", {"n": n}) for n in range(20)])
    assert {document(result)["errorType"] for result in results} == {"Runtime.ImportModuleError"}
    assert len(starts.read_text()) <= 1 + 2 * 2


async def test_a_missing_variable_fails_the_start_by_its_name(lab: HostLab) -> None:
    lab.add("needy", "import os\nTABLE = os.environ['TABLE']\ndef handler(e, c): ...\n")
    host = await lab.start()
    error = document(await host.invoke("needy", {}))
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'TABLE'")


async def test_a_process_that_ends_while_it_starts_fails_the_call(lab: HostLab) -> None:
    lab.add("short", "import os\nos._exit(3)\n")
    host = await lab.start()
    error = document(await host.invoke("short", {}))
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 3")


async def test_printed_lines_come_with_the_name_of_the_function(lab: HostLab) -> None:
    lab.add(
        "loud",
        "import sys\n"
        "def handler(event, context):\n"
        "    print('one')\n"
        "    print('two', file=sys.stderr)\n"
        "    sys.stdout.write('three, unfinished')\n",
    )
    host = await lab.start()
    await host.invoke("loud", {})
    await host.stop()
    assert lab.logs.of("loud") == ["one", "two", "three, unfinished"]


async def test_printing_megabytes_does_not_block_a_function(lab: HostLab) -> None:
    lab.add("loud", "def handler(event, context):\n    for _ in range(300): print('x' * 10_000)\n")
    host = await lab.start()
    assert value(await host.invoke("loud", {})) is None
    await host.stop()
    assert [len(line) for line in lab.logs.of("loud")] == [10_000] * 300


async def test_a_changed_source_replaces_idle_instances_at_once_and_busy_ones_after_their_call(
    lab: HostLab, barrier: Barrier
) -> None:
    lab.add("waiting", HANDLER, BARRIER=str(barrier.port))
    lab.add("version", "def handler(event, context): return 1\n")
    host = await lab.start(watch=True)
    assert value(await host.invoke("version", {})) == 1
    busy = asyncio.create_task(host.invoke("waiting", {}))
    arrival = await barrier.arrival()

    # The watcher may not have begun when the first change comes: write until it is seen.
    seen = asyncio.create_task(lab.logs.wait_for("has changed"))
    while not seen.done():
        lab.write("version", "def handler(event, context): return 2\n")
        await asyncio.wait([seen], timeout=0.2)
    assert value(await host.invoke("version", {})) == 2
    assert not busy.done()
    arrival.release()
    assert value(await busy) == arrival.pid
    await arrival.wait_ended()


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
