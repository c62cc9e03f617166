"""Messages as rows, their tools, and the composer, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, Network, all_sent, say
from tests.e2e.support.browser.written import message, numbered, react, use, write_history
from tests.e2e.support.clients import frame_client
from tests.e2e.support.jwt_engine import JwtEngine, token_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

MODERATOR = {"roles": ["moderator"]}


async def height(page: Page, text: str) -> float:
    return float(await message(page, text).evaluate("row => row.getBoundingClientRect().height"))


async def style(page: Page, text: str, name: str) -> str:
    return str(await message(page, text).evaluate("(row, name) => getComputedStyle(row)[name]", name))


async def test_messages_are_rows_with_tools_that_keys_reach(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, numbered(1, 40))
    ada = await windows.page("Ada", room)
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await say(ada, "first of mine")
    await say(ada, "second of mine")
    await all_sent(ada)
    await expect(ada.locator(".arrives")).to_have_count(0)
    # A block has one name, and rows of 58 and 26 pixels.
    await expect(message(ada, "first of mine").locator(".name")).to_have_text("You")
    assert round(await height(ada, "first of mine")) == 58
    assert round(await height(ada, "second of mine")) == 26
    tops = [
        await message(ada, text).locator(".text").evaluate("text => text.getBoundingClientRect().top")
        for text in ("first of mine", "second of mine")
    ]
    assert tops[1] - tops[0] == pytest.approx(await height(ada, "second of mine"), abs=0.5)
    times = [message(ada, text).locator("time") for text in ("first of mine", "second of mine")]
    await expect(times[0]).not_to_have_css("color", "rgba(0, 0, 0, 0)")
    await expect(times[1]).to_have_css("color", "rgba(0, 0, 0, 0)")
    await message(ada, "second of mine").hover()
    await expect(times[1]).not_to_have_css("color", "rgba(0, 0, 0, 0)")

    # The tools are on the row that is pointed at, and no stops of Tab.
    tools = ada.locator(".tools:visible button")
    assert [await tool.get_attribute("aria-label") for tool in await tools.all()] == [
        "React",
        "Reply",
        "More",
    ]
    assert await ada.locator('.message button:visible:not([tabindex="-1"])').count() == 0

    # The menu: arrows move in it, Escape closes it alone and gives the focus back.
    await tools.last.click()
    menu = ada.get_by_role("menu")
    await expect(menu.get_by_role("menuitem").first).to_be_focused()
    await expect(menu.get_by_role("menuitem", name="Delete")).to_be_visible()
    await ada.keyboard.press("ArrowUp")
    await expect(menu.get_by_role("menuitem").last).to_be_focused()
    await expect(menu.get_by_role("menuitem").last).to_have_text(re.compile(r"20\d\d.* [\d:]+"))
    await ada.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitem", name="Reply")).to_be_focused()
    await ada.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(message(ada, "second of mine")).to_be_focused()

    # Keys of a message, and a reaction that is none of the usual ones.
    await ada.keyboard.press("c")
    await expect(ada.get_by_role("status").get_by_text("Copied.")).to_be_visible()
    assert await ada.evaluate("navigator.clipboard.readText()") == "second of mine"
    await ada.keyboard.press("l")
    assert re.search(rf"room={room}&at=42$", await ada.evaluate("navigator.clipboard.readText()"))
    await ada.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    await ada.keyboard.press("c")
    await expect(ada.locator("#feedback")).to_have_text("This browser does not let the page copy.")
    await ada.keyboard.press("+")
    await ada.get_by_role("textbox", name="Any emoji").fill("🦜")
    await ada.keyboard.press("Enter")
    await expect(message(ada, "second of mine").locator(".reactions button")).to_have_text(["🦜 1"])
    await react(ada, "first of mine", "Heart")
    await expect(message(ada, "first of mine").locator(".reactions button")).to_have_text(["❤️ 1"])

    # A deletion can be undone; the arrow up in the empty field edits the last message.
    await message(ada, "second of mine").focus()
    await ada.keyboard.press("Delete")
    gone = ada.locator(".message", has_text="Deleted.")
    await gone.get_by_role("button", name="Undo").click()
    await expect(message(ada, "second of mine")).to_be_visible()
    await ada.locator("#text").press("ArrowUp")
    field = ada.get_by_label("New text of the message")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("second of mine")
    await field.fill("second, mended")
    await field.press("Enter")
    await expect(message(ada, "second, mended").locator(".edited")).to_be_visible()

    # The composer scrolls the messages, and takes a letter that nothing else takes.
    box = ada.locator("#scroll")
    end = await box.evaluate("box => box.scrollTop")
    await ada.locator("#text").press("PageUp")
    assert await box.evaluate("box => box.scrollTop") < end
    await ada.locator("#text").press("Control+Home")
    await expect(message(ada, "message 1")).to_be_in_viewport()
    await ada.locator("#text").press("Control+End")
    await expect(message(ada, "second, mended")).to_be_in_viewport()
    await ada.locator("#text").evaluate("field => field.blur()")
    await ada.keyboard.press("h")
    await expect(ada.locator("#text")).to_have_value("h")

    # What is too long goes as several messages.
    long = f"```\n{'a line of code\n' * 280}```"
    await ada.locator("#text").fill(long)
    await expect(ada.get_by_role("button", name="Send as 2 messages")).to_be_visible()
    await ada.locator("#text").press("Control+Enter")
    await all_sent(ada)
    await expect(ada.locator(".message.mine")).to_have_count(4)
    await expect(ada.locator(".message.mine pre")).to_have_count(2)

    # Mirrored; in high contrast each row has an edge, and mine the thicker one; nothing moves if so asked.
    await ada.evaluate("document.documentElement.dir = 'rtl'")
    name, text = (message(ada, "first of mine").locator(part) for part in (".avatar", ".text"))
    boxes = [await part.bounding_box() for part in (name, text)]
    assert boxes[0] and boxes[1] and boxes[0]["x"] > boxes[1]["x"] + boxes[1]["width"]
    await ada.emulate_media(forced_colors="active", reduced_motion="reduce")
    assert await style(ada, "first of mine", "borderTopWidth") == "1px"
    assert await style(ada, "first of mine", "borderRightWidth") == "4px"
    assert await style(ada, "message 40", "borderRightWidth") == "0px"
    assert (
        await ada.evaluate("document.getAnimations().filter(each => each.effect.getTiming().duration).length")
        == 0
    )
    assert windows.console_errors == []


async def test_fingers_begin_a_line_with_enter_and_open_a_sheet_with_a_tap(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Lunch?"])
    person = await windows.new_person(390, 844, has_touch=True, is_mobile=True)
    ada = await windows.open(f"{engine.url}/?name=Ada&room={room}", person)
    field = ada.locator("#text")
    await field.fill("one")
    await expect(field).to_have_attribute("enterkeyhint", "enter")
    await field.press("Enter")
    await field.press_sequentially("two")
    await ada.get_by_role("button", name="Send", exact=True).tap()
    await expect(ada.locator(".mine .text")).to_have_text(["one\ntwo"])
    await message(ada, "Lunch?").tap()
    sheet = ada.get_by_role("menu")
    box = await sheet.bounding_box()
    assert box and (round(box["x"]), round(box["width"]), round(box["y"] + box["height"])) == (0, 390, 844)
    for item in await sheet.get_by_role("menuitem", disabled=False).all():  # The others only tell.
        size = await item.bounding_box()
        assert size and size["height"] >= 44
    await sheet.get_by_role("menuitem", name="Reply").tap()
    await expect(ada.locator("#answering")).to_be_visible()

    # With letters of twice the size, and the spaces that people may set, nothing sticks out.
    await ada.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await ada.evaluate(
        """Object.assign(document.body.style,
            { letterSpacing: "0.12em", wordSpacing: "0.16em", lineHeight: "1.5" })"""
    )
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert windows.console_errors == []


async def test_what_waits_and_what_fails_says_so_and_can_be_taken_back(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    person, network = await windows.new_person(), Network()
    await network.of(person)
    ada = await windows.open(f"{jwt_engine.engine.url}/?room={room}#token={token_of('ada')}", person)
    await say(ada, "before")
    await all_sent(ada)
    await network.go_down()
    await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
    await say(ada, "the first that waits")
    waiting = message(ada, "the first that waits")
    await expect(waiting.locator(".delivery")).to_be_visible()
    await expect(waiting.locator(".clock")).to_be_visible()
    assert round(await height(ada, "the first that waits")) == 26
    await say(ada, "the second")
    await say(ada, "taken back")
    await expect(message(ada, "taken back")).to_be_visible()
    await ada.locator("#text").press("Control+z")
    await expect(ada.locator("#text")).to_have_value("taken back")
    await expect(message(ada, "taken back")).to_have_count(0)

    async with frame_client(jwt_engine.url, token=token_of("max", **MODERATOR), room=room) as other:
        await other.request(action="lock", room=room, locked=True)
        network.is_down = False
        await ada.evaluate("window.dispatchEvent(new Event('online'))")
        await expect(ada.locator("#outside")).to_contain_text("only moderators can write")
        failed = ada.locator('.message[data-delivery="failed"]')
        await expect(failed).to_have_count(2)
        await expect(failed.first.locator(".failure")).to_contain_text("This room is locked")
        await failed.first.get_by_role("button", name="Discard").click()
        await expect(failed.locator(".text")).to_have_text(["the second"])
        await other.request(action="lock", room=room, locked=False)
    await expect(ada.locator("#text")).to_have_value("taken back")
    await expect(ada.locator("#text")).to_be_visible()  # A hidden field takes no focus.
    await failed.get_by_role("button", name="Edit").click()
    await expect(failed).to_have_count(0)
    await expect(ada.locator("#text")).to_be_focused()
    await expect(ada.locator("#text")).to_have_value("the second\n\ntaken back")
    await ada.locator("#text").press("Enter")
    await all_sent(ada)
    await expect(ada.locator(".mine .text")).to_have_text(["before", "the second\n\ntaken back"])
    assert windows.console_errors == []


async def test_who_never_wrote_can_be_moderated_and_a_room_slowed_down(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    link = f"{jwt_engine.engine.url}/?room={room}"
    mia, ada = [
        await windows.open(f"{link}#token={token}", await windows.new_person())
        for token in (token_of("mia", **MODERATOR), token_of("ada"))
    ]
    await ada.locator("#text").fill("a draft")
    await expect(ada.get_by_role("button", name="Moderate the room")).to_be_hidden()
    await mia.locator("#count").click()
    person = mia.get_by_role("button", name="Moderate Ada")
    await person.press("Enter")
    await mia.get_by_role("menuitem", name="Mute").press("ArrowRight")
    await mia.get_by_role("menuitem", name="1 hour").press("Enter")
    await expect(ada.locator("#outside")).to_contain_text("Mia muted you until")
    await expect(person).to_be_focused()
    await person.press("Enter")
    await expect(mia.get_by_role("menuitem", name="Mute")).to_contain_text("until")
    await mia.get_by_role("menuitem", name="Mute").press("Enter")
    await mia.get_by_role("menuitem", name="Let write again").press("Enter")
    await expect(ada.locator("#text")).to_have_value("a draft")
    await expect(ada.locator("#composer")).to_be_visible()

    await mia.get_by_role("button", name="Moderate the room").click()
    await mia.get_by_role("menuitem", name="Slow mode").press("Enter")
    await mia.get_by_role("menuitemradio", name="1 hour").press("Enter")
    await ada.locator("#text").press("Enter")
    await expect(ada.locator("#send")).to_have_attribute("data-wait", re.compile(r"^(1:00:00|59:\d\d)$"))
    await say(ada, "too early")
    await expect(message(ada, "too early").locator(".delivery")).to_contain_text("Slow mode: at")
    await ada.locator("#text").press("Control+z")
    await expect(ada.locator("#text")).to_have_value("too early")
    await mia.get_by_role("button", name="Moderate the room").click()
    await expect(mia.get_by_role("menuitem", name="Slow mode")).to_contain_text("1 hour")
    await mia.get_by_role("menuitemradio", name="Only moderators may write").press("Enter")
    await expect(ada.locator("#outside")).to_contain_text("only moderators can write")
    await use(mia, "a draft", "Ban", "1 day")
    await expect(ada.locator("#outside")).to_contain_text("Mia banned you until")
    await mia.get_by_role("button", name="Moderate the room").click()
    await mia.get_by_role("menuitem", name="Ada").press("Enter")
    await mia.get_by_role("menuitem", name="Ban").press("Enter")
    await mia.get_by_role("menuitem", name="Let in again").press("Enter")
    await ada.get_by_role("button", name="Try again").click()
    await expect(ada.locator(".message .text")).to_have_text(["a draft"])
    assert windows.console_errors == []


async def test_a_thread_is_read_and_answered_in_the_pane(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        await edsger.send(room, "Lunch?")
        await edsger.send(room, "Something else")
        await edsger.send(room, "At one?", reply_to=1)
        await edsger.send(room, "Or two?", reply_to=3)
    ada = await windows.page("Ada", room)
    line = ada.locator("#messages .message", has_text="Lunch?").first.locator(".thread")
    await expect(line).to_have_text(re.compile(r"^2 replies · last at "))
    await line.click()
    thread = ada.get_by_role("dialog", name="Thread")
    texts = thread.locator(".message .text")
    await expect(texts).to_have_text(["Lunch?", "At one?", "Or two?"])
    field = thread.get_by_label("Reply in the thread")
    await expect(field).to_be_focused()
    await field.fill("One.")
    await field.press("Enter")
    await expect(texts).to_have_text(["Lunch?", "At one?", "Or two?", "One."])
    await expect(ada.locator("#messages .message").last.locator(".quote .words")).to_have_text("Lunch?")
    await expect(line).to_have_text(re.compile(r"^3 replies"))
    await ada.keyboard.press("Escape")
    await expect(thread).to_be_hidden()
    await ada.locator("#messages .message").last.focus()
    await ada.keyboard.press("t")
    await expect(thread).to_be_visible()
    assert windows.console_errors == []
