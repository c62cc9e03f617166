"""Build a frame of at most 32 KB."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MAX_FRAME = 32 * 1024  # bytes; API Gateway meters in units of 32 KB and sends no larger frame


class FrameBuilder:
    """Build a frame of at most 32 KB: some fields, a list that grows, and a few more fields at its end."""

    def __init__(self, fields: Mapping[str, Any], list_name: str, *, longest_end: str) -> None:
        self._beginning = encode({**fields, list_name: []})[: -len("]}")]
        self._items: list[str] = []
        self._remaining = MAX_FRAME - len(self._beginning.encode()) - len(longest_end)

    def add(self, item: str) -> bool:
        """Add an encoded item to the list. False if it does not fit."""
        if not self.reserve(item):
            return False
        self._items.append(item)
        return True

    def reserve(self, text: str) -> bool:
        cost = len(text.encode()) + len(",")
        if cost > self._remaining:
            return False
        self._remaining -= cost
        return True

    def frame(self, **last: Any) -> str:
        """Return the frame, with these fields after the list."""
        return self.frame_of({name: encode(value) for name, value in last.items()})

    def frame_of(self, last: Mapping[str, str]) -> str:
        end = "".join(f',"{name}":{value}' for name, value in last.items())
        return f"{self._beginning}{','.join(self._items)}]{end}}}"


def encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
