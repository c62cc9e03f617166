"""What the adaptive rate makes of answers that came before a pause."""

from __future__ import annotations

import pytest

from apigateway.rate import INITIAL_RATE, MAX_WINDOW, AdaptiveRate
from tests.support.fakes.clock import Clock


def held_back_by_its_rate() -> tuple[Clock, AdaptiveRate]:
    """A rate that knows its quota and climbs: the last answers are not evaluated yet."""
    clock = Clock()
    adaptive = AdaptiveRate(clock)
    for outcome, times in ((adaptive.on_throttled, 50), (adaptive.on_success, 1_000)):
        for _ in range(times):
            clock.now += 0.002
            adaptive.refill()
            while not adaptive.acquire():
                pass
            outcome()
            adaptive.evaluate()
    for _ in range(20):
        adaptive.on_success()
    return clock, adaptive


@pytest.mark.parametrize("idle", [2.5, 600, 1e6])
def test_answers_before_an_idle_time_say_nothing_after_it(idle: float) -> None:
    clock, adaptive = held_back_by_its_rate()
    clock.now += idle
    adaptive.evaluate()
    adaptive.refill()
    assert adaptive.rate == INITIAL_RATE


def test_a_pause_is_no_time_of_climbing() -> None:
    rates = []
    for pause in (MAX_WINDOW, 1.9):
        clock, adaptive = held_back_by_its_rate()
        before = adaptive.rate
        clock.now += pause
        adaptive.evaluate()
        rates.append(adaptive.rate)
    assert before < rates[0] == pytest.approx(rates[1], rel=0.01)
