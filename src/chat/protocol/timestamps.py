"""Times as frames have them: UTC in ISO 8601, with a Z."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: float, timespec: str = "seconds") -> str:
    """Return a time in seconds since 1970 as `2026-11-24T06:20:01Z`; `timespec` is that of isoformat."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def seconds(text: str) -> float:
    """Return such a time in seconds since 1970. Raises ValueError if it is none."""
    return datetime.fromisoformat(text).timestamp()
