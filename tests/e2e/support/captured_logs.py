"""The output of an engine's functions, as CloudWatch would have it."""

from __future__ import annotations

import json
from typing import Any


class CapturedLogs:
    """Keep every line. Pass `add` to the engine as `log`."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []  # function, line

    def add(self, function: str, text: str) -> None:
        self.lines.append((function, text))

    def records(self, function: str, message: str | None = None) -> list[dict[str, Any]]:
        """Return a function's log records, or those with this message. Metrics are not log records."""
        records = [json.loads(text) for name, text in self.lines if name == function and text[:1] == "{"]
        return [record for record in records if "level" in record and message in {None, record["message"]}]

    def instances(self, function: str) -> int:
        """Return how many instances of a function were invoked: each has one cold start."""
        return len(
            {record["function_request_id"] for record in self.records(function) if record["cold_start"]}
        )
