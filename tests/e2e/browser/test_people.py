"""Who is here, who is writing, moderators and tokens: the page in Chromium, against the local engine."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser_windows import BrowserWindows, fill_in, say
from tests.e2e.support.clients import frame_client
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.e2e.support.members import write_members

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

MODERATOR = {"roles": ["moderator"]}


async def counts(page: Page) -> None:
    """Has the page keep all that its count says from now on."""
    await page.evaluate(
        """() => {
            window.counts = [];
            const count = document.querySelector("#count");
            const look = () => window.counts.push(count.textContent);
            new MutationObserver(look).observe(count, { childList: true });
        }"""
    )


async def known(
    windows: BrowserWindows,
    jwt_engine: JwtEngine,
    user: str,
    room: str,
    *,
    moderator: bool = False,
    width: int = 1280,
) -> Page:
    """A window of somebody with a token."""
    token = token_of(user, **(MODERATOR if moderator else {}))
    tools = "&moderator" if moderator else ""
    page = await windows.open(
        f"{jwt_engine.engine.url}/?room={room}&token={token}{tools}", await windows.new_person(width)
    )
    await expect(page.locator("#members .self:visible")).to_have_count(1)
    return page


async def act(page: Page, text: str, name: str) -> None:
    """Does as a moderator what the button of this name says, to a message or its author."""
    message = page.locator(".message").filter(has_text=text)
    await message.locator("summary").click()
    await message.get_by_role("button", name=name).click()


async def test_everybody_is_here_once_however_many_tabs_they_have(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    ada = await windows.page("Ada", room)
    members = ada.locator("#members li")
    await expect(members).to_have_text(["AAda (you)"])
    person = await windows.new_person()
    tabs = [await windows.open(f"{engine.url}/?room={room}", person) for _ in range(2)]
    for page in (ada, *tabs):
        await expect(page.locator("#count")).to_have_text("2 here")
        await expect(page.locator("#members li")).to_have_count(2)
    await counts(ada)
    await tabs[0].close()
    await say(tabs[1], "still here")
    await expect(ada.locator(".message")).to_have_count(1)
    await tabs[1].close()
    await expect(members).to_have_text(["AAda (you)"])
    assert await ada.evaluate("window.counts") == ["1 here"]
    assert windows.console_errors == []


async def test_who_reloads_the_page_has_not_been_away(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(ada.locator("#count")).to_have_text("2 here")
    await counts(ada)
    await grace.reload()
    await expect(grace.locator("#count")).to_have_text("2 here")
    await grace.close()
    await expect(ada.locator("#count")).to_have_text("1 here")
    assert await ada.evaluate("window.counts") == ["1 here"]


async def test_a_new_name_is_the_one_in_the_list(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(grace.locator("#count")).to_have_text("2 here")
    await fill_in(ada, "Name", "Lovelace")
    await expect(grace.locator("#members .name")).to_have_text(["Grace", "Lovelace"])
    await expect(ada.locator("#members .name")).to_have_text(["Lovelace", "Grace"])


async def test_the_others_see_who_is_writing_until_it_is_said(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(grace.locator("#count")).to_have_text("2 here")
    await grace.locator("#text").press_sequentially("Hello")
    await expect(ada.locator("#writing")).to_have_text("Grace is writing…")
    await grace.locator("#text").press("Enter")
    await expect(ada.locator(".message .text")).to_have_text(["Hello"])
    await expect(ada.locator("#writing")).to_be_empty()
    await expect(grace.locator("#writing")).to_be_empty()
    # Nothing of it is read out: it would never end.
    assert (
        await ada.locator("#writing, #count, #people")
        .locator("xpath=ancestor-or-self::*[@aria-live]")
        .count()
        == 0
    )
    assert windows.console_errors == []


async def test_in_a_narrow_window_the_list_opens_over_the_messages(
    windows: BrowserWindows, room: str
) -> None:
    ada = await windows.page("Ada", room, 390, 844)
    count, people = ada.locator("#count"), ada.get_by_role("complementary", name="Who is here")
    await expect(count).to_have_text("1 here")
    await expect(people).to_be_hidden()
    await count.press("Enter")
    await expect(people).to_be_visible()
    await expect(count).to_have_attribute("aria-expanded", "true")
    await ada.keyboard.press("Tab")
    await ada.keyboard.press("Escape")
    await expect(people).to_be_hidden()
    await count.click()
    await ada.locator("#text").click()
    await expect(people).to_be_hidden()
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_a_token_is_taken_out_of_the_address_and_lives_as_long_as_the_tab(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    token = token_of("ada")
    person = await windows.new_person()
    addresses: list[str] = []
    person.on("page", lambda page: page.on("websocket", lambda socket: addresses.append(socket.url)))
    ada = await windows.open(f"{jwt_engine.engine.url}/?room={room}&token={token}", person)
    await expect(ada.locator("#members li")).to_have_text(["AAda (you)"])
    await expect(ada.get_by_label("Name")).to_have_value("Ada")
    assert ada.url == f"{jwt_engine.engine.url}/?room={room}"
    await ada.reload()
    await expect(ada.locator("#members li")).to_have_text(["AAda (you)"])
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator("#members li")).to_have_text(["AAda (you)"])
    assert len(addresses) == 2
    assert not any(token in address for address in (ada.url, *addresses))
    assert token not in await ada.evaluate("JSON.stringify(localStorage)")
    stranger = await person.new_page()
    await stranger.goto(f"{jwt_engine.engine.url}/?room={room}")
    await expect(stranger.locator("#status")).to_have_text("Rejected or unreachable")


async def test_a_token_that_has_ended_is_said_to_be_the_likely_reason(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    ended = token_of("ada", exp=int(time.time()) - 60)
    ada = await windows.open(
        f"{jwt_engine.engine.url}/?room={room}&token={ended}", await windows.new_person(320, 568)
    )
    await expect(ada.locator("#status")).to_have_text("Rejected or unreachable. Your link may have expired.")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_a_deleted_message_leaves_every_screen(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await known(windows, jwt_engine, "mia", room, moderator=True)
    ada = await known(windows, jwt_engine, "ada", room)
    await say(ada, "what nobody should read")
    await expect(ada.locator("summary")).to_be_hidden()
    await act(mia, "what nobody should read", "Delete")
    for page in (mia, ada):
        await expect(page.locator(".message .text")).to_have_text(["Deleted by a moderator"])
    await ada.reload()
    await expect(ada.locator(".message .text")).to_have_text(["Deleted by a moderator"])
    assert windows.console_errors == []


async def test_who_is_sent_out_reads_why_and_until_when_and_can_ask_again(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await known(windows, jwt_engine, "mia", room, moderator=True)
    ada = await known(windows, jwt_engine, "ada", room)
    await say(ada, "nonsense")
    await act(mia, "nonsense", "Ban")
    await expect(ada.locator("#outside .reason")).to_contain_text("Mia banned you until")
    await expect(ada.locator("#composer")).to_be_hidden()
    await expect(ada.locator("#count")).to_have_text("Who is here")
    await expect(mia.locator(".note")).to_contain_text("Mia banned Ada until")
    await expect(mia.locator("#members .name")).to_have_text(["Mia"])
    await ada.get_by_role("button", name="Try again").click()
    await expect(ada.locator("#outside .reason")).to_have_text("You may not enter this room, or not now.")
    async with frame_client(jwt_engine.url, token=token_of("max", **MODERATOR), room=room) as other:
        await other.request(action="ban", room=room, user="ada", seconds=0)
    await ada.get_by_role("button", name="Try again").click()
    await expect(ada.locator("#composer")).to_be_visible()
    await say(ada, "sorry")
    await expect(mia.locator(".message .text")).to_have_text(["nonsense", "sorry"])
    assert windows.console_errors == []


async def test_who_is_muted_reads_why_nothing_is_sent(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await known(windows, jwt_engine, "mia", room, moderator=True)
    ada = await known(windows, jwt_engine, "ada", room)
    await say(ada, "nonsense")
    await act(mia, "nonsense", "Mute")
    await expect(ada.locator(".note")).to_contain_text("Mia muted you until")
    await say(ada, "more of it")
    await expect(ada.locator(".failure .reason")).to_have_text(
        "A moderator has muted you in this room for a while."
    )
    await expect(mia.locator(".message")).to_have_count(1)


async def test_a_closed_room_and_a_slow_one_say_so(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    ada = await known(windows, jwt_engine, "ada", room)
    async with frame_client(jwt_engine.url, token=token_of("max", **MODERATOR), room=room) as other:
        await other.request(action="lock", room=room, locked=True)
        await expect(ada.locator(".note")).to_contain_text("Max locked the room")
        await say(ada, "Hello?")
        await expect(ada.locator(".failure .reason")).to_have_text("This room is locked: nobody can write.")
        await other.request(action="lock", room=room, locked=False)
        await other.request(action="slow_mode", room=room, seconds=3600)
        await expect(ada.locator(".note").last).to_contain_text("each user can write once in an hour")
        await ada.get_by_role("button", name="Try again").click()
        await expect(ada.locator(".mine .delivery")).to_have_text(["Sent"])
        await say(ada, "and so on")
        await expect(ada.locator(".mine .delivery").last).to_contain_text("Too fast: will be sent at")
        await other.request(action="slow_mode", room=room, seconds=0)
        await expect(ada.locator(".mine .delivery").last).to_have_text("Sent")


async def test_the_tools_are_of_no_use_to_who_is_no_moderator(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    ada = await windows.open(
        f"{jwt_engine.engine.url}/?room={room}&token={token_of('ada')}&moderator", await windows.new_person()
    )
    await say(ada, "mine")
    await expect(ada.locator(".mine .delivery")).to_have_text("Sent")
    await act(ada, "mine", "Delete")
    await expect(ada.locator(".note")).to_have_text("Only a moderator can do that.")
    await expect(ada.locator(".message .text")).to_have_text(["mine"])


async def test_above_the_presence_limit_the_page_shows_a_number(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_members(engine, room, 400)
    ada = await windows.page("Ada", room)
    await expect(ada.locator("#count")).to_have_text(re.compile(r"^about \d+ here$"))
    await expect(ada.locator("#unlisted")).to_be_visible()
    await expect(ada.locator("#members li")).to_have_count(0)
