"""The functions' logs in the terminal: one short line per record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

# Keys of Powertools' logger that a developer does not need on a laptop.
# https://docs.aws.amazon.com/powertools/python/latest/core/logger/#standard-structured-keys
_HIDDEN = {
    "level",
    "location",
    "message",
    "timestamp",
    "service",
    "sampling_rate",
    "cold_start",
    "function_name",
    "function_memory_size",
    "function_arn",
    "function_request_id",
    "xray_trace_id",
    "exception",
    "exception_name",
    "stack_trace",
}
_METRICS = '{"_aws":'  # for CloudWatch
_FIRST = ("room", "connection", "seq")
_MAX_LENGTH = 80  # characters per value
_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_RESET = "\x1b[0m"


class Terminal:
    """Writes lines to a stream with the function's name; with `raw`, unchanged and without it."""

    def __init__(self, stream: TextIO, *, raw: bool = False) -> None:
        self._stream = stream
        self._raw = raw
        self._colours = stream.isatty()

    def show(self, function: str, line: str) -> None:
        if self._raw:
            print(line, file=self._stream, flush=True)
            return
        if line.startswith(_METRICS) and line.endswith("}"):  # not parsed: each call has one or two
            return
        colour = ""
        record = _record(line)
        if record is not None:
            if "_aws" in record:
                return
            colour = _COLOURS.get(str(record.get("level")), "") if self._colours else ""
        # A line may quote text that a user sent, with escape sequences: they must not control the terminal.
        lines = [
            f"{function:<20} {_printable(text)}" for text in ([line] if record is None else _lines(record))
        ]
        text = "\n".join(lines)
        print(f"{colour}{text}{_RESET}" if colour else text, file=self._stream, flush=True)


def _record(line: str) -> dict[str, Any] | None:
    """Return the log record or metrics of a line. None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    known = isinstance(record, dict) and ("_aws" in record or ("level" in record and "message" in record))
    return record if known else None


def _lines(record: dict[str, Any]) -> Iterator[str]:
    level = str(record["level"])
    parts = [_time(record.get("timestamp")), level if level in _COLOURS else "", _one_line(record["message"])]
    details = {key: value for key, value in record.items() if key not in _HIDDEN and _is_worth_showing(value)}
    if "first" in details and "last" in details:  # the seqs of a run
        first, last = details.pop("first"), details.pop("last")
        details["seq"] = first if first == last else f"{first}-{last}"
    keys = [*(key for key in _FIRST if key in details), *(key for key in details if key not in _FIRST)]
    parts += [f"{key}={_one_line(details[key])}" for key in keys]
    yield " ".join(part for part in parts if part)
    if "exception" in record:
        yield from str(record["exception"]).splitlines()


def _is_worth_showing(value: Any) -> bool:
    """False for nothing, as in `gone=0 shed=0`."""
    return value is False or bool(value)


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1]}…"


def _time(timestamp: Any) -> str:
    """Return a record's time in this machine's time zone, to the millisecond."""
    try:
        moment = datetime.fromisoformat(str(timestamp))  # strptime takes five times as long
        if moment.tzinfo is None:  # not of Lambda's runtime or Powertools: a date perhaps
            return ""
        return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError):
        return ""


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
