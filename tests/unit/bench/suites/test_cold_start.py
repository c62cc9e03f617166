from __future__ import annotations

from bench.deployed import FUNCTIONS
from bench.suites.cold_start import EVENTS


def test_the_code_of_every_function_is_measured() -> None:
    assert {function.handler.partition(".")[0] for function in FUNCTIONS.values()} == set(EVENTS)
