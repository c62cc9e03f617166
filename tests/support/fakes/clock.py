"""A clock that tests set."""

from __future__ import annotations


class Clock:
    """A clock that only the test moves. Seconds since 1970."""

    def __init__(self, now: float = 1_795_500_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
