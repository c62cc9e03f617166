"""A trace as text: one row per span, indented under its parent, with a bar for its time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

BAR = 32  # columns
MIN_WIDTH = 80
_ESCAPES = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def draw(trace: Mapping[str, Any], width: int = 120) -> str:
    """Draw a trace of `/_local/traces.json` in lines of `width` columns (80 at least)."""
    width = max(width, MIN_WIDTH)
    total = trace["duration"]
    began = datetime.fromtimestamp(trace["start_time"]).strftime("%H:%M:%S")
    lines = [f"{trace['id']}  {began}  {_length(total)}"]
    rows: list[dict[str, Any]] = trace["rows"]
    labels = [_label(row) for row in rows]
    column = min(max(map(len, labels), default=0), width - BAR - 26)
    for row, label in zip(rows, labels, strict=True):
        times = f"{_length(row['start']):>9} +{_length(row['duration']):<9}"
        flags = " ".join(row["flags"])
        lines.append(f"{_cut(label, column):<{column}}  {_bar(row, total)} {times} {flags}".rstrip())
        indent = "  " * (row["depth"] + 2)
        lines += [_cut(indent + text, width) for text in _wrapped(row["annotations"], width - len(indent))]
    # Names and annotations may quote escape sequences that a user sent: they must not control the terminal.
    return "\n".join(_ESCAPES.sub("?", line) for line in lines)


def _label(row: Mapping[str, Any]) -> str:
    indent: str = "  " * row["depth"]
    return indent + f"{row['name']} {row['detail']}".rstrip()


def _bar(row: Mapping[str, Any], total: float) -> str:
    """Draw a bar; the shortest span has one block too."""
    if total <= 0:
        return "█" * BAR
    first = min(int(row["start"] / total * BAR), BAR - 1)
    duration = total - row["start"] if row["duration"] is None else row["duration"]
    count: int = min(max(1, round(duration / total * BAR)), BAR - first)
    block = "▒" if row["duration"] is None else "█"
    return "·" * first + block * count + "·" * (BAR - first - count)


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "running"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _wrapped(annotations: Mapping[str, Any], width: int) -> Iterator[str]:
    line = ""
    for name, value in annotations.items():
        text = f"{name}={value}"
        if line and len(line) + len(text) + 1 > width:
            yield line
            line = ""
        line = f"{line} {text}".lstrip()
    if line:
        yield line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
