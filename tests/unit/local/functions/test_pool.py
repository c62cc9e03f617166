"""The instances of a function: started, reused, ended and replaced."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.local.barrier import HANDLER, Barrier
from tests.support.local.host_lab import HostLab, document, value


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
