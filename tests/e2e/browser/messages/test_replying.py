"""Replies on the page, in Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, Network, all_sent, fill_in, say
from tests.e2e.support.browser.written import numbered, use, write_history
from tests.e2e.support.clients import frame_client

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# The contrast of an element's colour with what is behind it, as WCAG 2 defines it.
CONTRAST = """element => {
    const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = colour => {
        pixel.fillStyle = colour;
        pixel.fillRect(0, 0, 1, 1);
        const [red, green, blue] = [...pixel.getImageData(0, 0, 1, 1).data].map(
            value => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(luminance);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""


async def test_a_reply_shows_what_it_answers_as_it_is_now_and_after_a_reload(
    windows: BrowserWindows, room: str
) -> None:
    ada, bob = await windows.page("Ada", room), await windows.page("Bob", room)
    await say(ada, "Lunch at\n<b>one</b>?")
    await say(ada, "Oops")
    await expect(bob.locator(".message")).to_have_count(2)
    await use(bob, "Lunch", "Reply")
    field, bar = bob.locator("#text"), bob.locator("#answering")
    await expect(field).to_be_focused()
    await expect(bar).to_have_text("Replying to Ada Lunch at <b>one</b>?")
    await expect(field).to_have_accessible_description("Replying to Ada: Lunch at <b>one</b>?")
    await field.press_sequentially("Yes")
    await field.press("Enter")
    await expect(bar).to_be_hidden()
    quotes = [page.locator(".message .quote:visible") for page in (ada, bob)]
    await expect(quotes[0]).to_have_accessible_name("In reply to You Lunch at <b>one</b>?")
    await expect(quotes[1]).to_have_accessible_name("In reply to Ada Lunch at <b>one</b>?")

    await use(bob, "Oops", "Reply")
    await say(bob, "What?")
    await use(ada, "Lunch", "Edit")
    await ada.get_by_label("New text of the message").fill("Lunch at two?")
    await ada.keyboard.press("Enter")
    await use(ada, "Oops", "Delete")
    for _ in range(2):
        for page, whose in ((ada, "You"), (bob, "Ada")):
            await expect(page.locator(".quote:visible .whose")).to_have_text([whose, whose])
            await expect(page.locator(".quote:visible .words")).to_have_text(
                ["Lunch at two?", "This message was deleted."]
            )
        for page in (ada, bob):
            await page.reload()
    assert windows.console_errors == []


async def test_a_reply_can_be_given_up_and_belongs_to_its_room(windows: BrowserWindows, room: str) -> None:
    ada = await windows.page("Ada", room, 390, 844)
    await say(ada, "first")
    await all_sent(ada)
    field, bar = ada.locator("#text"), ada.locator("#answering")
    await use(ada, "first", "Reply")
    await expect(bar).to_be_visible()
    await field.press("Escape")
    await expect(bar).to_be_hidden()
    await use(ada, "first", "Reply")
    await ada.get_by_role("button", name="Cancel the reply").click()
    await expect(bar).to_be_hidden()
    await expect(field).to_be_focused()
    await use(ada, "first", "Reply")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await ada.get_by_role("button", name="Rooms").click()
    await fill_in(ada, "Room", f"{room}-b")
    await expect(bar).to_be_hidden()
    await say(ada, "not a reply")
    await all_sent(ada)
    await expect(ada.locator(".quote:visible")).to_have_count(0)
    assert windows.console_errors == []


async def test_what_is_begun_in_a_thread_waits_there_until_it_is_sent(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    for each in (room, f"{room}-b"):  # The first message has the same number in both.
        async with frame_client(engine.socket_url, name="Edsger", room=each) as edsger:
            await edsger.send(each, f"asked in {each}")
            await edsger.send(each, "answered", reply_to=1)
    ada = await windows.page("Ada", room)
    asked, field = ada.locator("#messages .message .text").first, ada.locator("#answer-text")
    thread = ada.locator("#messages .thread:visible")
    await thread.click()
    await field.fill("half an answer")
    await field.press("Escape")
    await expect(field).to_be_hidden()
    await thread.click()
    await expect(field).to_have_value("half an answer")
    await field.press("Escape")

    await fill_in(ada, "Room", f"{room}-b")
    await expect(asked).to_have_text(f"asked in {room}-b")
    await thread.click()
    await expect(field).to_have_value("")
    await field.press("Escape")

    await fill_in(ada, "Room", room)
    await expect(asked).to_have_text(f"asked in {room}")
    await ada.reload()
    await thread.click()
    await expect(field).to_have_value("half an answer")
    await field.press("Enter")
    await expect(ada.locator("#thread-messages .text").last).to_have_text("half an answer")
    await field.press("Escape")
    await thread.click()
    await expect(field).to_have_value("")
    assert windows.console_errors == []


async def test_what_is_begun_in_a_thread_is_in_the_other_tab_too(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        await edsger.send(room, "asked")
        await edsger.send(room, "answered", reply_to=1)
    person = await windows.new_person()
    one, other = [await windows.open(f"{engine.url}/?room={room}", person) for _ in range(2)]
    for tab in (one, other):
        await tab.locator("#messages .thread:visible").click()
    await one.locator("#answer-text").fill("half an answer")
    await expect(other.locator("#answer-text")).to_have_value("half an answer")
    await one.locator("#answer-text").press("Enter")
    await expect(other.locator("#answer-text")).to_have_value("")


async def test_a_quote_leads_to_its_message_wherever_that_is(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, numbered(1, 60))
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        for seq, text in ((2, "to an early one"), (20, "to a late one")):
            await edsger.send(room, text, reply_to=seq)
    ada = await windows.page("Ada", room, 390, 844)
    quotes = ada.locator(".quote:visible")
    await expect(quotes.locator(".words")).to_have_text(["message 2", "message 20"])
    late = ada.locator(".message", has_text="message 20").first
    await expect(late).not_to_be_in_viewport()
    await quotes.last.focus()
    await ada.keyboard.press("Enter")
    await expect(late).to_be_in_viewport()
    await expect(late).to_be_focused()
    await ada.locator("#newest").click()
    early = ada.locator(".message", has=ada.locator(".text").get_by_text("message 2", exact=True))
    await quotes.first.click()
    await expect(early).to_be_in_viewport()
    await expect(early).to_be_focused()
    assert windows.console_errors == []


async def test_a_reply_that_waits_keeps_its_quote_over_a_reload(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Lunch?"])
    person, network = await windows.new_person(), Network()
    await network.of(person)
    ada = await windows.open(f"{engine.url}/?name=Ada&room={room}", person)
    await expect(ada.locator(".message .text")).to_have_text(["Lunch?"])
    await network.go_down()
    await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
    await use(ada, "Lunch?", "Reply")
    await say(ada, "Yes")
    words = ada.locator(".quote:visible .words")
    await expect(words).to_have_text("Lunch?")
    await ada.reload()
    await expect(ada.locator(".message .text")).to_have_text(["Lunch?", "Yes"])  # as it was seen last
    await expect(words).to_have_text("Not loaded yet: there is no connection.")
    network.is_down = False
    await expect(ada.locator(".message .text")).to_have_text(["Lunch?", "Yes"])
    await all_sent(ada)
    await expect(words).to_have_text("Lunch?")
    bob = await windows.page("Bob", room)
    await expect(bob.locator(".quote:visible .words")).to_have_text("Lunch?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_quotes_can_be_read(windows: BrowserWindows, room: str, scheme: str) -> None:
    ada, bob = await windows.page("Ada", room), await windows.page("Bob", room)
    for page in (ada, bob):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await say(ada, "Lunch?")
    await expect(bob.locator(".message")).to_have_count(1)
    await use(bob, "Lunch?", "Reply")
    bar = bob.locator("#answering")
    for element in await bar.locator(".lead, .whose, .words, button").all():
        assert await element.evaluate(CONTRAST) >= 4.5
    await say(bob, "Yes")
    for page in (ada, bob):
        quote = page.locator(".quote:visible")
        await expect(quote).to_be_visible()
        for hue in range(0, 360, 30):
            await quote.evaluate("(element, hue) => element.style.setProperty('--hue', hue)", hue)
            for part in (quote.locator(".whose"), quote.locator(".words")):
                assert await part.evaluate(CONTRAST) >= 4.5
