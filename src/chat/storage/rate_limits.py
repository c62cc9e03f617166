"""A rate limit that any number of Lambda instances share, in a write that is made anyway.

The generic cell rate algorithm (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm): `due` on an item
is the theoretical arrival time, when the next use would come if all came evenly. A use may come earlier than
that by the burst tolerance. DynamoDB has no maximum of two values, so the write has two forms: for an item
whose `due` has passed, and for one whose `due` is in the future. An instance first tries the form that fits
the `due` it saw last. The condition of the wrong form fails, and costs one more write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from chat.protocol.errors import RateLimited
from chat.storage.lru import LRU

_TRIES = 4  # of the two forms: other instances may move `due` between them
_TOO_MANY = "Too many messages at once."


@dataclass(frozen=True, slots=True)
class Rate:
    """Uses per second on average, and uses at once."""

    per_second: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds between two uses that come evenly. Milliseconds would make 1,000 of 700 per second."""
        return round(1_000_000 / self.per_second)

    @property
    def burst_tolerance(self) -> int:
        """Microseconds that a use may come before `due`."""
        return (self.burst - 1) * self.interval


class ConditionFailed(Exception):
    """The condition of an attempt was not met. `due` is what the item had, None if it had none."""

    def __init__(self, due: int | None) -> None:
        super().__init__(due)
        self.due = due


class Attempt:
    """One attempt at an update: parts of its expressions. `due` is the new value of the attribute `due`.

    As a context manager it notes the outcome: the update was made, or it raised ConditionFailed, which ends
    here.
    """

    def __init__(self, due: str, condition: str, values: dict[str, Any], note: Callable[[int | None], None]):
        self.due = due
        self.condition = condition
        self.values = values
        self._note = note

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None:
            self._note(None)
        elif isinstance(error, ConditionFailed):
            self._note(error.due or 0)
            return True
        return False


class RateLimiter:
    """The attribute `due`, in microseconds since 1970, of items that share a rate."""

    def __init__(
        self, rate: Rate, now: Callable[[], float] = time.time, spread: Callable[[], float] = lambda: 0
    ) -> None:
        """`spread` returns numbers from 0 to 1, random where many wait for the same item.

        That part of the time in which one burst of uses comes evenly is added to the seconds of a
        RateLimited. Otherwise all who wait come back at once, and only one of them is let through.
        """
        self._rate = rate
        self._now = now
        self._spread = spread
        self._seen: LRU[int] = LRU()  # `due` by item, as this instance saw it last

    def attempts(self, item: str) -> Iterator[Attempt]:
        """Yield attempts at an update of an item. Leave the loop with `return` or `break` after a success.

            for attempt in limiter.attempts("item"):
                with attempt:
                    update()  # raises ConditionFailed if the attempt's condition is not met
                    return

        Raises RateLimited with the seconds until a use is allowed.
        """
        now = int(self._now() * 1_000_000)
        for _ in range(_TRIES):
            due = self._seen.get(item, 0)
            early = due - self._rate.burst_tolerance - now
            if early > 0:  # `due` never falls, so an old value is enough: a flood costs no write
                raise RateLimited(_TOO_MANY, retry_after=self._retry_after(early))
            yield self._attempt(item, due, now)
        raise RateLimited(_TOO_MANY, retry_after=self._retry_after(self._rate.interval))

    def _retry_after(self, early: int) -> float:
        return _seconds(early + int(self._spread() * self._rate.burst * self._rate.interval))

    def _attempt(self, item: str, due: int, now: int) -> Attempt:
        interval = self._rate.interval

        def note(failed: int | None) -> None:
            self._seen.set(item, max(due, now) + interval if failed is None else failed)

        if due > now:
            latest = now + self._rate.burst_tolerance
            return Attempt(
                "due + :interval",
                "due > :instant AND due <= :latest",
                {":instant": now, ":latest": latest, ":interval": interval},
                note,
            )
        return Attempt(
            ":next",
            "(attribute_not_exists(due) OR due <= :instant)",
            {":instant": now, ":next": now + interval},
            note,
        )


def _seconds(microseconds: int) -> float:
    """Return whole milliseconds, rounded up: a client that waits this long is let through."""
    return (microseconds // 1_000 + 1) / 1_000
