"""What a post to a socket can come to. Values, not exceptions: thousands of them come at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivered:
    """200: API Gateway has taken the frame."""


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the socket is closed, or not open yet."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: the account posts too fast, or this client reads too slowly."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else, from a 5xx to a time-out."""

    reason: str


TIMED_OUT = Failed("TimeoutError")

type Outcome = Delivered | Gone | Throttled | Failed


def from_status(status: int) -> Outcome:
    match status:
        case 200:
            return Delivered()
        case 410:
            return Gone()
        case 429:
            return Throttled()
    return Failed(f"status {status}")
