"""Draw the pictures of the README: the page in its main states, with a chat that is in the page.

`make pictures` runs it. Needs Chromium.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.e2e.support.browser.example_chat import MESSAGES, NOW, SCRIPT
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows, chromium
from tests.support.logged_engine import LoggedEngine

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDE, PHONE = {"width": 1360, "height": 820}, {"width": 390, "height": 844}


async def draw(page: Page, name: str) -> None:
    await page.wait_for_timeout(300)
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
    print(FOLDER / f"{name}.png")


async def main() -> None:
    async with LoggedEngine() as engine, chromium() as browser:
        windows = BrowserWindows(browser, engine)

        async def page(viewport: dict[str, int], **context: Any) -> Page:
            size = {**viewport, "timezone_id": "UTC", "locale": "en-GB", **context}
            return await open_scripted(windows, engine, MESSAGES, now=NOW, script=SCRIPT, **size)

        wide = await page(WIDE)
        await wide.locator(".message .thread").first.click()
        await draw(wide, "page-wide")
        dark = await page(WIDE, color_scheme="dark")
        await dark.keyboard.press("Control+k")
        await dark.keyboard.type("de")
        await draw(dark, "page-dark")
        phone = await page(PHONE, has_touch=True)
        await draw(phone, "page-phone")
        await phone.get_by_role("button", name="Rooms").click()
        await draw(phone, "page-phone-rooms")


if __name__ == "__main__":
    asyncio.run(main())
