"""Rooms, names, titles and sizes of the page, in Chromium."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, Network, all_sent, fill_in, say
from tests.e2e.support.browser.written import write_history

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_another_room_is_joined_and_the_first_one_left(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, f"{room}-b", ["in the second"])
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "in the first")
    await expect(grace.locator(".message")).to_have_count(1)
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator(".message .text")).to_have_text(["in the second"])
    assert f"room={room}-b" in ada.url
    await say(grace, "Where are you?")
    await all_sent(grace)
    await expect(ada.locator(".message .text")).to_have_text(["in the second"])
    await fill_in(ada, "Room", room)
    await expect(ada.locator(".message .text")).to_have_text(["in the first", "Where are you?"])
    assert windows.console_errors == []


async def test_a_new_name_counts_at_once_and_pending_messages_are_sent(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, network = await windows.new_person(), Network()
    await network.of(person)
    ada = await windows.open(f"{engine.url}/?name=Ada&room={room}", person)
    grace = await windows.page("Grace", room)
    await say(ada, "as Ada")
    await expect(grace.locator(".message")).to_have_count(1)
    await network.go_down()
    await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
    await say(ada, "written as Ada")
    await fill_in(ada, "Name", "Lovelace")
    await say(ada, "as Lovelace")
    network.is_down = False
    await expect(grace.locator(".message .text")).to_have_text(["as Ada", "written as Ada", "as Lovelace"])
    await expect(grace.locator(".message .name").last).to_have_text("Lovelace")
    await expect(ada.locator(".mine .text")).to_have_text(["as Ada", "written as Ada", "as Lovelace"])


async def test_a_window_in_the_background_counts_only_the_messages_since_then(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["before"])
    person = await windows.new_person()
    await person.add_init_script("Object.defineProperty(document, 'hidden', { get: () => true })")
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(page.locator(".message")).to_have_count(1)
    await write_history(engine, room, ["now", "and now"])
    await expect(page).to_have_title(f"(2) #{room} · Roomcast")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (320, 568)])
async def test_nothing_sticks_out_of_the_window(
    windows: BrowserWindows, room: str, width: int, height: int
) -> None:
    ada = await windows.page("Ada", room, width, height)
    await say(ada, "a" * 300 + " and words " * 40)
    await expect(ada.locator(".message")).to_have_count(1)
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = await ada.locator("#send").bounding_box()
    assert box is not None and box["y"] + box["height"] <= height


async def test_what_people_type_stays_in_its_place_and_a_new_day_shows(
    windows: BrowserWindows, room: str
) -> None:
    ada, flag = await windows.page("Ada", room), await windows.page("🇩🇪 Jo", room)
    await flag.get_by_label("Message", exact=True).fill("one\vtwo\x07\x1b[2J")
    await flag.keyboard.press("Enter")
    message = ada.locator(".message")
    await expect(message.locator(".text")).to_have_text(["one\ntwo[2J"])
    await expect(message.locator(".avatar")).to_have_attribute("data-letter", "🇩🇪")
    clipped = "elements => elements.map(element => getComputedStyle(element).overflow)"
    assert await message.locator(".text, .who, .avatar").evaluate_all(clipped) == ["clip"] * 3
    sent = datetime.fromisoformat(str(await message.locator("time").get_attribute("datetime")))
    await ada.clock.set_fixed_time(sent + timedelta(days=1))
    await ada.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(ada.get_by_role("heading", name="Yesterday")).to_be_visible()


async def test_the_field_is_as_high_as_its_text(windows: BrowserWindows, engine: Engine, room: str) -> None:
    ada = await windows.page("Ada", f"{room}-with-a-name-that-is-longer-than-the-field", width=320)
    field = ada.locator("#text")
    height = "field => Math.round(field.getBoundingClientRect().height)"
    heights = []
    for lines in (0, 1, 2, 3, 200, 0):
        await field.fill("\n".join(["line"] * lines))
        heights.append(await field.evaluate(height))
    empty, one, two, three, many, again = heights
    assert empty == one == again < two < three < many <= 0.35 * 800
    assert windows.console_errors == []
