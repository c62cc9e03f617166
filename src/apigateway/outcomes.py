"""The outcomes of a post. They are values, not exceptions: thousands of them come at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivered:
    """200: API Gateway has accepted the frame."""


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the connection is closed, or not open yet because $connect has not returned."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: the account posts too fast, or this client reads too slowly."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else, from a 5xx to a time-out."""

    reason: str  # "status 500", the name of an exception, "deadline passed" or "recently shed"


TIMED_OUT = Failed("TimeoutError")

type Outcome = Delivered | Gone | Throttled | Failed


def from_status(status: int) -> Outcome:
    """Return the outcome of an HTTP status."""
    match status:
        case 200:
            return Delivered()
        case 410:
            return Gone()
        case 429:
            return Throttled()
    return Failed(f"status {status}")
