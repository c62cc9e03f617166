"""What the engine shows of its functions' logs: a short line a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

# Of a record of Powertools' logger, what says nothing that one does not know in front of a laptop.
# https://docs.aws.amazon.com/powertools/python/latest/core/logger/#standard-structured-keys
_UNSHOWN = {
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
_FIRST = ("room", "connection", "seq")
_LONGEST = 80  # characters of a value
_LOUD = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_CALM = "\x1b[0m"


class Terminal:
    """Shows lines on a stream, each with its function's name; with `raw` just as the function printed it."""

    def __init__(self, stream: TextIO, *, raw: bool = False) -> None:
        self._stream = stream
        self._raw = raw
        self._colours = stream.isatty()

    def show(self, function: str, line: str) -> None:
        if self._raw:
            print(line, file=self._stream, flush=True)
            return
        colour = ""
        record = _record(line)
        if record is not None:
            if "_aws" in record:  # a document of metrics, for CloudWatch
                return
            colour = _LOUD.get(str(record.get("level")), "") if self._colours else ""
        # What a function prints may quote what strangers sent: it must not steer the terminal.
        lines = [
            f"{function:<20} {_printable(each)}" for each in ([line] if record is None else _lines(record))
        ]
        text = "\n".join(lines)
        print(f"{colour}{text}{_CALM}" if colour else text, file=self._stream, flush=True)


def _record(line: str) -> dict[str, Any] | None:
    """The log record, or metrics, in a line; None for any other line."""
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(record, dict) and ("_aws" in record or ("level" in record and "message" in record))
    return record if ours else None


def _lines(record: dict[str, Any]) -> Iterator[str]:
    level = str(record["level"])
    said = [_time(record.get("timestamp")), level if level in _LOUD else "", _one_line(record["message"])]
    told = {key: value for key, value in record.items() if key not in _UNSHOWN and _tells(value)}
    if "first" in told and "last" in told:  # of a run of messages, by seq
        first, last = told.pop("first"), told.pop("last")
        told["seq"] = first if first == last else f"{first}-{last}"
    keys = [*(key for key in _FIRST if key in told), *(key for key in told if key not in _FIRST)]
    said += [f"{key}={_one_line(told[key])}" for key in keys]
    yield " ".join(part for part in said if part)
    if "exception" in record:
        yield from str(record["exception"]).splitlines()


def _tells(value: Any) -> bool:
    """Not of nothing, as in `gone=0 shed=0`."""
    return value is False or bool(value)


def _one_line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _time(timestamp: Any) -> str:
    """A record's time on this machine's clock, to the millisecond."""
    try:
        moment = datetime.strptime(str(timestamp), "%Y-%m-%d %H:%M:%S,%f%z")
    except ValueError:
        return ""
    return moment.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
