"""The page shows and scrolls the history of a room, in Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, say
from tests.e2e.support.browser.written import numbered, write_history

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_a_room_opens_with_its_last_fifty_messages_and_does_not_announce_them(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, numbered(1, 60))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message .text")).to_have_text(numbered(11, 60))
    await expect(ada.locator(".message").last).to_be_in_viewport()
    announced = ada.locator("[aria-live]:not([role])")
    await expect(announced).to_be_empty()
    await write_history(engine, room, ["just now"])
    await expect(announced).to_have_text("Edsger: just now")
    await expect(ada.locator(".message")).to_have_count(51)


async def test_scrolling_back_brings_earlier_messages_and_nothing_jumps(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    texts = numbered(1, 180)
    texts[70] = "a message of many lines " * 20
    await write_history(engine, room, texts)
    ada = await windows.page("Ada", room)
    messages, start = ada.locator(".message .text"), ada.get_by_text("This is where the history begins.")
    await expect(messages).to_have_text(texts[130:])
    await expect(start).to_be_hidden()
    before = await ada.evaluate(
        """() => {
            const region = document.querySelector("#scroll");
            region.scrollTop = 40;
            const [first] = region.querySelectorAll(".message");
            window.anchor = first;
            return first.getBoundingClientRect().bottom;
        }"""
    )
    await expect(messages.first).not_to_have_text(texts[130])
    after = await ada.evaluate("window.anchor.getBoundingClientRect().bottom")
    assert abs(after - before) <= 1
    await ada.get_by_role("article").last.press("Home")
    await expect(messages.first).to_have_text("message 1")
    await expect(start).to_be_visible()
    await say(ada, "back at the end")
    await expect(ada.locator(".message").last).to_be_in_viewport()
    await expect(messages.last).to_have_text("back at the end")
    assert windows.console_errors == []


async def test_a_reader_of_old_messages_stays_there_and_sees_the_number_of_new_ones(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, numbered(1, 40))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message")).to_have_count(40)
    await ada.get_by_role("article").last.press("Home")
    await expect(ada.get_by_role("article").first).to_be_focused()
    await expect(ada.locator(".message").first).to_be_in_viewport()
    await write_history(engine, room, ["one", "two"])
    newer = ada.get_by_role("button", name="2 new messages")
    await expect(newer).to_be_visible()
    await expect(ada.locator(".message").first).to_be_in_viewport()
    await newer.press("Enter")
    await expect(ada.locator(".message").last).to_be_in_viewport()
    await expect(newer).to_be_hidden()
    await expect(ada.get_by_role("region", name="Messages")).to_be_focused()
    await ada.keyboard.press("ArrowUp")
    await expect(ada.get_by_role("article").nth(-2)).to_be_focused()


async def test_a_button_shows_earlier_messages_without_scrolling(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, numbered(1, 60))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message")).to_have_count(50)
    await ada.get_by_role("button", name="Show earlier messages").dispatch_event("click")
    await expect(ada.locator(".message .text")).to_have_text(numbered(1, 60))
