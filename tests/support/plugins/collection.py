"""No garbage collection while pytest collects the tests: it takes a third of that time, and finds little.

A plugin of pytest, which `tests/conftest.py` names. The tests stay until the end, so the garbage collector
never looks at them later either.
"""

from __future__ import annotations

import gc

import pytest

gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
