"""The functions' logs in the terminal."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from local.terminal import Terminal

RECORD: dict[str, Any] = {
    "level": "INFO",
    "location": "report:131",
    "message": "broadcast",
    "timestamp": "2026-11-24 08:15:59,104+0000",
    "service": "roomcast",
    "cold_start": True,
    "function_name": "FanoutFunction",
    "function_request_id": "f1d85890",
    "first": 1,
    "last": 3,
    "recipients": 2,
    "delivered": 2,
    "gone": 0,
    "room": "lobby",
    "xray_trace_id": "1-6b0547bf-17f7f3e4932f3a361e77b4d9",
}
METRICS = {"_aws": {"Timestamp": 1, "CloudWatchMetrics": []}, "service": "roomcast", "Delivered": [1.0]}


class Screen(io.StringIO):
    """A terminal, in memory."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def shown(line: str | dict[str, Any], stream: io.StringIO | None = None, *, raw: bool = False) -> str:
    stream = stream or io.StringIO()
    Terminal(stream, raw=raw).show("FanoutFunction", line if isinstance(line, str) else json.dumps(line))
    return stream.getvalue()


def test_a_record_is_one_line_of_its_details() -> None:
    assert shown(RECORD) == (
        "FanoutFunction       08:15:59.104 broadcast room=lobby seq=1-3 recipients=2 delivered=2\n"
    )


def test_a_run_of_one_message_has_one_seq() -> None:
    assert " seq=3 " in shown(RECORD | {"first": 3})


def test_metrics_are_not_shown() -> None:
    assert shown(METRICS) == ""


@pytest.mark.parametrize("record", [RECORD, METRICS])
def test_raw_logs_are_what_the_function_printed(record: dict[str, Any]) -> None:
    assert shown(record, raw=True) == json.dumps(record) + "\n"


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_a_warning_is_coloured(level: str) -> None:
    record = RECORD | {"level": level}
    assert f" {level} broadcast " in shown(record)
    assert "\x1b" not in shown(record)  # in a file
    coloured = shown(record, Screen())
    assert coloured.startswith("\x1b[3")
    assert coloured.endswith("\x1b[0m\n")
    assert "\x1b" not in shown(RECORD, Screen())


def test_a_traceback_is_shown_whole_below_its_line() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no'
    lines = shown(RECORD | {"level": "ERROR", "exception": trace}).splitlines()
    assert [line[21:] for line in lines[1:]] == trace.splitlines()


@pytest.mark.parametrize(
    "line", ["hello", "{not JSON", "{}", '{"level": 3}', "[1]", '{"a":' * 100_000, "  File x, line 3"]
)
def test_any_other_line_is_shown_as_it_is(line: str) -> None:
    assert shown(line) == f"{'FanoutFunction':<20} {line}\n"


@pytest.mark.parametrize("escape", ["\x1b[2J", "\x9b2J", "\r", "\n", "\u202e", "\ud800", "\x07"])
def test_escape_sequences_that_a_user_sent_do_not_control_the_terminal(escape: str) -> None:
    printed = shown(RECORD | {"message": f"a{escape}b", "detail": f"c{escape}d"}, Screen())
    assert printed.count("\n") == 1
    assert escape not in printed.rstrip("\n")
    assert escape not in shown(f"plain {escape} line").rstrip("\n")


@pytest.mark.parametrize("wrong", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-01:00", "20261130", "noon", 7])
def test_what_is_no_time_of_a_record_is_left_out(wrong: object) -> None:
    assert shown(RECORD | {"timestamp": wrong}) == shown(
        {name: value for name, value in RECORD.items() if name != "timestamp"}
    )


def test_a_long_value_is_cut_and_a_record_without_a_time_has_none() -> None:
    record = {"level": "INFO", "message": "pruned", "connections": ["x" * 30] * 10, "last": 1}
    line = shown(record)
    assert line.startswith("FanoutFunction       pruned connections=[")
    assert "…" in line
    assert len(line) < 150
