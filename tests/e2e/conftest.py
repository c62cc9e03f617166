from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from local.engine import Engine

ROOT = Path(__file__).parent.parent.parent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[Engine]:
    """The local engine, once for all tests that do it no harm."""
    async with Engine(ROOT / "template.yaml", port=0) as engine:
        yield engine


@pytest.fixture
def room() -> str:
    """A room of this test's own."""
    return f"room-{uuid.uuid4().hex[:8]}"
