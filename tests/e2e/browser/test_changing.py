"""Editing, deleting and reacting on the page, in Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.support.browser_windows import BrowserWindows, say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def message(page: Page, number: int) -> Locator:
    return page.locator(".message").nth(number)


async def use(page: Page, number: int, tool: str) -> None:
    """Press a button of a message, by the keyboard alone."""
    await message(page, number).locator("summary").focus()
    await page.keyboard.press("Enter")
    await message(page, number).get_by_role("button", name=tool).focus()
    await page.keyboard.press("Enter")


async def test_an_edit_a_reaction_and_a_deletion_are_seen_by_the_other_also_after_a_reload(
    windows: BrowserWindows, room: str
) -> None:
    ada, bob = await windows.page("Ada", room), await windows.page("Bob", room)
    await say(ada, "Lunch at <b>one</b>?")
    await say(ada, "Oops")
    await expect(bob.locator(".message")).to_have_count(2)
    await expect(ada.locator(".mine .delivery").last).to_have_text("Sent")

    await use(ada, 0, "Edit")
    field = ada.get_by_label("New text of the message")
    await expect(field).to_be_focused()
    await field.fill("Lunch at <b>two</b>?")
    await field.press("Enter")
    await expect(field).to_have_count(0)
    await expect(message(ada, 0).locator("summary")).to_be_focused()

    await use(bob, 0, "React with a thumb up")
    chip = message(ada, 0).locator(".reactions button")
    await expect(chip).to_have_attribute("aria-pressed", "false")
    await expect(chip).to_have_attribute("title", "Bob")
    await chip.click()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await use(ada, 1, "Delete")

    for _ in range(2):
        for page in (ada, bob):
            await expect(page.locator(".message .text")).to_have_text(
                ["Lunch at <b>two</b>?", "This message was deleted."]
            )
            await expect(message(page, 0).locator(".edited")).to_have_text("edited")
            reactions = message(page, 0).locator(".reactions button")
            await expect(reactions).to_have_text(["👍 2"])
            await expect(reactions).to_have_attribute("title", "Bob, Ada")
            await expect(reactions).to_have_attribute("aria-pressed", "true")
            await expect(message(page, 1).locator("summary")).to_be_hidden()
        for page in (ada, bob):
            await page.reload()

    await message(bob, 0).locator(".reactions button").click()
    await expect(message(ada, 0).locator(".reactions button")).to_have_text(["👍 1"])
    await message(ada, 0).locator(".reactions button").click()
    for page in (ada, bob):
        await expect(message(page, 0).locator(".reactions")).to_be_hidden()
    assert windows.console_errors == []


async def test_an_edit_can_be_left_and_only_ones_own_messages_offer_it(
    windows: BrowserWindows, room: str
) -> None:
    ada, bob = await windows.page("Ada", room, 320, 568), await windows.page("Bob", room)
    await say(ada, "mine")
    await expect(ada.locator(".mine .delivery")).to_have_text("Sent")
    await use(ada, 0, "Edit")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await ada.get_by_label("New text of the message").fill("never")
    await ada.keyboard.press("Escape")
    await expect(ada.locator(".message .text")).to_have_text(["mine"])
    await message(bob, 0).locator("summary").click()
    assert await bob.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for tool in ("Edit", "Delete"):
        await expect(message(bob, 0).get_by_role("button", name=tool)).to_have_count(0)
