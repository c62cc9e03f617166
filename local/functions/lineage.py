"""Lambda's detection of recursive loops: how often each function has run in one chain of calls.

Lambda counts in the trace header, which SDKs of AWS send on with each call from a function, and SQS keeps
with a message. A function that runs too often in one chain is stopped, unless its RecursiveLoop is Allow.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

# Ours: AWS documents that there is such a field in the header, but not its form.
_FIELD = re.compile(r"(?:^|;)Lineage=([0-9a-f]{8}:\d{1,9}(?:\|[0-9a-f]{8}:\d{1,9})*)(?:;|$)")


class Lineage:
    """The calls of a chain so far, by function."""

    def __init__(self, calls: Mapping[str, int] | None = None) -> None:
        self._calls = dict(calls or {})

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Lineage:
        """Return the lineage of an event: that of its messages of a queue, the longest of each function."""
        lineage = cls()
        records = event.get("Records")
        for record in records if isinstance(records, list) else []:
            header = (
                record.get("attributes", {}).get("AWSTraceHeader", "") if isinstance(record, dict) else ""
            )
            for function, count in _parse(header):
                lineage._calls[function] = max(count, lineage._calls.get(function, 0))
        return lineage

    def calls(self, function: str) -> int:
        """Return how often a function was called in this chain."""
        return self._calls.get(_digest(function), 0)

    def then(self, function: str) -> Lineage:
        """Return the lineage of what a call of this function causes."""
        return Lineage({**self._calls, _digest(function): self.calls(function) + 1})

    def __str__(self) -> str:
        """Return the header's field."""
        return "Lineage=" + "|".join(f"{function}:{count}" for function, count in self._calls.items())


def _parse(header: str) -> list[tuple[str, int]]:
    match = _FIELD.search(header)
    pairs = (pair.split(":") for pair in match[1].split("|")) if match else ()
    return [(function, int(count)) for function, count in pairs]


def _digest(function: str) -> str:
    return hashlib.sha256(function.encode()).hexdigest()[:8]
