"""The host and the barrier of the function tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.local.barrier import Barrier
from tests.support.local.host_lab import HostLab, Logs


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[HostLab]:
    lab = HostLab(tmp_path, Logs())
    yield lab
    await lab.stop()


@pytest.fixture
async def barrier() -> AsyncIterator[Barrier]:
    async with Barrier() as barrier:
        yield barrier
