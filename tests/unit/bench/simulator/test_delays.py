from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.simulator.delays import Delays


class ManualTimers:
    """Timers that fire when, and in the order in which, a test says."""

    def __init__(self) -> None:
        self.set: list[tuple[float, Callable[[int], None], int]] = []

    def call_later(self, delay: float, callback: Callable[[int], None], tick: int, /) -> None:
        self.set.append((delay, callback, tick))

    def fire(self, number: int) -> None:
        _, callback, tick = self.set[number]
        callback(tick)


def delays(timers: ManualTimers) -> tuple[list[str], Callable[[float, str], None]]:
    called: list[str] = []
    made = Delays(timers, clock=lambda: 10.0)
    return called, lambda due, name: made.call_at(due, partial(called.append, name))


def test_calls_that_are_due_in_one_millisecond_share_a_timer_and_keep_their_order() -> None:
    timers = ManualTimers()
    called, call_at = delays(timers)
    for name, due in (("a", 10.0052), ("b", 10.0051), ("c", 10.0059)):
        call_at(due, name)
    assert [round(delay, 6) for delay, _, _ in timers.set] == [0.006]
    assert called == []
    timers.fire(0)
    assert called == ["a", "b", "c"]


def test_a_timer_that_fires_too_early_does_not_overtake() -> None:
    timers = ManualTimers()
    called, call_at = delays(timers)
    for name, due in (("first", 10.001), ("second", 10.002), ("third", 10.003)):
        call_at(due, name)
    timers.fire(1)
    assert called == ["first", "second"]
    timers.fire(0)
    timers.fire(2)
    assert called == ["first", "second", "third"]


def test_an_overdue_call_is_not_made_at_once_but_by_its_timer() -> None:
    timers = ManualTimers()
    called, call_at = delays(timers)
    call_at(9.0, "late")
    assert (called, timers.set[0][0]) == ([], 0.0)
    timers.fire(0)
    assert called == ["late"]
