"""Nothing moves by itself under the pointer, in Chromium. The chat is in the page, too."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from local.engine import Engine
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows, fill_in, say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def row(page: Page, text: str) -> Locator:
    return page.locator("#messages .message", has=page.locator(".text").get_by_text(text, exact=True))


async def begin(windows: BrowserWindows, engine: Engine, messages: int = 60) -> Page:
    """Open a room in which every message is somebody's block of its own."""
    page = await open_scripted(windows, engine, messages)
    await expect(page.locator("#messages .text").last).to_have_text(f"message {messages}")
    await expect(page.locator("#newest")).to_be_hidden()
    return page


async def others_write(page: Page, stays: Locator, count: int = 3) -> None:
    """Let others write, and see that a row does not move. The first of the new ones may be in view."""
    before = await stays.bounding_box()
    last = await page.evaluate(
        "count => chat.say('lobby', Array.from({ length: count }, () => ({}))).at(-1).message", count
    )
    await expect(page.locator("#messages .text").last).to_have_text(last)
    await expect(page.get_by_role("button", name=re.compile(r"^\d+ new messages?$"))).to_be_visible()
    assert await stays.bounding_box() == before


async def assert_at_end(page: Page, text: str) -> None:
    await expect(page.locator("#messages .text").last).to_have_text(text)
    await expect(page.locator("#messages .text").last).to_be_in_viewport()
    await expect(page.locator("#newest")).to_be_hidden()


async def test_a_message_stays_while_the_pointer_is_on_its_buttons(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await begin(windows, engine)
    aimed = row(page, "message 58")
    await aimed.hover()
    reply = aimed.get_by_role("button", name="Reply", exact=True)
    await reply.hover()
    await others_write(page, aimed)
    await others_write(page, aimed)
    await expect(aimed.locator(".tools")).to_be_visible()
    await page.mouse.down()
    await page.mouse.up()
    await expect(page.locator("#answering")).to_contain_text("message 58")

    # It goes on when the pointer leaves; what the reader has sent is shown at once.
    await page.locator("#text").hover()
    await assert_at_end(page, "message 66")
    await row(page, "message 64").hover()
    await row(page, "message 64").get_by_role("button", name="Reply", exact=True).hover()
    await others_write(page, row(page, "message 64"), 20)
    await say(page, "mine")
    await assert_at_end(page, "mine")

    # A reader who scrolls meanwhile is where they have scrolled to.
    await row(page, "message 84").hover()
    await row(page, "message 84").get_by_role("button", name="Reply", exact=True).hover()
    await others_write(page, row(page, "message 84"))
    await page.mouse.wheel(0, -700)
    await expect(row(page, "message 84")).not_to_be_in_viewport()
    stays = row(page, "message 70")
    await page.locator("#text").hover()
    await others_write(page, stays)
    assert windows.console_errors == []


async def test_a_message_stays_while_its_menu_its_picker_or_its_editor_is_open(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await begin(windows, engine)
    menu, text = page.locator("#menu"), page.locator("#text")
    await say(page, "mine")
    await expect(row(page, "mine")).to_have_attribute("data-delivery", "sent")
    last = 61
    for button, message in (("More", "message 60"), ("React", "message 60"), ("Edit", "mine")):
        aimed = row(page, message)
        await aimed.hover()
        await aimed.get_by_role("button", name="More" if button == "Edit" else button, exact=True).click()
        await expect(menu).to_be_visible()
        if button == "Edit":
            await menu.get_by_role("menuitem", name="Edit").click()
            await expect(menu).to_be_hidden()
        await text.hover()
        await others_write(page, aimed)
        last += 3
        if button != "Edit":  # It shows which message it belongs to.
            await expect(aimed.locator(".tools")).to_be_visible()
            await expect(aimed).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
        # Nor does another message offer anything, or look as if it did.
        other = row(page, "message 58")
        await other.hover(position={"x": 300, "y": 5})
        await expect(page.locator(".offered")).to_have_count(1)
        await expect(other.locator(".tools")).to_have_count(0)
        await expect(other).to_have_css("background-color", "rgba(0, 0, 0, 0)")
        if button == "Edit":
            await page.get_by_label("New text of the message").fill("changed")
            await page.keyboard.press("Enter")
        else:
            await page.keyboard.press("Escape")
        await text.hover()
        await assert_at_end(page, f"message {last}")

        # A frame is for those who work by the keys.
        await expect(page.locator(".message:focus-within")).to_have_css("outline-style", "none")
        await page.locator(".message:focus-within").focus()
        await page.keyboard.press("ArrowUp")
        await expect(page.locator(".message:focus")).to_have_css("outline-style", "solid")
        await text.click()
    assert windows.console_errors == []


async def test_the_buttons_come_to_the_message_that_the_pointer_moves_to_not_to_one_that_moves_to_it(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await begin(windows, engine)
    await row(page, "message 56").hover()
    await expect(row(page, "message 56").locator(".tools")).to_be_visible()
    await page.evaluate("chat.say('lobby', [{}, {}, {}])")
    await assert_at_end(page, "message 63")
    await page.evaluate(FRAME)
    await expect(page.locator("#messages .message:hover")).to_have_count(1)
    await expect(page.locator("#messages .tools:visible")).to_have_count(0)
    await row(page, "message 59").hover(position={"x": 310, "y": 6})
    await expect(row(page, "message 59").locator(".tools")).to_be_visible()
    assert windows.console_errors == []


async def test_the_button_to_the_newest_message_is_there_whenever_that_is_not_in_view(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await begin(windows, engine)
    newest = page.get_by_role("button", name="To the newest message")
    await page.locator("#scroll").hover()
    await page.mouse.wheel(0, -200)
    await expect(newest).to_be_visible()
    await fill_in(page, "Room", "other")
    await expect(page.locator("#newest")).to_be_hidden()
    await page.go_back()
    await expect(row(page, "message 50")).to_be_in_viewport()
    await expect(newest).to_be_visible()
    await newest.click()
    await assert_at_end(page, "message 60")
    await page.evaluate("chat.say('lobby', [{ reply_to: 52 }])")
    await page.locator("#messages .quote:visible").click()
    await expect(row(page, "message 52")).to_be_focused()
    await expect(newest).to_be_visible()
    await page.evaluate("chat.say('lobby')")
    await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    assert windows.console_errors == []


async def test_a_reply_stays_in_its_thread_while_the_pointer_is_on_its_buttons(
    windows: BrowserWindows, engine: Engine
) -> None:
    replies = [{"reply_to": 1, "root": 1} for _ in range(39)]
    page = await open_scripted(windows, engine, [{"replies": 39}, *replies])
    last = page.locator("#thread-messages .text").last
    await page.locator("#messages .thread:visible").last.click()
    await expect(last).to_have_text("message 40")
    await expect(last).to_be_in_viewport()
    aimed = page.locator("#thread-messages .message").nth(38)
    await aimed.hover()
    await aimed.get_by_role("button", name="More", exact=True).hover()
    before = await aimed.bounding_box()
    write = "chat.say('lobby', Array.from({ length: 9 }, () => ({ reply_to: 1, root: 1 })))"
    await page.evaluate(write)
    await expect(last).to_have_text("message 49")
    assert await aimed.bounding_box() == before
    await page.locator("#answer-text").hover()
    await expect(last).to_be_in_viewport()
    await page.evaluate(write)
    await expect(last).to_have_text("message 58")
    await expect(last).to_be_in_viewport()
    assert windows.console_errors == []
