"""What the page tells outside of itself, in Chromium: notifications, its icon, the installed app's badge."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, fill_in, look_away, say
from tests.e2e.support.clients import frame_client
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# Headless Chromium shows no notifications. Whatever the page asks for is kept, in `told`.
BROWSER = """
    window.told = { notifications: [], badges: [], questions: 0 };
    window.Notification = class extends EventTarget {
        static permission = "%s";
        static async requestPermission() {
            told.questions++;
            Notification.permission = "granted";
        }
        constructor(title, { body, tag }) {
            super();
            told.notifications.push([title, body, tag]);
            told.last = this;
        }
        close() {}
    };
    navigator.setAppBadge = async (count) => { told.badges.push(count); };
"""


async def notifications(*tabs: Page) -> list[list[str]]:
    """Return the title, text and tag of what the tabs have shown."""
    return [each for tab in tabs for each in await tab.evaluate("told.notifications")]


async def test_of_two_tabs_one_tells_of_a_mention_and_none_while_one_has_the_focus(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, other = await windows.new_person(), f"{room}-b"
    await person.add_init_script(BROWSER % "granted")
    first = await windows.open(f"{engine.url}/?room={other}", person)
    await say(first, "I am here")
    await all_sent(first)
    await fill_in(first, "Room", room)
    second = await windows.open(f"{engine.url}/?room={room}", person)
    badges = [tab.locator(".room-line").filter(has_text=other).locator(".badge") for tab in (first, second)]
    await expect(second.locator(".room-line").filter(has_text=other)).to_be_visible()
    icons = [tab.locator("link[rel=icon]") for tab in (first, second)]

    await look_away(first)
    async with frame_client(engine.socket_url, name="Edsger", room=other) as edsger:
        page = await edsger.request(action="history", room=other, after=0)
        ada = page["messages"][0]["user"]
        await edsger.send(other, "@Ada, while she looks", mentions=[ada])
        for badge, icon in zip(badges, icons, strict=True):
            await expect(badge).to_have_text("@1")
            await expect(icon).to_have_attribute("href", "icon-unread.svg")
        await look_away(second)
        await edsger.send(other, "@Ada, while she is away", mentions=[ada])
        await until(lambda: notifications(first, second))
        await edsger.send(other, "@Ada, once more", mentions=[ada])
        for badge in badges:
            await expect(badge).to_have_text("@3")

        async def all_told() -> bool:
            return len(await notifications(first, second)) > 1

        await until(all_told)
    shown = await notifications(first, second)
    assert [(title, tag) for title, _, tag in shown] == [(f"Edsger in #{other}", other)] * 2
    assert "while she looks" not in str(shown)

    # A click leads to the room, and nothing is left to be told.
    speaker = first if await notifications(first) else second
    await look_away(speaker, away=False)
    await speaker.evaluate("told.last.dispatchEvent(new Event('click'))")
    await expect(speaker.locator("#title")).to_have_text(f"#{other}")
    for icon in icons:
        await expect(icon).to_have_attribute("href", "icon.svg")
    counts = await speaker.evaluate("told.badges")
    assert (counts[0], max(counts), counts[-1]) == (0, 1, 0), "none that an earlier visit has left"
    assert windows.console_errors == []


async def test_nothing_is_shown_without_leave_which_is_asked_for_by_a_command(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person = await windows.new_person()
    await person.add_init_script(BROWSER % "default")
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    await say(ada, "I am here")
    await all_sent(ada)
    await fill_in(ada, "Room", f"{room}-b")
    await look_away(ada)
    badge = ada.locator(".room-line").filter(has_text=room).first.locator(".badge")
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        page = await edsger.request(action="history", room=room, after=0)
        user = page["messages"][0]["user"]
        await edsger.send(room, "@Ada, without leave", mentions=[user])
        await expect(badge).to_have_text("@1")
        assert await ada.evaluate("told.questions") == 0
        await ada.keyboard.press("Control+k")
        await ada.keyboard.type("tell me")
        await expect(ada.get_by_role("option").first).to_contain_text("Tell me when I am mentioned")
        await ada.keyboard.press("Enter")
        assert await ada.evaluate("told.questions") == 1
        await edsger.send(room, "@Ada, with leave", mentions=[user])
        await until(lambda: notifications(ada))
    assert [text for _, text, _ in await notifications(ada)] == ["@Ada, with leave"]
    assert windows.console_errors == []
