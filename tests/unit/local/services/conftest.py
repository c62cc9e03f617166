"""A ministack for all tests that need no process of their own: to start one takes half a second of CPU."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from local.services.ministack import Ministack


@pytest.fixture(scope="session")
def ministack_url() -> Iterator[str]:
    ministack = Ministack()
    with asyncio.Runner() as runner:
        runner.run(ministack.start())
        yield ministack.url
        runner.run(ministack.stop())
