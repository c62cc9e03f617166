"""Times as AWS writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(seconds: float, precision: str = "milliseconds") -> str:
    """Return Unix seconds in ISO 8601, UTC, with a Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
