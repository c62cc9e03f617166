"""One process of a function: its calls, its end and its output."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.support.local.barrier import HANDLER, Barrier
from tests.support.local.host_lab import HostLab, document, value


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
