"""Messages that were sent before the page is opened."""

from __future__ import annotations

from playwright.async_api import Locator, Page

from local.engine import Engine
from tests.e2e.support.clients import frame_client


async def write_history(engine: Engine, room: str, texts: list[str]) -> None:
    """Send these messages to the room."""
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        for text in texts:
            await edsger.send(room, text)


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last + 1)]


def message(page: Page, text: str) -> Locator:
    """Return the last message with this text."""
    return page.locator(".message", has=page.locator(".text", has_text=text)).last


async def use(page: Page, text: str, *actions: str) -> None:
    """Choose an action in the menu of a message, or in one that it leads to, by the keyboard alone."""
    await message(page, text).focus()
    await page.keyboard.press("Enter")
    for action in actions:
        await page.locator("#menu").get_by_role("menuitem", name=action).focus()
        await page.keyboard.press("Enter")


async def compose(page: Page, text: str) -> None:
    """Write a text by an input method in the field that has the focus, without ending it."""
    session = await page.context.new_cdp_session(page)
    caret = {"selectionStart": len(text), "selectionEnd": len(text)}
    await session.send("Input.imeSetComposition", {"text": text, **caret})
    await session.detach()


async def react(page: Page, text: str, name: str) -> None:
    """React to a message, by the keyboard alone."""
    await message(page, text).focus()
    await page.keyboard.press("+")
    await page.get_by_role("button", name=name).focus()
    await page.keyboard.press("Enter")
