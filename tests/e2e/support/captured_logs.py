"""What an engine's functions print, as CloudWatch would have it."""

from __future__ import annotations

import json
from typing import Any


class CapturedLogs:
    """Keeps every line; give its `line` to the engine as `log`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []  # each with the function that printed it

    def add(self, function: str, text: str) -> None:
        self.lines.append((function, text))

    def records(self, function: str, message: str | None = None) -> list[dict[str, Any]]:
        """A function's log records, or those of them with this message; metrics are none."""
        records = [json.loads(text) for name, text in self.lines if name == function and text[:1] == "{"]
        return [record for record in records if "level" in record and message in {None, record["message"]}]

    def instances(self, function: str) -> int:
        """How many instances of a function have done anything: each has one first invocation."""
        return len(
            {record["function_request_id"] for record in self.records(function) if record["cold_start"]}
        )
