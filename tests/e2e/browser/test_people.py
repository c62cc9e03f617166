"""Presence, typing, moderators and tokens of the page, in Chromium."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, fill_in, say
from tests.e2e.support.browser.written import message, use
from tests.e2e.support.clients import frame_client
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.e2e.support.members import write_members

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

MODERATOR = {"roles": ["moderator"]}


async def record_counts(page: Page) -> None:
    """Make the page record all texts of its count from now on."""
    await page.evaluate(
        """() => {
            window.counts = [];
            const count = document.querySelector("#count");
            const look = () => window.counts.push(count.textContent);
            new MutationObserver(look).observe(count, { childList: true });
        }"""
    )


async def open_with_token(
    windows: BrowserWindows,
    jwt_engine: JwtEngine,
    user: str,
    room: str,
    *,
    moderator: bool = False,
    width: int = 1280,
) -> Page:
    """Open a window with a token."""
    token = token_of(user, **(MODERATOR if moderator else {}))
    page = await windows.open(
        f"{jwt_engine.engine.url}/?room={room}#token={token}", await windows.new_person(width)
    )
    await expect(page.locator("#members .self:not([hidden])")).to_have_count(1)
    return page


async def test_a_person_is_listed_once_with_any_number_of_tabs(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    ada = await windows.page("Ada", room)
    members = ada.locator("#members li")
    await expect(members).to_have_text(["Ada (you)"])
    person = await windows.new_person()
    tabs = [await windows.open(f"{engine.url}/?room={room}", person) for _ in range(2)]
    for page in (ada, *tabs):
        await expect(page.locator("#count")).to_have_text("2 here")
        await expect(page.locator("#members li")).to_have_count(2)
    await record_counts(ada)
    await tabs[0].close()
    await say(tabs[1], "still here")
    await expect(ada.locator(".message")).to_have_count(1)
    await tabs[1].close()
    await expect(members).to_have_text(["Ada (you)"])
    assert await ada.evaluate("window.counts") == ["1 here"]
    assert windows.console_errors == []


async def test_a_person_has_one_colour_everywhere(windows: BrowserWindows, room: str) -> None:
    ada = await windows.page("Ada", room)
    await say(ada, "Which colour do I have?")
    await all_sent(ada)
    await ada.locator("#count").click()
    faces = ["#self .avatar", ".message .avatar", ".person .avatar"]
    colours = [
        await ada.locator(face).evaluate("face => getComputedStyle(face).backgroundColor") for face in faces
    ]
    assert len(set(colours)) == 1, colours
    name, you = [await ada.locator(f".person {part}").bounding_box() for part in (".name", ".self")]
    assert name is not None and you is not None
    middles = [box["y"] + box["height"] / 2 for box in (name, you)]
    assert middles[0] == pytest.approx(middles[1], abs=1)


async def test_a_reload_is_not_shown_as_leaving(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(ada.locator("#count")).to_have_text("2 here")
    await record_counts(ada)
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


async def test_the_others_see_who_is_writing_until_the_message_comes(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(grace.locator("#count")).to_have_text("2 here")
    await grace.locator("#text").press_sequentially("Hello")
    await expect(ada.locator("#writing")).to_have_text("Grace is writing…")
    await grace.locator("#text").press("Enter")
    await expect(ada.locator(".message .text")).to_have_text(["Hello"])
    await expect(ada.locator("#writing")).to_be_empty()
    await expect(grace.locator("#writing")).to_be_empty()
    # Screen readers must not read it out: it would never end.
    assert (
        await ada.locator("#writing, #count, #people")
        .locator("xpath=ancestor-or-self::*[@aria-live]")
        .count()
        == 0
    )
    assert windows.console_errors == []


@pytest.mark.parametrize(("width", "is_modal"), [(390, True), (1000, True), (1400, False)])
async def test_the_list_opens_over_the_room_or_beside_it_in_a_wide_window(
    windows: BrowserWindows, room: str, width: int, is_modal: bool
) -> None:
    ada = await windows.page("Ada", room, width, 844)
    count, people = ada.locator("#count"), ada.get_by_role("dialog", name="Who is here")
    await expect(count).to_have_text("1 here")
    await expect(people).to_be_hidden()
    await count.press("Enter")
    await expect(people).to_be_visible()
    await expect(count).to_have_attribute("aria-expanded", "true")
    assert await ada.evaluate("document.querySelector('#pane').matches(':modal')") == is_modal
    await ada.keyboard.press("Escape")
    await expect(people).to_be_hidden()
    await expect(count).to_be_focused()
    await count.click()
    await people.get_by_role("button", name="Close").click()
    await expect(people).to_be_hidden()
    await count.click()
    await ada.mouse.click(10, 422)  # beside it, where the window has a beside
    await expect(people).to_be_hidden() if width == 1000 else await expect(people).to_be_visible()
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_a_token_is_taken_out_of_the_address_and_lives_as_long_as_the_tab(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    token = token_of("ada")
    person = await windows.new_person()
    addresses: list[str] = []
    person.on("page", lambda page: page.on("websocket", lambda socket: addresses.append(socket.url)))
    ada = await windows.open(f"{jwt_engine.engine.url}/?room={room}&token={token}", person)
    await expect(ada.locator("#members li")).to_have_text(["Ada (you)"])
    await expect(ada.locator("#self")).to_have_text("Ada")
    assert ada.url == f"{jwt_engine.engine.url}/?room={room}"
    await ada.reload()
    await expect(ada.locator("#members li")).to_have_text(["Ada (you)"])
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator("#members li")).to_have_text(["Ada (you)"])
    assert len(addresses) == 2
    assert not any(token in address for address in (ada.url, *addresses))
    assert token not in await ada.evaluate("JSON.stringify(localStorage)")
    await ada.goto(f"{ada.url}#token={token_of('bob')}")  # the browser loads nothing for another fragment
    await expect(ada.locator("#members li")).to_have_text(["Bob (you)"])
    assert ada.url == f"{jwt_engine.engine.url}/?room={room}-b"
    stranger = await person.new_page()
    await stranger.goto(f"{jwt_engine.engine.url}/?room={room}")
    await expect(stranger.locator("#trouble")).to_contain_text("cannot be reached, or does not let you in.")


async def test_an_expired_token_is_named_as_the_likely_reason(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    ended = token_of("ada", exp=int(time.time()) - 60)
    ada = await windows.open(
        f"{jwt_engine.engine.url}/?room={room}&token={ended}", await windows.new_person(320, 568)
    )
    await expect(ada.locator("#trouble")).to_contain_text("Your link may have expired.")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def test_a_deleted_message_leaves_every_screen(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await open_with_token(windows, jwt_engine, "mia", room, moderator=True)
    ada = await open_with_token(windows, jwt_engine, "ada", room)
    await say(ada, "what nobody should read")
    await all_sent(ada)
    await say(mia, "what Ada may not delete")
    await message(ada, "what Ada may not delete").focus()
    await ada.keyboard.press("Enter")
    await expect(ada.get_by_role("menuitem")).to_contain_text(["Reply", "React", "Copy text", "Copy link"])
    await ada.keyboard.press("Escape")
    await use(mia, "what nobody should read", "Delete")
    for page in (mia, ada):
        await expect(page.locator(".message .text").first).to_have_text("This message was deleted.")
    await ada.reload()
    await expect(ada.locator(".message .text")).to_have_text(
        ["This message was deleted.", "what Ada may not delete"]
    )
    assert windows.console_errors == []


async def test_a_banned_person_reads_why_and_until_when_also_after_a_reload_and_comes_back(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await open_with_token(windows, jwt_engine, "mia", room, moderator=True)
    ada = await open_with_token(windows, jwt_engine, "ada", room)
    await say(ada, "nonsense")
    await use(mia, "nonsense", "Ban", "10 minutes")
    await expect(ada.locator("#outside .reason")).to_contain_text("Mia banned you until")
    await expect(ada.locator("#composer")).to_be_hidden()
    await expect(ada.locator("#count")).to_have_text("Who is here")
    await expect(mia.locator(".note")).to_contain_text("Mia banned Ada until")
    await expect(mia.locator("#members .name")).to_have_text(["Mia"])
    await ada.get_by_role("button", name="Try again").click()
    await expect(ada.locator("#outside .reason")).to_contain_text("Mia banned you until")
    await ada.reload()
    await expect(ada.locator("#outside .reason")).to_contain_text("Mia banned you until")
    remaining = await ada.locator("#outside .reason").inner_text()
    assert "You are let in again in 9:" in remaining
    await expect(ada.locator("#outside .reason")).not_to_have_text(remaining)  # It counts down.
    await expect(ada.locator(".message, .note")).to_have_count(0)
    async with frame_client(jwt_engine.url, token=token_of("max", **MODERATOR), room=room) as other:
        await other.request(action="ban", room=room, user="ada", seconds=0)
        await ada.get_by_role("button", name="Try again").click()
        await expect(ada.locator("#composer")).to_be_visible()
        await other.request(action="ban", room=room, user="ada", seconds=2)
    await expect(ada.locator("#outside .reason")).to_contain_text("Max banned you until")
    await expect(ada.locator("#composer")).to_be_visible()
    await say(ada, "sorry")
    await expect(mia.locator(".message .text")).to_have_text(["nonsense", "sorry"])
    assert windows.console_errors == []


async def test_a_muted_person_reads_why_nothing_is_sent(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    mia = await open_with_token(windows, jwt_engine, "mia", room, moderator=True)
    ada = await open_with_token(windows, jwt_engine, "ada", room)
    await say(ada, "nonsense")
    await use(mia, "nonsense", "Mute", "10 minutes")
    await expect(ada.locator("#outside .reason")).to_contain_text("Mia muted you until")
    await expect(ada.locator(".note")).to_contain_text("Mia muted you until")
    reason = ada.locator("#outside .reason")
    await ada.reload()  # who comes back is told, too
    await expect(reason).to_contain_text("muted you until")
    await expect(ada.locator("#composer")).to_be_hidden()
    await expect(ada.get_by_role("button", name="Try again")).to_be_hidden()
    await expect(mia.locator("#composer")).to_be_visible()
    await use(mia, "nonsense", "Mute", "Let write again")
    await expect(ada.locator("#composer")).to_be_visible()


async def test_a_locked_room_and_slow_mode_are_shown(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    ada = await open_with_token(windows, jwt_engine, "ada", room)
    async with frame_client(jwt_engine.url, token=token_of("max", **MODERATOR), room=room) as other:
        await other.request(action="lock", room=room, locked=True)
        await expect(ada.locator(".note")).to_contain_text("Max locked the room")
        await expect(ada.locator("#composer")).to_be_hidden()
        await expect(ada.locator("#outside")).to_contain_text("only moderators can write")
        await other.request(action="lock", room=room, locked=False)
        await expect(ada.locator("#composer")).to_be_visible()
        await say(ada, "Hello?")
        await all_sent(ada)
        await other.request(action="slow_mode", room=room, seconds=3600)
        await expect(ada.locator(".note").last).to_contain_text("each user can write once in an hour")
        await say(ada, "Slowly")
        await all_sent(ada)
        await expect(ada.locator("#send")).to_have_attribute("data-wait", re.compile(r"^(1:00:00|59:\d\d)$"))
        await say(ada, "and so on")
        await expect(ada.locator(".mine .delivery").last).to_contain_text("Slow mode: at")
        await other.request(action="slow_mode", room=room, seconds=0)
        await all_sent(ada)


async def test_above_the_presence_limit_the_page_shows_a_number(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_members(engine, room, 400)
    ada = await windows.page("Ada", room)
    await expect(ada.locator("#count")).to_have_text(re.compile(r"^about \d+ here$"))
    await ada.locator("#count").click()
    await expect(ada.locator("#unlisted")).to_be_visible()
    await expect(ada.locator("#members li")).to_have_count(0)
