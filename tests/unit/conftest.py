from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.simulator.virtual_time import VirtualLoop


@pytest.fixture
def virtual() -> Iterator[asyncio.Runner]:
    """Runs coroutines in virtual time: what waits for hours takes no time, and a deadlock raises Stuck."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner
