"""The list of messages, in Chromium: of thousands, those around the reader. The chat is in the page, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows, fill_in, look_away, say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# Scrolls step by step, and returns what moved otherwise than by the step, and the most rows there were.
SCROLL = """async ([steps, direction]) => {
    const box = document.querySelector("#scroll"), list = document.querySelector("#messages");
    const place = (row) => row.getBoundingClientRect().bottom;
    const jumps = [];
    let most = 0;
    for (let step = 0; step < steps; step++) {
        const { top, bottom } = box.getBoundingClientRect();
        const isInView = (row) => place(row) > top && place(row) < bottom && !row.matches(".between");
        const rows = [...list.children].filter(isInView);
        const before = rows.map(place);
        const from = box.scrollTop;
        box.scrollTop += direction * (300 + (step % 7) * 60);
        const moved = box.scrollTop - from;
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        const kept = rows.findIndex((row) => row.isConnected);
        const jump = kept < 0 ? Infinity : Math.abs(place(rows[kept]) - before[kept] + moved);
        if (jump > 1) jumps.push([step, String(jump)]);
        most = Math.max(most, list.children.length);
    }
    return { jumps, most };
}"""


async def test_of_thousands_of_messages_some_are_in_the_document_and_nothing_jumps(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_scripted(windows, engine, 3_000)
    texts, newest = page.locator(".message .text"), page.get_by_role("button", name="To the newest message")
    await expect(texts.last).to_have_text("message 3000")
    await expect(newest).to_be_hidden()
    up = await page.evaluate(SCROLL, [250, -1])
    assert up["jumps"] == []
    assert up["most"] <= 300
    await expect(newest).to_be_visible()

    # The message that has the focus stays in the document, wherever the reader goes.
    focused = page.locator(":focus")
    await page.locator(".message").nth(80).focus()
    text = await focused.locator(".text").inner_text()
    down = await page.evaluate(SCROLL, [250, 1])
    assert down["jumps"] == []
    assert down["most"] <= 301
    await expect(focused.locator(".text")).to_have_text(text)
    await expect(texts.last).to_have_text("message 3000")
    await page.keyboard.press("ArrowDown")
    await expect(focused).to_be_in_viewport()
    await expect(focused.locator(".text")).to_have_text(f"message {int(text.split()[1]) + 1}")

    # What is selected stays selected, and where it is, while thousands come below.
    await page.evaluate("getSelection().selectAllChildren(document.activeElement.querySelector('.text'))")
    selected = await page.evaluate("String(getSelection())")
    place = await focused.bounding_box()
    await page.evaluate("chat.storm('lobby', { perSecond: 4000, seconds: 1, perFrame: 50 })")
    await expect(page.get_by_role("button", name="4000 new messages")).to_be_visible()
    assert await page.evaluate("String(getSelection())") == selected
    assert await focused.bounding_box() == place
    assert await page.locator("#messages > *").count() <= 300
    await page.get_by_role("button", name="4000 new messages").click()
    await expect(texts.last).to_have_text("message 7000")
    await expect(page.locator(".message").last).to_be_in_viewport()
    await expect(page.locator("#newest")).to_be_hidden()
    assert windows.console_errors == []


async def test_what_a_message_does_not_change_is_not_drawn_again(
    windows: BrowserWindows, engine: Engine
) -> None:
    script = "window.badges = 0; navigator.setAppBadge = async () => { badges++; };"
    page = await open_scripted(windows, engine, 300, script=script)
    texts, first = page.locator(".message .text"), page.locator(".row:not(.between)").first
    await expect(texts.last).to_have_text("message 300")
    await page.locator("#scroll").evaluate("box => { box.scrollTop = 0; }")
    await expect(texts.first).to_have_text("message 151")
    await page.locator("#newest").click()
    await expect(texts.last).to_be_in_viewport()
    before = await first.inner_text()
    await page.evaluate(
        """() => {
            window.changes = [];
            const nameOf = ({ target }) => target.id || target.className || target.textContent;
            window.observer = new MutationObserver((records) => changes.push(...records.map(nameOf)));
            for (const part of document.querySelectorAll("#room-lists, #self, .bar, textarea")) {
                const attributes = part.matches("#self, textarea");
                observer.observe(part, { childList: true, characterData: true, attributes, subtree: true });
            }
        }"""
    )
    for number in range(301, 306):
        await page.evaluate("chat.say('lobby')")
        await expect(texts.last).to_have_text(f"message {number}")
    assert await page.evaluate("changes") == []
    assert await page.evaluate("badges") == 1  # The first: an earlier visit may have left one.
    assert await first.inner_text() == before

    # Nor is a room that is left.
    await page.evaluate("observer.disconnect()")
    await first.evaluate("row => observer.observe(row, { attributes: true, subtree: true })")
    await fill_in(page, "Room", "other")
    await expect(texts).to_have_count(0)
    assert await page.evaluate("changes") == []

    # A visited room is one stop of Tab again.
    await page.go_back()
    await expect(texts.last).to_have_text("message 305")
    await expect(page.locator("#messages [tabindex='0']")).to_have_count(1)
    assert windows.console_errors == []


async def test_what_came_while_the_reader_was_away_stands_below_a_line(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_scripted(windows, engine, 60)
    await expect(page).to_have_title("#lobby · Roomcast")
    await page.evaluate("window.seen = []")
    line, texts = page.locator(".divider.new"), page.locator(".message .text")
    await expect(texts.last).to_have_text("message 60")
    await look_away(page)
    await page.evaluate("chat.say('lobby', [{}, {}])")
    await expect(line).to_have_text(
        "2 new since "
        + await page.evaluate("new Intl.DateTimeFormat(undefined, { timeStyle: 'short' }).format(new Date())")
    )
    await expect(page).to_have_title("(2) #lobby · Roomcast")
    await page.evaluate("chat.say('lobby', Array.from({ length: 38 }, () => ({})))")
    await expect(page).to_have_title("(40) #lobby · Roomcast")

    # It stays when the reader is back and everything is seen, and what comes then is not above it.
    await look_away(page, away=False)
    await expect(page).to_have_title("#lobby · Roomcast")
    await page.evaluate("chat.say('lobby')")
    await expect(texts.last).to_have_text("message 101")
    await expect(line).to_contain_text("41 new since")
    above = page.get_by_role("button", name="41 new since")
    await above.click()
    await expect(line).to_be_in_viewport()
    await expect(above).to_be_hidden()
    row = page.locator(".row", has=line).locator("+ .row .text")
    await expect(row).to_have_text("message 61")

    # In a part of the room that is not in view, nothing counts as seen.
    await page.evaluate("chat.say('lobby')")
    await expect(page).to_have_title("(1) #lobby · Roomcast")
    await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(line).to_have_count(0)
    await expect(texts.last).to_have_text("message 102")
    await expect(texts.last).to_be_in_viewport()
    await expect(page).to_have_title("#lobby · Roomcast")
    assert windows.console_errors == []


async def test_days_have_dividers_that_are_told_again_at_midnight(
    windows: BrowserWindows, engine: Engine
) -> None:
    evening = datetime(2026, 1, 1, 23, 58, tzinfo=UTC)
    days = [evening - timedelta(days=count) for count in (2, 1, 0)]
    begin = [{"at": day.isoformat()} for day in days for _ in range(20)]
    person_zone = {"timezone_id": "UTC"}
    page = await open_scripted(windows, engine, begin, now=evening, **person_zone)
    dividers, pill = page.locator("h2.divider"), page.locator("#day")
    await expect(dividers).to_have_text(["Tuesday 30 December 2025", "Yesterday", "Today"])
    await expect(page.locator("time").first).to_have_attribute(
        "aria-label", "Tuesday, December 30, 2025 at 11:58:00 PM"
    )
    await expect(page.locator("time").last).to_have_text("11:58 PM")
    await expect(pill).to_have_text("Today")
    await page.locator(".message").nth(25).evaluate("row => row.scrollIntoView({ block: 'start' })")
    await expect(pill).to_have_text("Yesterday")
    await page.clock.set_fixed_time(evening + timedelta(minutes=5))
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(dividers).to_have_text(
        ["Tuesday 30 December 2025", "Wednesday 31 December 2025", "Yesterday"]
    )
    await expect(pill).to_have_text("Wednesday 31 December 2025")
    await page.evaluate("chat.say('lobby')")
    await expect(dividers).to_have_count(4)
    await expect(dividers.last).to_have_text("Today")
    assert windows.console_errors == []


async def test_the_list_is_one_tab_stop_and_says_what_is_loaded_and_what_is_new(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_scripted(windows, engine, 300, script="chat.delay = 400;", height=500)
    await expect(page.get_by_text("Loading messages…")).to_be_attached()
    texts, announced = page.locator(".message .text"), page.locator("#announcer")
    await expect(texts.last).to_have_text("message 300")
    await expect(page.get_by_text("Loading messages…")).to_be_hidden()
    await page.evaluate("chat.delay = 0; chat.failing.add('history')")

    # One stop of Tab, at the last message in view; the arrow keys move in it.
    assert await page.locator("#messages [tabindex='0']").count() == 1
    await page.locator("#messages [tabindex='0']").focus()
    await expect(page.locator(":focus .text")).to_have_text("message 300")
    for key, text in (("ArrowUp", "message 299"), ("Home", "message 251"), ("End", "message 300")):
        await page.keyboard.press(key)
        await expect(page.locator(":focus .text")).to_have_text(text)
        await expect(page.locator(":focus")).to_be_in_viewport()
    await expect(page.locator(":focus")).to_have_accessible_description("message 300")
    await expect(page.locator(":focus")).to_have_accessible_name(
        f"Grace {await page.locator('time').last.get_attribute('aria-label')}"
    )

    # Earlier messages that could not be loaded can be asked for again.
    await page.locator("#messages [tabindex='0']").press("Home")
    again = page.locator("#earlier").get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    await page.evaluate("chat.failing.clear()")
    await again.click()
    await expect(texts.first).not_to_have_text("message 251")
    await page.locator("#newest").click()

    # New messages are read out in one line each; a tall one is shown from its top.
    await page.evaluate("chat.say('lobby', [{ message: 'Look\\n'.repeat(18) }])")
    await expect(announced).to_have_text("Grace: " + " ".join(["Look"] * 18))
    tall = page.locator(".row").last
    await expect(tall).to_contain_text("Look")
    boxes = [await part.bounding_box() for part in (tall, page.locator("#scroll"))]
    assert boxes[0] and boxes[1] and abs(boxes[0]["y"] - boxes[1]["y"]) <= 1
    await say(page, "mine is never read out")
    await expect(page.locator(".mine")).to_be_in_viewport()
    await page.evaluate("chat.say('lobby', [{}, {}, {}])")
    await expect(announced).to_contain_text("3 new messages, from")
    assert windows.console_errors == []


async def test_a_finger_is_not_stopped_by_earlier_messages_that_come(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_scripted(windows, engine, 300, width=390, height=700, has_touch=True, is_mobile=True)
    texts, box = page.locator(".message .text"), page.locator("#scroll")
    await expect(texts.last).to_have_text("message 300")
    await box.evaluate("box => { box.scrollTop = box.clientHeight + 200 }")
    await page.evaluate("window.writes = 0")
    await box.evaluate(
        """box => {
            const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, "scrollTop");
            const count = function (value) { window.writes++; set.call(this, value); };
            Object.defineProperty(box, "scrollTop", { get, set: count });
        }"""
    )
    touch = await page.context.new_cdp_session(page)

    async def finger(kind: str, y: int | None = None) -> None:
        points = [] if y is None else [{"x": 200, "y": y}]
        await touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    await finger("touchStart", 200)
    for y in range(210, 610, 20):
        await finger("touchMove", y)
    await page.wait_for_function("chat.requests.filter(({ action }) => action === 'history').length > 1")
    await page.evaluate("chat.say('lobby')")
    await expect(page.get_by_role("button", name="1 new message")).to_be_visible()
    assert await page.evaluate("window.writes") == 0
    await expect(texts.first).to_have_text("message 251")
    first = await page.evaluate("(window.kept = document.querySelector('.row:not(.between)')).innerText")
    assert "message 251" in first
    frame = "new Promise((resolve) => requestAnimationFrame(resolve))"
    place = f"{frame}.then(() => window.kept.getBoundingClientRect().bottom)"
    await finger("touchMove", 591)  # After a rest: else there is momentum, which moves the message, too.
    before = await page.evaluate(place)
    await finger("touchEnd")
    await expect(texts.first).not_to_have_text("message 251")
    assert abs(await page.evaluate(place) - before) <= 1
    assert windows.console_errors == []
