"""From a function's process to the tree: real UDP, real processes of AWS's runtime client, the real SDK."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chat.tracing import BroadcastTrace, XRayDaemon
from local.functions.host import LambdaHost
from local.invocation import Result
from local.stack import Function
from local.traces.daemon import XRayListener
from local.traces.store import TraceStore, assemble, walk

SRC = Path(__file__).parents[4] / "src"
HEADER = b'{"format":"json","version":1}\n'
TRACE_ID = "1-66a1b2c3-0123456789abcdef01234567"

# A function as the template's are, with a call that the SDK makes a subsegment of.
TRACED = """
import sys
sys.path.append({src!r})
from aws_lambda_powertools import Tracer
from chat import tracing

tracer = Tracer(service="test", auto_patch=False)

@tracer.capture_lambda_handler
def handler(event, context):
    with tracer.provider.in_subsegment("write"):
        if event.get("fail"):
            raise ValueError("secret words")
    return tracing.header()
"""


class WaitingStore(TraceStore):
    """A store, and a way to wait for documents."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()

    def add(self, document: dict[str, Any]) -> None:
        super().add(document)
        self._changed.set()

    async def documents(self, count: int, containing: str = "") -> list[dict[str, Any]]:
        """Wait until the newest trace has so many documents, and return them."""
        while not (found := self.newest(1, containing)) or len(found[0][1]) < count:
            self._changed.clear()
            await self._changed.wait()
        return found[0][1]


@dataclass
class TraceLab:
    traces: WaitingStore
    address: str
    folder: Path
    hosts: list[LambdaHost]

    def send(self, *datagrams: bytes) -> None:
        host, port = self.address.split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, (host, int(port)))

    async def start(
        self, source: str, *, traced: bool = True, timeout: float = 30, **options: int
    ) -> LambdaHost:
        (self.folder / "traced.py").write_text(source)
        function = Function(
            name="Traced",
            handler="traced.handler",
            code=self.folder,
            timeout=timeout,
            memory=128,
            environment={},
            traced=traced,
        )
        host = LambdaHost(
            {"Traced": function},
            environment={"AWS_XRAY_DAEMON_ADDRESS": self.address},
            log=lambda function, line: None,
            record=self.traces.add,
            **options,
        )
        self.hosts.append(host)
        await host.start()
        return host


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[TraceLab]:
    traces = WaitingStore()
    daemon = XRayListener(traces.add)
    lab = TraceLab(traces, await daemon.start(), tmp_path, [])
    yield lab
    for host in lab.hosts:
        await host.stop()
    daemon.stop()


def outline(documents: list[dict[str, Any]]) -> list[str]:
    return ["  " * depth + span.name for depth, span in walk(assemble(documents))]


def value(result: Result) -> Any:
    assert result.error is None, result.payload
    return json.loads(result.payload)


# the daemon


async def test_a_segment_is_received(lab: TraceLab) -> None:
    segment = {"trace_id": TRACE_ID, "id": "a", "name": "Zoë", "start_time": 1.5}
    lab.send(HEADER + json.dumps(segment).encode())
    assert await lab.traces.documents(1) == [segment]


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"noise",
        HEADER,
        HEADER + b"[]",
        HEADER + b"{",
        HEADER + b"\xff\xfe",
        HEADER + b'{"a":' * 10_000,
        HEADER + b'{"trace_id": "%s", "id": "b", "start_time": NaN}' % TRACE_ID.encode(),
        *(
            HEADER + b'{"trace_id": "%s", "id": "b", "start_time": %s}' % (TRACE_ID.encode(), number)
            for number in (b"1e999", b"-1.5E+400", b"[1e999]", b"[1,-2e999]", b"1" * 400 + b".0")
        ),
    ],
)
async def test_an_invalid_datagram_is_dropped_and_the_next_one_is_received(
    lab: TraceLab, noise: bytes
) -> None:
    segment = {"trace_id": TRACE_ID, "id": "a", "name": "a", "start_time": 1}
    lab.send(noise, HEADER + json.dumps(segment).encode())
    assert await lab.traces.documents(1) == [segment]


async def test_a_burst_is_received_whole_even_if_the_engine_was_busy(lab: TraceLab) -> None:
    segments = [{"trace_id": TRACE_ID, "id": str(number), "start_time": 1} for number in range(100)]
    lab.send(*[HEADER + json.dumps(segment).encode() for segment in segments])  # the loop waits for this
    assert await lab.traces.documents(100) == segments


# a function's segments


async def test_subsegments_of_the_sdk_are_below_the_functions_segment(lab: TraceLab) -> None:
    host = await lab.start(TRACED.format(src=str(SRC)))
    await host.invoke("Traced", {})
    documents = await lab.traces.documents(4)
    assert outline(documents) == ["Traced", "  Traced", "    ## handler", "      write"]
    origins = {segment["origin"]: segment for segment in documents if "origin" in segment}
    assert set(origins) == {"AWS::Lambda", "AWS::Lambda::Function"}
    assert origins["AWS::Lambda::Function"]["parent_id"] == origins["AWS::Lambda"]["id"]
    assert "fault" not in origins["AWS::Lambda"]


async def test_a_broadcast_is_below_the_function_that_wrote_the_message(lab: TraceLab) -> None:
    host = await lab.start(TRACED.format(src=str(SRC)))
    headers = [value(await host.invoke("Traced", {})) for _ in range(2)]
    daemon = XRayDaemon(lab.address)
    run = [(header, "2026-11-24T06:20:01.123Z") for header in headers]
    with BroadcastTrace(daemon, "general", run) as trace:
        with trace.phase("post"):
            pass
        trace.annotate(recipients=3, delivered=3, gone=0, shed=0)
    daemon.close()
    for header in headers:
        documents = await lab.traces.documents(5, containing=header[5:40])
        [root] = assemble(documents)
        [function] = root.children
        broadcast = next(child for child in function.children if child.name == "Roomcast broadcast")
        assert [child.name for child in broadcast.children] == ["wait in stream", "post"]
        assert broadcast.document["annotations"]["recipients"] == 3
        assert len(function.children) == 2  # the handler's and this


async def test_a_failed_call_is_a_fault_without_its_message(lab: TraceLab) -> None:
    host = await lab.start("def handler(event, context): raise ValueError('secret words')\n")
    await host.invoke("Traced", {})
    documents = await lab.traces.documents(2)
    assert [segment["fault"] for segment in documents] == [True, True]
    assert documents[1]["cause"]["exceptions"][0]["type"] == "ValueError"
    assert "secret" not in json.dumps(documents)


async def test_a_call_that_times_out_has_its_segments(lab: TraceLab) -> None:
    host = await lab.start(
        "import threading\ndef handler(e, c): threading.Event().wait()\n",
        timeout=0.5,
    )
    await host.invoke("Traced", {})
    documents = await lab.traces.documents(2)
    assert {segment["cause"]["exceptions"][0]["type"] for segment in documents} == {"Sandbox.Timedout"}


async def test_a_call_without_an_instance_has_lambdas_segment_only(lab: TraceLab) -> None:
    host = await lab.start("raise ImportError('no such thing')\n")
    await host.invoke("Traced", {})
    [segment] = await lab.traces.documents(1)
    assert (segment["origin"], segment["fault"]) == ("AWS::Lambda", True)


async def test_only_a_call_that_waited_for_a_cold_start_shows_it(lab: TraceLab) -> None:
    host = await lab.start(
        "import os\ndef handler(event, context):\n    if event.get('die'): os._exit(1)\n",
    )
    await host.invoke("Traced", {"die": True})  # by an instance that was started before
    assert outline(await lab.traces.documents(2)) == ["Traced", "  Traced"]
    await host.invoke("Traced", {})
    assert outline(await lab.traces.documents(2)) == ["Traced", "  Traced", "    Initialization"]
    await host.invoke("Traced", {})
    assert outline(await lab.traces.documents(2)) == ["Traced", "  Traced"]


async def test_a_call_that_waited_for_a_used_instance_shows_no_cold_start(lab: TraceLab) -> None:
    host = await lab.start(
        "import os\ndef handler(event, context):\n    if event.get('die'): os._exit(1)\n",
        concurrency=1,
    )
    calls = [host.invoke("Traced", {"die": True}), *[host.invoke("Traced", {}) for _ in range(2)]]
    await asyncio.gather(*calls)
    trees = [outline(documents) for _, documents in lab.traces.newest()]
    assert sum("    Initialization" in tree for tree in trees) == 1


async def test_a_function_that_is_not_traced_has_no_trace(lab: TraceLab) -> None:
    host = await lab.start(TRACED.format(src=str(SRC)), traced=False)
    assert value(await host.invoke("Traced", {})) is None
    assert lab.traces.newest() == []
