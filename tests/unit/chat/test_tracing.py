"""The trace of a message: the stored header, and the segments that broadcasts send.

Over 300 lines, because all tests read the same traces.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chat import tracing
from chat.tracing import BroadcastTrace, XRayDaemon

SRC = Path(__file__).parents[3] / "src"
ROOT = "1-66a1b2c3-0123456789abcdef01234567"
OTHER = "1-66a1b2c3-89abcdef0123456789abcdef"
PARENT = "00f067aa0ba902b7"
HEADER = f"Root={ROOT};Parent={PARENT};Sampled=1"
OTHER_HEADER = f"Root={OTHER};Parent={PARENT};Sampled=1"
AT = "2026-11-24T06:20:00.000Z"
WRITTEN = datetime(2026, 11, 24, 6, 20, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = WRITTEN + 1

    def __call__(self) -> float:
        return self.now


class Segments:
    """A sink that records the segments."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, segment: Mapping[str, Any]) -> None:
        self.sent.append(json.loads(json.dumps(segment)))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def segments() -> Segments:
    return Segments()


class DaemonEnd:
    """A daemon: a UDP socket on loopback."""

    def __init__(self, family: socket.AddressFamily, host: str) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def receive(self) -> tuple[bytes, dict[str, Any]]:
        header, _, document = self.socket.recv(65536).partition(b"\n")
        return header, json.loads(document)


@pytest.fixture
def daemon_end() -> Iterator[DaemonEnd]:
    daemon_end = DaemonEnd(socket.AF_INET, "127.0.0.1")
    yield daemon_end
    daemon_end.socket.close()


# The header


@pytest.mark.parametrize(
    "given",
    [
        HEADER,
        f"Sampled=1;Parent={PARENT};Root={ROOT}",
        f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:abcd1234:0",
    ],
)
def test_a_sampled_call_has_a_header(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", given)
    assert tracing.header() == HEADER


@pytest.mark.parametrize(
    "given",
    [
        f"Root={ROOT};Parent={PARENT};Sampled=0",
        f"Root={ROOT};Parent={PARENT};Sampled=?",
        f"Root={ROOT};Parent={PARENT}",
        f"Root={ROOT};Sampled=1",
        f"Root={ROOT[:-1]};Parent={PARENT};Sampled=1",
        f"Root={ROOT};Parent=PARENT;Sampled=1",
        "Root=;;=;Sampled",
        "",
    ],
)
def test_an_unsampled_or_invalid_header_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", given)
    assert tracing.header() is None


def test_outside_of_lambda_there_is_no_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    assert tracing.header() is None


def test_a_cold_start_does_not_import_the_sdk() -> None:
    code = "import sys, chat.tracing; sys.exit(any(name.startswith('aws_xray_sdk') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=SRC).returncode == 0


# The segment of a broadcast


def test_a_broadcast_is_a_segment_under_the_function_that_wrote_the_message(
    segments: Segments, clock: Clock
) -> None:
    with BroadcastTrace(segments, "general", [(HEADER, AT)], clock=clock) as trace:
        clock.now += 2
        trace.annotate(recipients=3, delivered=2, gone=1, shed=0)
    [segment] = segments.sent
    assert re.fullmatch("[0-9a-f]{16}", segment.pop("id"))
    assert [part["name"] for part in segment.pop("subsegments")] == ["wait in stream"]
    assert segment == {
        "name": "Roomcast broadcast",
        "trace_id": ROOT,
        "parent_id": PARENT,
        "start_time": WRITTEN,
        "end_time": WRITTEN + 3,
        "annotations": {
            "room": "general",
            "coalesced": 1,
            "recipients": 3,
            "delivered": 2,
            "gone": 1,
            "shed": 0,
        },
    }


def test_the_phases_are_subsegments_after_the_wait(segments: Segments, clock: Clock) -> None:
    with BroadcastTrace(segments, "general", [(HEADER, AT)], clock=clock) as trace:
        with trace.phase("repair"):
            clock.now += 1
        with trace.phase("post"):
            clock.now += 2
    [segment] = segments.sent
    ids = {part.pop("id") for part in segment["subsegments"]}
    assert len(ids | {segment["id"]}) == 4
    assert segment["subsegments"] == [
        {"name": "wait in stream", "start_time": WRITTEN, "end_time": WRITTEN + 1},
        {"name": "repair", "start_time": WRITTEN + 1, "end_time": WRITTEN + 2},
        {"name": "post", "start_time": WRITTEN + 2, "end_time": WRITTEN + 4},
    ]


def test_a_phase_that_is_entered_again_lasts_from_its_first_start_to_its_last_end(
    segments: Segments, clock: Clock
) -> None:
    with BroadcastTrace(segments, "general", [(HEADER, AT)], clock=clock) as trace:
        with trace.phase("read members"):
            clock.now += 1
        with trace.phase("post"):  # a page is posted while the next is read
            clock.now += 1
            with trace.phase("read members"):
                clock.now += 1
            clock.now += 1
    _, reading, posting = segments.sent[0]["subsegments"]
    assert (reading["start_time"], reading["end_time"]) == (WRITTEN + 1, WRITTEN + 4)
    assert reading["annotations"] == {"times": 2}
    assert (posting["start_time"], posting["end_time"]) == (WRITTEN + 2, WRITTEN + 5)
    assert "annotations" not in posting


def test_each_sampled_message_of_a_run_gets_the_segment_in_its_own_trace(
    segments: Segments, clock: Clock
) -> None:
    later = "2026-11-24T06:20:00.400Z"
    run = [(HEADER, AT), (None, AT), (OTHER_HEADER, later), ("not a header", AT)]
    with BroadcastTrace(segments, "general", run, clock=clock):
        pass
    first, second = segments.sent
    assert (first["trace_id"], first["start_time"]) == (ROOT, WRITTEN)
    assert (second["trace_id"], second["start_time"]) == (OTHER, WRITTEN + 0.4)
    assert first["annotations"]["coalesced"] == second["annotations"]["coalesced"] == 4
    assert first["id"] != second["id"]


def test_a_run_without_a_sampled_message_records_nothing(segments: Segments) -> None:
    def clock() -> float:
        times.append(1.0)
        return 1.0

    times: list[float] = []
    with BroadcastTrace(segments, "general", [(None, AT)] * 3, clock=clock) as trace:
        began = len(times)
        with trace.phase("post"), trace.phase("post"):
            pass
    assert segments.sent == []
    assert len(times) == began


def test_a_failed_broadcast_is_a_fault_without_the_text_of_the_error(
    segments: Segments, clock: Clock
) -> None:
    with (
        pytest.raises(ValueError, match="secret"),
        BroadcastTrace(segments, "general", [(HEADER, AT)], clock=clock) as trace,
        trace.phase("repair"),
    ):
        raise ValueError("secret words")
    [segment] = segments.sent
    assert segment["fault"] is True
    assert segment["cause"]["exceptions"][0]["type"] == "ValueError"
    assert [part.get("fault") for part in segment["subsegments"]] == [None, True]
    assert "secret" not in json.dumps(segment)


def test_a_broadcast_that_shed_a_connection_is_an_error_and_not_a_fault(
    segments: Segments, clock: Clock
) -> None:
    with BroadcastTrace(segments, "general", [(HEADER, AT)], clock=clock) as trace:
        trace.annotate(shed=1)
    [segment] = segments.sent
    assert segment["error"] is True
    assert "fault" not in segment


@pytest.mark.parametrize("at", ["2999-01-01T00:00:00.000Z", "yesterday", ""])
def test_a_message_from_the_future_or_without_a_valid_time_did_not_wait(
    segments: Segments, clock: Clock, at: str
) -> None:
    with BroadcastTrace(segments, "general", [(HEADER, at)], clock=clock):
        clock.now += 1
    [segment] = segments.sent
    assert segment["start_time"] == WRITTEN + 1
    assert segment["end_time"] == WRITTEN + 2


def test_the_slices_of_a_large_room_add_segments_of_their_own(segments: Segments, clock: Clock) -> None:
    for number in (0, 1):
        with BroadcastTrace(segments, "large", [(HEADER, AT)], slice=number, clock=clock) as trace:
            trace.annotate(recipients=500)
    first, second = segments.sent
    assert first["id"] != second["id"]
    assert {segment["name"] for segment in segments.sent} == {"Roomcast slice"}
    assert {segment["parent_id"] for segment in segments.sent} == {PARENT}
    assert [segment["annotations"]["slice"] for segment in segments.sent] == [0, 1]


def test_a_segment_stays_small_however_large_the_room(segments: Segments, clock: Clock) -> None:
    with BroadcastTrace(segments, "\U0001f600" * 100, [(HEADER, AT)], clock=clock) as trace:
        for _ in range(1_000):
            with trace.phase("read members"), trace.phase("post"):
                pass
        trace.annotate(recipients=1_000_000, delivered=999_998, gone=1, shed=1)
    assert len(json.dumps(segments.sent[0])) < 3_000  # bytes; the daemon takes 64 KB


# The daemon


@pytest.mark.parametrize(
    "form",
    [
        "127.0.0.1:{port}",
        "tcp:127.0.0.1:1 udp:127.0.0.1:{port}",
        "udp:127.0.0.1:{port} tcp:127.0.0.1:1",
    ],
)
def test_the_daemon_gets_a_header_line_and_the_document(daemon_end: DaemonEnd, form: str) -> None:
    daemon = XRayDaemon(form.format(port=daemon_end.port))
    daemon.send({"name": "Zoë"})
    daemon.close()
    assert daemon_end.receive() == (b'{"format":"json","version":1}', {"name": "Zoë"})


@pytest.mark.parametrize("form", ["[::1]:{port}", "tcp:[::1]:1 udp:[::1]:{port}", "::1:{port}"])
def test_the_daemon_may_have_an_ipv6_address(form: str) -> None:
    try:
        daemon_end = DaemonEnd(socket.AF_INET6, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    daemon = XRayDaemon(form.format(port=daemon_end.port))
    daemon.send({"name": "six"})
    daemon.close()
    assert daemon_end.receive()[1] == {"name": "six"}
    daemon_end.socket.close()


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:port",
        ":2000",
        "daemon.example:2000",
        "tcp:127.0.0.1:2000",
        "127.0.0.1:2000 127.0.0.1:2001",
        "a\0b:2000",
        "\udc80:2000",
        "x" * 300 + ":2000",
    ],
)
def test_without_a_usable_address_nothing_is_sent_and_nothing_raises(address: str | None) -> None:
    daemon = XRayDaemon(address)
    daemon.send({"name": "nowhere"})
    daemon.close()


def test_a_missing_daemon_costs_nothing(daemon_end: DaemonEnd) -> None:
    daemon_end.socket.close()
    daemon = XRayDaemon(f"127.0.0.1:{daemon_end.port}")
    for _ in range(100):  # the first causes the ICMP error, the later ones get it
        daemon.send({"name": "nobody"})
    daemon.close()


def test_a_daemon_that_does_not_read_is_not_waited_for(daemon_end: DaemonEnd) -> None:
    daemon = XRayDaemon(f"127.0.0.1:{daemon_end.port}")
    for _ in range(5_000):
        daemon.send({"name": "x" * 2_000})
    daemon.send({"name": "x" * 100_000})  # more than a datagram holds
    daemon.close()
    assert daemon_end.receive()[1]["name"] == "x" * 2_000
