"""The keys that the page's table tells of, and where the focus is after a dialog, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.example_chat import MESSAGES, NOW, SCRIPT
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# True after a key that the page has taken, false after one that it has left to the browser.
IS_TAKEN = """addEventListener("keydown", ({ defaultPrevented }) => { window.isTaken = defaultPrevented; })"""


async def example(windows: BrowserWindows, engine: Engine) -> Page:
    size = {"width": 1360, "height": 820}
    page = await open_scripted(windows, engine, MESSAGES, now=NOW, script=SCRIPT, **size)
    await expect(page.locator(".message").last).to_be_visible()
    await page.evaluate(IS_TAKEN)
    return page


async def test_keys_lead_to_rooms_to_the_search_and_through_what_is_open(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await example(windows, engine)
    title, names = page.locator("#title"), page.locator(".room-line .of")
    await expect(names).to_have_count(6)
    listed = await names.all_inner_texts()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(title).to_have_text(f"#{listed[(listed.index('lobby') + 1) % len(listed)]}")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(title).to_have_text("#lobby")
    for key, room in [("Alt+Shift+ArrowUp", "incidents"), ("Alt+Shift+ArrowUp", "design-team")]:
        await page.keyboard.press(key)
        await expect(title).to_have_text(f"#{room}")
    await page.keyboard.press("Alt+Shift+ArrowDown")
    await expect(title).to_have_text("#incidents")

    # The second press of Ctrl+F is the browser's. Escape closes what lies on top, and nothing else.
    await page.keyboard.press("Control+f")
    await expect(page.locator("#query")).to_be_focused()
    assert await page.evaluate("window.isTaken")
    await page.keyboard.press("Control+f")
    assert not await page.evaluate("window.isTaken")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#palette")).to_be_hidden()
    await expect(page.locator("#query")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#pane")).to_be_hidden()
    assert windows.console_errors == []


async def test_keys_of_a_message_and_of_the_field(windows: BrowserWindows, engine: Engine) -> None:
    page = await example(windows, engine)
    field, mine = page.locator("#text"), page.locator(".message", has_text="Yes, I will.").last
    await mine.focus()
    await page.keyboard.press("r")
    await expect(page.locator("#answered")).to_contain_text("Yes, I will.")
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#answering")).to_be_hidden()
    await mine.focus()
    await page.keyboard.press("e")
    await expect(page.get_by_label("New text of the message")).to_have_value("Yes, I will.")
    await page.keyboard.press("Escape")
    await expect(mine).to_be_focused()

    await field.focus()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await expect(field).to_have_value("one\ntwo")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message .text").last).to_have_text("one\ntwo")
    await expect(field).to_have_value("")
    assert windows.console_errors == []


async def test_what_is_closed_gives_the_focus_back(windows: BrowserWindows, engine: Engine) -> None:
    page = await example(windows, engine)
    message = page.locator("#messages .message").first
    for key, opened in [
        ("?", "#keys"),
        ("Control+k", "#palette"),
        ("Control+f", "#search"),
        ("t", "#thread"),
        ("+", "#menu"),
        (".", "#menu"),
    ]:
        await message.focus()
        await page.keyboard.press(key)
        await expect(page.locator(opened)).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator(opened)).to_be_hidden()
        await expect(message, key).to_be_focused()
    for button in [
        page.locator("#count"),
        page.locator("#to-search"),
        page.get_by_role("button", name=re.compile("^Actions for incidents")),
    ]:
        await button.focus()
        await button.press("Enter")
        await expect(button).not_to_be_focused()
        await page.keyboard.press("Escape")
        await expect(button).to_be_focused()
    assert windows.console_errors == []


async def test_escape_leaves_an_input_method_and_closes_no_field(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await example(windows, engine)
    for opened_by, key, name in [
        ("#text", "ArrowUp", ".editing textarea"),
        ("#text", "Control+f", "#query"),
        ("#add", "Enter", "#room"),
    ]:
        await page.locator(opened_by).press(key)
        field = page.locator(name)
        await expect(field).to_be_focused()
        for way in ({"isComposing": True}, {"keyCode": 229}):  # The second is Safari's.
            await field.dispatch_event("keydown", {"key": "Escape", **way})
        await expect(field).to_be_visible()
        await field.press("Escape")
        await expect(field).to_be_hidden()
    assert windows.console_errors == []
