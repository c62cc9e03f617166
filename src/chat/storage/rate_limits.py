"""A rate that any number of Lambda instances hold together, in the write that is made anyway.

The generic cell rate algorithm (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): an item remembers
when the next use would be due if all came evenly, `due`, and a use may come so much earlier than that as the
burst allows. DynamoDB has no maximum of two values, so there are two forms of the write: one for an item
whose `due` has passed and one for an item that is ahead of its time. An instance tries first the one that it
expects from what it saw last; the wrong one is refused by its condition and costs one more write.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chat.protocol.errors import RateLimited
from chat.storage.lru import LRU

_TRIES = 4  # of the two forms: other instances may move `due` between them
_TOO_MANY = "Too many messages at once."


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second on average, and so many at once."""

    per_second: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds between two, if all came evenly. Milliseconds would make 1,000 a second of 700."""
        return round(1_000_000 / self.per_second)

    @property
    def burst_tolerance(self) -> int:
        """How many microseconds ahead of its time a use may come."""
        return (self.burst - 1) * self.interval


@dataclass(frozen=True, slots=True)
class Attempt:
    """The parts of an update that make it count: `due` is what it is set to."""

    due: str
    condition: str
    values: dict[str, Any]


class ConditionFailed(Exception):
    """The condition of an update was not met; `due` is what the item had, None where it had none."""

    def __init__(self, due: int | None) -> None:
        super().__init__(due)
        self.due = due


class RateLimiter:
    """`due`, in microseconds since 1970, of items that share a rate."""

    def __init__(self, rate: Rate, now: Callable[[], float] = time.time) -> None:
        self._rate = rate
        self._now = now
        self._seen: LRU[int] = LRU()  # what this instance knows of `due`, by item

    def spend[T](self, item: str, update: Callable[[Attempt], T]) -> T:
        """Makes `update`, which raises ConditionFailed when its condition is not met.

        Raises RateLimited, with the seconds until it would be allowed.
        """
        now = int(self._now() * 1_000_000)
        for _ in range(_TRIES):
            due = self._seen.get(item, 0)
            early = due - self._rate.burst_tolerance - now
            if early > 0:  # `due` never falls, so what is known of it is enough: a flood costs no write
                raise RateLimited(_TOO_MANY, retry_after=_seconds(early))
            try:
                result = update(self._use(due, now))
            except ConditionFailed as passed:
                self._seen.set(item, passed.due or 0)
                continue
            self._seen.set(item, max(due, now) + self._rate.interval)
            return result
        raise RateLimited(_TOO_MANY, retry_after=_seconds(self._rate.interval))

    def _use(self, due: int, now: int) -> Attempt:
        if due > now:
            return Attempt(
                "due + :interval",
                "due > :instant AND due <= :latest",
                {
                    ":instant": now,
                    ":latest": now + self._rate.burst_tolerance,
                    ":interval": self._rate.interval,
                },
            )
        return Attempt(
            ":next",
            "(attribute_not_exists(due) OR due <= :instant)",
            {":instant": now, ":next": now + self._rate.interval},
        )


def _seconds(microseconds: int) -> float:
    """In whole milliseconds, and never too few: whoever waits so long is let through."""
    return (microseconds // 1_000 + 1) / 1_000
