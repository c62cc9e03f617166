"""Draw the pictures of the README: the page in its main states, with a chat that is in the page.

`make pictures` runs it. Needs Chromium. The same page gives the same pictures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.e2e.support.browser.example_page import open_example
from tests.e2e.support.browser.small_png import smaller
from tests.e2e.support.browser.windows import BrowserWindows, chromium
from tests.support.logged_engine import LoggedEngine

FOLDER = Path(__file__).parents[2] / "docs" / "images"
WIDE, MEDIUM, PHONE = (1360, 820), (1240, 640), (390, 844)
ON_TOUCH = {"has_touch": True}


async def thread(page: Page) -> None:
    await page.locator(".message .thread").first.click()
    await expect(page.locator("#thread-messages pre .keyword")).not_to_have_count(0)


async def palette(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await page.keyboard.type("de")
    await expect(page.get_by_role("option").first).to_be_visible()


async def search(page: Page) -> None:
    await page.keyboard.press("Control+f")
    await page.keyboard.type("release")
    await page.keyboard.press("Enter")
    await expect(page.locator("#results li")).to_have_count(1)


async def moderator(page: Page) -> None:
    await page.locator("#messages .message").nth(3).focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("menuitem", name="Mute").press("ArrowRight")
    await expect(page.get_by_role("menuitem", name="1 hour")).to_be_visible()


async def rooms(page: Page) -> None:
    await page.get_by_role("button", name="Rooms").click()
    await expect(page.locator("#room-lists")).to_be_visible()


async def offline(page: Page) -> None:
    await page.evaluate("chat.isDown = true; dispatchEvent(new Event('offline'))")
    await page.locator("#text").fill("I am on the train now. See you at eleven!")
    await page.locator("#send").click()
    await expect(page.locator("#strip")).to_contain_text("Offline. 1 message waits.")
    await expect(page.locator(".message").last).to_contain_text("See you at eleven!")


async def nothing(page: Page) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Picture:
    size: tuple[int, int]
    prepare: Callable[[Page], Awaitable[None]] = nothing
    script: str = ""
    context: dict[str, Any] = field(default_factory=dict)


PICTURES = {
    "page-wide": Picture(WIDE, thread),
    "page-dark": Picture(MEDIUM, palette, context={"color_scheme": "dark"}),
    "page-search": Picture(MEDIUM, search),
    "page-moderator": Picture(MEDIUM, moderator, "chat.rules = { moderator: true };"),
    "page-phone": Picture(PHONE, context=ON_TOUCH),
    "page-phone-rooms": Picture(PHONE, rooms, context=ON_TOUCH),
    "page-phone-offline": Picture(PHONE, offline, context=ON_TOUCH | {"color_scheme": "dark"}),
}


async def drawn(page: Page) -> bytes:
    """Return a picture of the page when nothing changes in it any more."""
    await expect(page.locator("#messages pre .keyword")).not_to_have_count(0)  # Code is coloured late.
    await expect(page.locator(".room-line")).to_have_count(6)
    before = b""
    while before != (now := await page.screenshot(animations="disabled")):
        before = now
    return now


async def main() -> None:
    # Without it, round corners depend on what was drawn when.
    async with LoggedEngine() as engine, chromium("--disable-partial-raster") as browser:
        windows = BrowserWindows(browser, engine)
        for name, picture in PICTURES.items():
            page = await open_example(
                windows, engine, *picture.size, script=picture.script, **picture.context
            )
            await expect(page.locator("#count")).to_have_text("4 here")
            await picture.prepare(page)
            path = FOLDER / f"{name}.png"
            path.write_bytes(smaller(await drawn(page)))
            print(path)
            await page.context.close()


if __name__ == "__main__":
    asyncio.run(main())
