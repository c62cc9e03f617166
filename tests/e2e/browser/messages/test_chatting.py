"""Two pages chat in Chromium: the client page and the plain one."""

from __future__ import annotations

import uuid

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, say
from tests.e2e.support.browser.written import message
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_two_windows_of_the_page_chat(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "Hello Grace!")
    await expect(grace.locator(".message")).to_have_count(1)
    await expect(grace.locator(".message .name")).to_have_text("Ada")
    await expect(grace.locator(".message .text")).to_have_text("Hello Grace!")
    await say(grace, "Hello Ada!")
    await expect(ada.locator(".message .text")).to_have_text(["Hello Grace!", "Hello Ada!"])
    await all_sent(ada)
    assert windows.console_errors == []


async def test_the_menu_of_a_message_says_who_has_seen_it(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    ken = await windows.page("Ken", f"{room}-b")

    async def told(text: str) -> list[str]:
        await message(ada, text).focus()
        await ada.keyboard.press("Enter")
        items = await ada.locator("#menu").get_by_role("menuitem").all_inner_texts()
        await ada.keyboard.press("Escape")
        return [item for item in items if item.startswith("Seen by")]

    await say(ada, "Who reads this?")
    await expect(grace.locator(".message .text")).to_have_text(["Who reads this?"])
    await until(lambda: told("Who reads this?"))  # A second later, and the server tells it by a frame.
    assert await told("Who reads this?") == ["Seen by Grace"]
    await say(ken, "I read another room")
    await grace.goto("about:blank")
    await say(ada, "And this?")
    await all_sent(ada)
    assert await told("And this?") == []
    assert await told("Who reads this?") == ["Seen by Grace"]
    assert windows.console_errors == []


async def test_three_windows_of_the_plain_page_from_disk_chat(windows: BrowserWindows, room: str) -> None:
    pages = [await windows.plain_page(room) for _ in range(3)]
    await pages[0].get_by_role("button", name="Send").click()
    for page in pages:
        await expect(page.locator("#log li")).to_have_text(["Hi from websocket!"])
    await pages[1].locator("#text").fill("and again")
    await pages[1].get_by_role("button", name="Send").click()
    for page in pages:
        await expect(page.locator("#log li")).to_have_text(["Hi from websocket!", "and again"])
    await pages[2].get_by_role("button", name="Disconnect").click()
    await expect(pages[2].locator("#state")).to_have_text("closed")
    await expect(pages[0].locator("#text")).to_have_value("")  # what was sent is gone from the field
    log = pages[1].locator("#log")
    await log.evaluate("log => (log.style.maxHeight = '2em', log.scrollTop = 0)")
    await pages[0].locator("#text").fill("a third")
    await pages[0].get_by_role("button", name="Send").click()
    await expect(log.locator("li")).to_have_count(3)
    await expect(pages[2].locator("#log li")).to_have_count(2)
    assert await log.evaluate("log => log.scrollTop") == 0  # who reads above stays there
    await log.evaluate("log => log.scrollTop = log.scrollHeight")
    await pages[0].locator("#text").fill("a fourth")
    await pages[0].get_by_role("button", name="Send").click()
    await expect(log.locator("li").last).to_be_in_viewport()
    await expect(log.locator("li").last).to_have_text("a fourth")
    assert windows.console_errors == []


async def test_both_pages_show_each_others_messages(windows: BrowserWindows, room: str) -> None:
    ada, bare = await windows.page("Ada", room), await windows.plain_page(room)
    await say(ada, "from the page")
    await expect(bare.locator("#log li")).to_have_text(["from the page"])
    await bare.get_by_role("button", name="Send").click()
    await expect(ada.locator(".message .text")).to_have_text(["from the page", "Hi from websocket!"])


async def test_messages_and_names_are_text_and_never_markup(windows: BrowserWindows, room: str) -> None:
    attack = f"<img src=x onerror=\"document.title='{uuid.uuid4().hex}'\"><b>bold</b>"
    ada, bare = await windows.page("<i>Ada</i>", room), await windows.plain_page(room)
    other = await windows.page("Grace", room)
    await say(ada, attack)
    await expect(other.locator(".message .text")).to_have_text(attack)
    await expect(other.locator(".message .name")).to_have_text("<i>Ada</i>")
    await expect(bare.locator("#log li")).to_have_text([attack])
    for page in (ada, other, bare):
        assert await page.locator(".message img, .message b, .name i, #log img").count() == 0


async def test_two_tabs_of_one_person_and_the_plain_page_show_each_others_messages(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person = await windows.new_person()
    tabs = [await windows.open(f"{engine.url}/?room={room}", person) for _ in range(2)]
    bare = await windows.plain_page(room)
    for tab in tabs:
        await expect(tab.locator("#empty")).to_be_visible()
    await say(tabs[0], "from one tab")
    await expect(bare.locator("#log li")).to_have_text(["from one tab"])
    await say(tabs[1], "from the other")
    await expect(bare.locator("#log li")).to_have_count(2)
    await bare.get_by_role("button", name="Send").click()
    for tab in tabs:
        await expect(tab.locator(".message .text")).to_have_text(
            ["from one tab", "from the other", "Hi from websocket!"]
        )
    # Having written, a tab knows its person's messages from those of others.
    await expect(tabs[1].locator(".mine .text")).to_have_text(["from one tab", "from the other"])
    assert windows.console_errors == []
