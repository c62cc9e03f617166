"""The palette, the search, links to messages and the keys, in Chromium."""

from __future__ import annotations

from datetime import datetime

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows
from tests.e2e.support.browser.written import compose

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

IN_VIEW = """element => {
    const box = document.querySelector('#scroll').getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    return top >= box.top && bottom <= box.bottom;
}"""


async def seqs_shown(page: Page) -> list[int]:
    """Return the numbers at the end of the messages in the document."""
    texts = await page.locator(".message .text").all_inner_texts()
    return [int(text.split()[-1]) for text in texts]


async def test_a_message_far_above_is_found_gone_to_and_left_again(
    windows: BrowserWindows, engine: Engine
) -> None:
    texts = [f"{'needle' if n == 40 else 'hay'} {n}" for n in range(1, 701)]
    ada = await open_scripted(windows, engine, [{"message": text} for text in texts])
    await expect(ada.locator(".message .text").last).to_have_text("hay 700")
    await ada.keyboard.press("Control+f")
    query = ada.get_by_role("searchbox", name="Search in this room")
    await expect(query).to_be_focused()
    await expect(query).to_have_attribute("placeholder", "Words or a name in #lobby")
    await query.press_sequentially("HAY 70")  # Without Enter, what is loaded is searched as one types.
    await expect(ada.locator("#results mark")).to_have_text(["hay 70"])
    await query.fill("")
    await expect(ada.locator("#results li")).to_have_count(0)
    await compose(ada, "hay 699")  # By an input method, as each word is written on a phone.
    await expect(ada.locator("#results mark")).to_have_text(["hay 699"])
    await query.fill("NEEDLE")
    await query.press("Enter")
    await expect(ada.locator("#searched")).to_contain_text("Nothing found. Looked through 50 messages")
    await ada.get_by_role("button", name="Look further back").click()
    await expect(ada.locator("#searched")).to_have_text("1 found. Looked through all 700 messages.")
    await expect(query).to_be_focused()  # where the button was that has nothing left to do
    await ada.get_by_role("button", name="needle 40").click()
    await expect(ada.locator(".message.found")).to_contain_text("needle 40")
    await expect(ada.locator(".message.found")).to_have_count(0)
    found = ada.locator(".message:focus")
    await expect(found).to_contain_text("needle 40")
    assert await found.evaluate(IN_VIEW)
    shown = await seqs_shown(ada)
    assert shown == list(range(shown[0], shown[-1] + 1)), "a place in the past has no gaps"
    assert shown[-1] < 600

    # Down from there, page by page, to the newest. A message with the focus would stay in the document.
    await ada.locator("#text").focus()
    for _ in range(60):
        await ada.locator("#scroll").evaluate("box => box.scrollBy(0, 2000)")
        await ada.wait_for_timeout(50)
        shown = await seqs_shown(ada)
        assert shown == list(range(shown[0], shown[-1] + 1))
        if shown[-1] == 700:
            break
    assert shown[-1] == 700
    assert windows.console_errors == []


async def test_a_link_leads_to_its_message_and_the_button_to_the_newest(
    windows: BrowserWindows, engine: Engine
) -> None:
    year = datetime.now().year
    written = [
        {"message": f"number {n}", "at": f"{year - (n <= 50)}-06-01T12:00:00.000Z"} for n in range(1, 401)
    ]
    ada = await open_scripted(windows, engine, written, at=100)
    found = ada.locator(".message:focus")
    await expect(found).to_contain_text("number 100")
    assert await found.evaluate(IN_VIEW)
    await ada.evaluate("chat.say('lobby', [{ message: 'number 401' }])")
    await ada.locator("#newest").click()
    await expect(ada.locator(".message .text").last).to_have_text("number 401")
    assert await ada.locator(".message").last.evaluate(IN_VIEW)

    # A day leads to its first message, and one after all of them to none.
    await ada.keyboard.press("Control+f")
    day = ada.get_by_label("Go to a day")
    await day.fill(f"{year}-01-01")
    await expect(found).to_contain_text("number 51")
    await day.fill(f"{year + 1}-12-31")
    await expect(ada.locator("#searched")).to_have_text("Nobody has written since that day.")
    assert windows.console_errors == []


async def test_the_palette_goes_to_rooms_people_and_commands(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace Hopper", room)
    await expect(ada.locator("#count")).to_have_text("2 here")
    sought = ada.get_by_role("combobox", name="Go to a room")
    choices = ada.get_by_role("listbox", name="Choices").get_by_role("option")

    await ada.keyboard.press("Control+k")
    await expect(sought).to_be_focused()
    await ada.keyboard.type("hop")
    await expect(choices.first).to_have_text("@ Grace Hopper is here")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#text")).to_have_value("@Grace Hopper ")
    await expect(ada.locator("#text")).to_be_focused()

    await ada.keyboard.press("Control+k")
    await ada.keyboard.type(f"#{room}-B")
    await expect(choices.first).to_contain_text(f"Enter #{room}-B")
    await ada.keyboard.press("Enter")
    await expect(ada.locator("#title")).to_have_text(f"#{room}-B")
    await expect(ada.locator("#text")).to_have_value("")

    await ada.keyboard.press("Control+k")
    await ada.keyboard.type("keyb")
    await ada.keyboard.press("ArrowDown")
    await ada.keyboard.press("ArrowUp")
    await ada.keyboard.press("Enter")
    await expect(ada.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await ada.keyboard.press("Escape")

    # The dialog gives the focus back, and what is typed outside of fields goes into the field.
    await ada.locator("#scroll").focus()
    await ada.keyboard.press("Control+k")
    await ada.keyboard.press("Escape")
    await expect(ada.locator("#scroll")).to_be_focused()
    await ada.keyboard.type("hi")
    await expect(ada.locator("#text")).to_have_value("hi")
    await ada.keyboard.press("Alt+ArrowUp")
    await expect(ada.locator("#title")).to_have_text(f"#{room}")
    await expect(ada.locator("#text")).to_have_value("@Grace Hopper ")

    await ada.keyboard.press("F6")
    await ada.keyboard.press("F6")
    assert await ada.evaluate("document.querySelector('#scroll').contains(document.activeElement)")
    await grace.close()
    assert windows.console_errors == []
