"""Rooms of the page as places: what is begun in each, in Chromium."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import WebSocket, expect

from local.engine import Engine
from tests.e2e.support.browser.example_chat import listed
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows, Network, fill_in, say
from tests.e2e.support.browser.written import use, write_history
from tests.e2e.support.clients import frame_client
from tests.support.waiting import TIMEOUT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_a_draft_stays_in_its_room_outlives_the_tab_and_reaches_the_other_tab(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person = await windows.new_person()
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    field = ada.locator("#text")
    await say(ada, "What is the plan?")
    await expect(ada.locator(".message[data-delivery=sent]")).to_have_count(1)
    await use(ada, "What is the plan?", "Reply")
    await field.fill("only for the first")
    await fill_in(ada, "Room", f"{room}-b")
    await expect(field).to_have_value("")
    await expect(ada.locator("#answering")).to_be_hidden()
    await field.press("Enter")  # In the other room there is nothing to be sent.
    await field.fill("for the second")
    await ada.close()
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    other = await windows.open(f"{engine.url}/?room={room}", person)
    for tab in (ada, other):
        await expect(tab.locator("#text")).to_have_value("only for the first")
        await expect(tab.locator("#answered")).to_contain_text("What is the plan?")
    await other.locator("#text").fill("only for us")
    await expect(ada.locator("#text")).to_have_value("only for us")
    await ada.locator("#text").press("Enter")
    for tab in (ada, other):
        await expect(tab.locator("#text")).to_have_value("")
        await expect(tab.locator("#answering")).to_be_hidden()
        await expect(tab.locator(".message .text")).to_have_text(["What is the plan?", "only for us"])
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator("#text")).to_have_value("for the second")
    await ada.locator("#text").fill("")
    await expect(ada.locator("#welcome label")).to_contain_text("What shall we call you?")
    await other.locator("#called").fill("Ada Lovelace")
    await other.locator("#called").press("Enter")
    for tab in (ada, other):  # The name is that of all tabs.
        await expect(tab.locator("#self")).to_have_text("Ada Lovelace")
        await expect(tab.locator("#welcome")).to_be_hidden()
    await ada.reload()
    await expect(ada.locator("#text")).to_have_value("")
    await expect(ada.locator("#self")).to_have_text("Ada Lovelace")
    assert windows.console_errors == []


async def test_a_draft_is_kept_at_once_when_its_tab_is_hidden(windows: BrowserWindows, room: str) -> None:
    ada = await windows.page("Ada", room)
    kept = await ada.evaluate(
        """() => {
            const field = document.querySelector("#text");
            field.value = "half a thou";
            field.dispatchEvent(new Event("input"));
            Object.defineProperty(document, "hidden", { get: () => true });
            document.dispatchEvent(new Event("visibilitychange"));
            return JSON.stringify(sessionStorage);
        }"""
    )
    assert "half a thou" in kept


async def test_rooms_are_places_that_back_and_forward_lead_to_offline_too(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["in the first"])
    await write_history(engine, f"{room}-b", ["in the second"])
    person, network = await windows.new_person(), Network()
    await network.of(person)
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    texts = ada.locator(".message .text")
    await expect(texts).to_have_text(["in the first"])
    await ada.locator("#add").click()
    await ada.get_by_label("Room", exact=True).fill("half-typed-na")
    await ada.locator("#text").click()  # To leave the field is not to leave the room.
    await ada.get_by_label("Room", exact=True).press("Escape")
    await expect(ada.locator("#add")).to_be_focused()
    await expect(texts).to_have_text(["in the first"])
    await ada.locator("#add").click()
    offered = ada.locator("#known-rooms option")
    values = await offered.evaluate_all("options => options.map(({ value }) => value)")
    assert sorted(values) == sorted(["lobby", room])
    await ada.get_by_label("Room", exact=True).fill(f"#{room}-b")
    await ada.get_by_role("button", name="Enter", exact=True).click()
    await expect(texts).to_have_text(["in the second"])
    await network.go_down()
    for go, shown in [(ada.go_back, "first"), (ada.go_forward, "second"), (ada.go_back, "first")]:
        await go()
        await expect(texts).to_have_text([f"in the {shown}"])
    await fill_in(ada, "Room", f" {room.upper()}-B ")  # It is known in other letters.
    await expect(texts).to_have_text(["in the second"])
    assert ada.url.endswith(f"room={room}-b")
    await ada.reload()
    await expect(texts).to_have_text(["in the second"])  # As it was seen last: nothing can be asked.
    network.is_down = False
    await write_history(engine, f"{room}-b", ["and goes on"])
    await ada.evaluate("window.dispatchEvent(new Event('online'))")
    await expect(texts).to_have_text(["in the second", "and goes on"])


async def test_the_side_bar_tells_what_is_new_elsewhere_and_nothing_moves_under_the_pointer(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, frames = await windows.new_person(), list[str]()

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    person.on("page", lambda page: page.on("websocket", listen))
    ada = await windows.open(f"{engine.url}/?name=Ada&room={room}-a", person)
    grace = await windows.page("Grace", f"{room}-b")
    for name in "bcd":
        await fill_in(ada, "Room", f"{room}-{name}")
        await expect(ada.locator("#empty")).to_be_visible()
    lines = ada.locator(".room-line .of").filter(has_text=room)
    titles = ada.locator(".room-lists h2")
    await expect(lines).to_have_text([f"{room}-{name}" for name in "abcd"])
    await expect(titles).to_have_text(["Rooms"])
    await expect(ada.locator(".room-line [aria-current=page] .of")).to_have_text(f"{room}-d")
    await ada.locator("#text").fill("to be continued")
    await lines.nth(0).click()
    await expect(ada.locator("#text")).to_be_focused()
    await say(grace, "Is anybody here?")
    badge = ada.locator(".room-line").filter(has_text=f"{room}-b").locator(".badge")
    await expect(badge).to_have_text("1")
    await expect(lines).to_have_text([f"{room}-{name}" for name in "abcd"])  # The pointer is still there.
    await ada.locator("#text").hover()
    await expect(lines).to_have_text([f"{room}-{name}" for name in "bacd"])
    await expect(titles).to_have_text(["Unread", "Rooms"])
    tops = [box["y"] for title in await titles.all() if (box := await title.bounding_box())]
    line = await lines.first.bounding_box()
    assert line is not None and tops[0] < line["y"] < tops[1]
    await expect(ada.locator(".badge[data-kind=draft]")).to_have_count(1)
    await ada.locator(".room-line").filter(has_text=f"{room}-c").hover()
    await ada.get_by_role("button", name=f"Actions for {room}-c").click()
    await ada.get_by_role("menuitem", name="Star").click()
    await expect(titles).to_have_text(["Unread", "Rooms"])  # The focus is back in the list.
    await ada.locator("#text").click()
    await expect(titles).to_have_text(["Unread", "Starred", "Rooms"])
    await ada.locator(".room-line").filter(has_text=f"{room}-c").hover()
    await ada.get_by_role("button", name=f"Actions for {room}-c").click()
    await ada.get_by_role("menuitem", name="Mute", exact=True).click()
    await expect(ada.locator(".room-line").filter(has_text=f"{room}-c").locator(".badge")).to_have_text(
        "muted"
    )
    for opener in (ada.get_by_role("button", name="Actions for this room"), ada.locator("#title")):
        await opener.click()  # The header has the menu of the open room.
        await expect(ada.get_by_role("menu", name=f"Actions for {room}-a")).to_be_visible()
        await ada.keyboard.press("Escape")
    await ada.get_by_role("button", name="Actions for this room").click()
    await ada.get_by_role("menuitem", name="Star").click()
    starred = ada.get_by_role("list", name="Starred").locator(".of")
    await expect(starred).to_have_text([f"{room}-a", f"{room}-c"])
    await ada.get_by_role("button", name="Actions for this room").click()
    await ada.get_by_role("menuitem", name="Remove the star").click()
    await expect(starred).to_have_text([f"{room}-c"])
    async with frame_client(engine.socket_url, name="Edsger", room=f"{room}-c") as edsger:
        async with asyncio.timeout(TIMEOUT):  # Its messages need not come: the page has left it.
            while (await edsger.request(action="presence", room=f"{room}-c"))["count"] > 1:
                await asyncio.sleep(0.05)
        await edsger.send(f"{room}-c", "to those who listen")
    await say(grace, "And now?")
    await expect(badge).to_have_text("2")
    assert not any("to those who listen" in frame for frame in frames)
    await lines.filter(has_text=f"{room}-b").click()
    await expect(ada.locator(".message .text")).to_have_text(["Is anybody here?", "And now?"])
    await ada.locator("#text").hover()
    await expect(titles).to_have_text(["Starred", "Rooms"])
    await ada.set_viewport_size({"width": 390, "height": 844})
    await ada.get_by_role("button", name="Rooms", exact=True).click()
    await expect(ada.locator("#text")).to_be_hidden()
    await lines.filter(has_text=f"{room}-d").click()
    await expect(ada.locator("#text")).to_have_value("to be continued")
    await ada.go_back()
    await expect(ada.locator("#text")).to_be_hidden()
    await ada.reload()
    await expect(lines).to_have_text([f"{room}-{name}" for name in "cabd"])
    assert windows.console_errors == []


async def test_what_is_new_in_twelve_rooms_needs_the_history_of_none(
    windows: BrowserWindows, engine: Engine
) -> None:
    listed_rooms = [listed(f"room-{n:02}", n, n % 3) for n in range(1, 13)]
    page = await open_scripted(windows, engine, 3, script=f"chat.listed = {json.dumps(listed_rooms)};")
    lines = page.locator(".room-line").filter(has_text="room-")
    await expect(lines).to_have_count(12)
    for each in listed_rooms:
        badge = lines.filter(has_text=each["room"]).locator(".badge")
        await expect(badge).to_have_text(f"@{each['mentions']}" if each["mentions"] else str(each["unread"]))
    requests = await page.evaluate("chat.requests")
    assert {each["room"] for each in requests if each["action"] in {"join", "history"}} == {"lobby"}
