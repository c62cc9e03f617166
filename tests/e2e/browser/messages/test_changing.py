"""Editing, deleting and reacting on the page, in Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.support.browser.windows import BrowserWindows, all_sent, say
from tests.e2e.support.browser.written import message, react, use

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_an_edit_a_reaction_and_a_deletion_are_seen_by_the_other_also_after_a_reload(
    windows: BrowserWindows, room: str
) -> None:
    ada, bob = await windows.page("Ada", room), await windows.page("Bob", room)
    await say(ada, "Lunch at <b>one</b>?")
    await say(ada, "Oops")
    await expect(bob.locator(".message")).to_have_count(2)
    await all_sent(ada)

    await use(ada, "Lunch", "Edit")
    field = ada.get_by_label("New text of the message")
    await expect(field).to_be_focused()
    await field.fill("Lunch at <b>two</b>?")
    await field.press("Enter")
    await expect(field).to_have_count(0)
    await expect(message(ada, "Lunch")).to_be_focused()

    await react(bob, "Lunch", "Thumb up")
    chip = message(ada, "Lunch").locator(".reactions button")
    await expect(chip).to_have_attribute("aria-pressed", "false")
    await expect(chip).to_have_attribute("title", "Bob")
    await chip.click()
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await use(ada, "Oops", "Delete")

    for _ in range(2):
        for page in (ada, bob):
            await expect(page.locator(".message .text")).to_have_text(
                ["Lunch at <b>two</b>?", "This message was deleted."]
            )
            await expect(message(page, "Lunch").locator(".edited")).to_be_visible()
            reactions = message(page, "Lunch").locator(".reactions button")
            await expect(reactions).to_have_text(["👍 2"])
            await expect(reactions).to_have_attribute("title", "Bob, Ada")
            await expect(reactions).to_have_attribute("aria-pressed", "true")
            await message(page, "deleted").hover()
            await expect(message(page, "deleted").locator(".tools")).to_be_hidden()
        for page in (ada, bob):
            await page.reload()

    await message(bob, "Lunch").locator(".reactions button").click()
    await expect(message(ada, "Lunch").locator(".reactions button")).to_have_text(["👍 1"])
    await message(ada, "Lunch").locator(".reactions button").click()
    for page in (ada, bob):
        await expect(message(page, "Lunch").locator(".reactions")).to_be_hidden()
    assert windows.console_errors == []


async def test_an_edit_can_be_left_and_only_ones_own_messages_offer_it(
    windows: BrowserWindows, room: str
) -> None:
    ada, bob = await windows.page("Ada", room, 320, 568), await windows.page("Bob", room)
    await say(ada, "mine")
    await all_sent(ada)
    await use(ada, "mine", "Edit")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await ada.get_by_label("New text of the message").fill("never")
    await ada.keyboard.press("Escape")
    await expect(ada.locator(".message .text")).to_have_text(["mine"])
    await message(bob, "mine").hover()
    await bob.get_by_role("button", name="More").click()
    assert await bob.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await expect(bob.get_by_role("menuitem")).to_contain_text(["Reply", "React", "Copy text", "Copy link"])


async def test_a_reaction_may_be_typed_by_its_name(windows: BrowserWindows, room: str) -> None:
    ada = await windows.page("Ada", room)
    await say(ada, "We have landed.")
    await all_sent(ada)
    await message(ada, "We have landed.").focus()
    await ada.keyboard.press("+")
    await ada.get_by_role("textbox", name="Any emoji").fill(":rocket:")
    await ada.keyboard.press("Enter")
    await expect(message(ada, "We have landed.").locator(".reactions button")).to_have_text(["🚀 1"])
