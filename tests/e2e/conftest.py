from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.support.engine_with_proxies import UNHURRIED
from tests.e2e.support.jwt_engine import Guarded, guard
from tests.support.logged_engine import LoggedEngine

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.e2e.support.browser_windows import Windows


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[Engine]:
    """The local engine, once for all tests that do it no harm."""
    async with LoggedEngine(port=0, parameters=UNHURRIED) as engine:
        yield engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def guarded() -> AsyncIterator[Guarded]:
    """The same, where one needs a token."""
    async with guard() as guarded:
        yield guarded


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    from tests.e2e.support.browser_windows import chromium  # tests without a browser do without its driver

    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, engine: Engine) -> AsyncIterator[Windows]:
    from tests.e2e.support.browser_windows import Windows

    yield Windows(browser, engine)
    for context in browser.contexts:
        await context.close()


@pytest.fixture
def room() -> str:
    """A room of this test's own."""
    return f"room-{uuid.uuid4().hex[:8]}"
