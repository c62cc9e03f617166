"""The page with the example chat in it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.example_chat import MESSAGES, NOW, SCRIPT
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows


async def open_example(
    windows: BrowserWindows, engine: Engine, width: int, height: int, *, script: str = "", **context: Any
) -> Page:
    """Open the page, and wait for its messages. `script` changes the chat: then it may be that none come."""
    size = {"width": width, "height": height, "timezone_id": "UTC", "locale": "en-GB"}
    page = await open_scripted(windows, engine, MESSAGES, now=NOW, script=SCRIPT + script, **size, **context)
    if not script:
        await expect(page.locator(".message")).to_have_count(len(MESSAGES))
    return page
