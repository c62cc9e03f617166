from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from local.engine import Engine
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS
from tests.e2e.support.jwt_engine import JwtEngine, start_jwt_engine
from tests.support.logged_engine import LoggedEngine
from tests.support.project import ROOT

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.e2e.support.browser.windows import BrowserWindows


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine() -> AsyncIterator[Engine]:
    """A local engine that all tests share that leave it as it was."""
    async with LoggedEngine(port=0, parameters=HIGH_LIMITS, samples=ROOT / "events") as engine:
        yield engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jwt_engine() -> AsyncIterator[JwtEngine]:
    """The same, with tokens required."""
    async with start_jwt_engine() as jwt_engine:
        yield jwt_engine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    from tests.e2e.support.browser.windows import chromium  # tests without a browser need no driver

    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, engine: Engine) -> AsyncIterator[BrowserWindows]:
    from tests.e2e.support.browser.windows import BrowserWindows

    yield BrowserWindows(browser, engine)
    for context in browser.contexts:
        await context.close()


@pytest.fixture
def room() -> str:
    """Return the name of a room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:8]}"
