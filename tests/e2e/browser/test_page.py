"""The two pages in Chromium, against the local engine."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser_windows import BrowserWindows, fill_in, say
from tests.e2e.support.clients import frame_client
from tests.support.logged_engine import LoggedEngine
from tests.support.ports import free_port
from tests.support.project import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


class Shelf(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    """The origin of a static host that has the page, and lives when the engine does not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Shelf, directory=ROOT / "web")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def has_said(engine: Engine, room: str, texts: list[str]) -> None:
    """Somebody has been in the room before."""
    async with frame_client(engine.socket_url, name="Edsger", room=room) as edsger:
        for text in texts:
            await edsger.send(room, text)


def numbered(first: int, last: int) -> list[str]:
    return [f"message {number}" for number in range(first, last + 1)]


async def test_two_windows_of_the_page_chat(windows: BrowserWindows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "Hello Grace!")
    await expect(grace.locator(".message")).to_have_count(1)
    await expect(grace.locator(".message .name")).to_have_text("Ada")
    await expect(grace.locator(".message .text")).to_have_text("Hello Grace!")
    await say(grace, "Hello Ada!")
    await expect(ada.locator(".message .text")).to_have_text(["Hello Grace!", "Hello Ada!"])
    await expect(ada.locator(".mine .delivery")).to_contain_text("Sent")
    assert windows.console_errors == []


async def test_three_windows_of_the_plain_page_from_disk_chat(windows: BrowserWindows, room: str) -> None:
    pages = [await windows.plain_page(room) for _ in range(3)]
    await pages[0].get_by_role("button", name="Send").click()
    for page in pages:
        await expect(page.locator("#log li")).to_have_text(["Hi from websocket!"])
    await pages[1].locator("#text").fill("and again")
    await pages[1].get_by_role("button", name="Send").click()
    for page in pages:
        await expect(page.locator("#log li")).to_have_text(["Hi from websocket!", "and again"])
    await pages[2].get_by_role("button", name="Disconnect").click()
    await expect(pages[2].locator("#state")).to_have_text("closed")
    await pages[0].get_by_role("button", name="Send").click()
    await expect(pages[1].locator("#log li")).to_have_count(3)
    await expect(pages[2].locator("#log li")).to_have_count(2)
    assert windows.console_errors == []


async def test_both_pages_hear_each_other(windows: BrowserWindows, room: str) -> None:
    ada, bare = await windows.page("Ada", room), await windows.plain_page(room)
    await say(ada, "from the page")
    await expect(bare.locator("#log li")).to_have_text(["from the page"])
    await bare.get_by_role("button", name="Send").click()
    await expect(ada.locator(".message .text")).to_have_text(["from the page", "Hi from websocket!"])


async def test_what_people_write_is_text_and_never_markup(windows: BrowserWindows, room: str) -> None:
    attack = f"<img src=x onerror=\"document.title='{uuid.uuid4().hex}'\"><b>bold</b>"
    ada, bare = await windows.page("<i>Ada</i>", room), await windows.plain_page(room)
    other = await windows.page("Grace", room)
    await say(ada, attack)
    await expect(other.locator(".message .text")).to_have_text(attack)
    await expect(other.locator(".message .name")).to_have_text("<i>Ada</i>")
    await expect(bare.locator("#log li")).to_have_text([attack])
    for page in (ada, other, bare):
        assert await page.locator(".message img, .message b, .name i, #log img").count() == 0


async def test_two_tabs_of_one_person_and_the_plain_page_hear_each_other(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person = await windows.new_person()
    tabs = [await windows.open(f"{engine.url}/?room={room}", person) for _ in range(2)]
    bare = await windows.plain_page(room)
    for tab in tabs:
        await expect(tab.locator("#empty")).to_be_visible()
    await say(tabs[0], "from one tab")
    await expect(bare.locator("#log li")).to_have_text(["from one tab"])
    await say(tabs[1], "from the other")
    await expect(bare.locator("#log li")).to_have_count(2)
    await bare.get_by_role("button", name="Send").click()
    for tab in tabs:
        await expect(tab.locator(".message .text")).to_have_text(
            ["from one tab", "from the other", "Hi from websocket!"]
        )
    # Having written, a tab knows its person's messages from those of others.
    await expect(tabs[1].locator(".mine .text")).to_have_text(["from one tab", "from the other"])
    assert windows.console_errors == []


async def test_a_socket_that_the_server_closes_heals(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await expect(ada.locator("#empty")).to_be_visible()
    page = await engine.services.dynamodb(
        "Query",
        {
            "TableName": engine.stack.tables["ConnectionsTable"].name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": f"ROOM#{room}"}},
        },
    )
    (connection_id,) = [row["sk"]["S"][4:] for row in page["Items"] if row["name"]["S"] == "Ada"]
    await grace.request.delete(f"{engine.url}/prod/@connections/{connection_id}")
    await say(grace, "Are you there?")
    await expect(ada.locator(".message .text")).to_have_text(["Are you there?"])
    await say(ada, "Always.")
    await expect(grace.locator(".message .text")).to_have_text(["Are you there?", "Always."])


async def test_what_is_written_without_a_network_arrives_when_there_is_one(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await ada.context.set_offline(True)
    await expect(ada.locator("#status")).to_have_text("Offline")
    await say(ada, "written while away")
    await expect(ada.locator(".message .delivery")).to_have_text("Sending…")
    await say(grace, "said meanwhile")
    await ada.context.set_offline(False)
    await expect(ada.locator(".message .text")).to_have_text(["said meanwhile", "written while away"])
    await expect(ada.locator(".mine .delivery")).to_have_text("Sent")
    await expect(grace.locator(".message .text")).to_have_text(["said meanwhile", "written while away"])


async def test_a_room_shows_its_last_fifty_messages_to_who_enters_and_does_not_announce_them(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await has_said(engine, room, numbered(1, 60))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message .text")).to_have_text(numbered(11, 60))
    await expect(ada.locator(".message").last).to_be_in_viewport()
    news = ada.get_by_role("log")
    await expect(news.locator(".message")).to_have_count(0)
    await has_said(engine, room, ["just now"])
    await expect(news.locator(".message .text")).to_have_text(["just now"])
    await expect(ada.locator(".message")).to_have_count(51)


async def test_scrolling_back_brings_page_after_page_and_nothing_jumps(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    texts = numbered(1, 180)
    texts[70] = "a message of many lines " * 20
    await has_said(engine, room, texts)
    ada = await windows.page("Ada", room)
    messages, start = ada.locator(".message .text"), ada.get_by_text("This is where the history begins.")
    for first in (131, 81, 31, 1):
        await expect(messages).to_have_text(texts[first - 1 :])
        await expect(start).to_be_visible(visible=first == 1)
        if first == 1:
            break
        top = ada.locator(".message").first
        before = await ada.evaluate(
            """() => {
                const region = document.querySelector("#scroll");
                region.scrollTop = 40;
                const [first] = region.querySelectorAll(".message");
                window.anchor = first;
                return first.getBoundingClientRect().bottom;
            }"""
        )
        await expect(messages).not_to_have_count(len(texts) - first + 1)
        after = await ada.evaluate("window.anchor.getBoundingClientRect().bottom")
        assert abs(after - before) <= 1
        assert await top.inner_text() != await ada.evaluate("window.anchor.innerText")
    await say(ada, "back at the end")
    await expect(ada.locator(".message").last).to_be_in_viewport()
    assert windows.console_errors == []


async def test_a_reader_of_old_messages_stays_there_and_is_told_of_new_ones(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await has_said(engine, room, numbered(1, 40))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message")).to_have_count(40)
    await ada.get_by_role("region", name="Messages").press("Home")
    await expect(ada.locator(".message").first).to_be_in_viewport()
    await has_said(engine, room, ["one", "two"])
    newer = ada.get_by_role("button", name="2 new messages")
    await expect(newer).to_be_visible()
    await expect(ada.locator(".message").first).to_be_in_viewport()
    await newer.press("Enter")
    await expect(ada.locator(".message").last).to_be_in_viewport()
    await expect(newer).to_be_hidden()
    await expect(ada.get_by_role("region", name="Messages")).to_be_focused()


async def test_earlier_messages_come_by_a_button_too_for_who_does_not_scroll(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await has_said(engine, room, numbered(1, 60))
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message")).to_have_count(50)
    await ada.get_by_role("button", name="Show earlier messages").dispatch_event("click")
    await expect(ada.locator(".message .text")).to_have_text(numbered(1, 60))


async def test_another_room_is_entered_and_the_first_one_left(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await has_said(engine, f"{room}-b", ["in the second"])
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "in the first")
    await expect(grace.locator(".message")).to_have_count(1)
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator(".message .text")).to_have_text(["in the second"])
    assert f"room={room}-b" in ada.url
    await say(grace, "Where are you?")
    await expect(grace.locator(".delivery")).to_have_text(["", "Sent"])
    await expect(ada.locator(".message .text")).to_have_text(["in the second"])
    await fill_in(ada, "Room", room)
    await expect(ada.locator(".message .text")).to_have_text(["in the first", "Where are you?"])
    assert windows.console_errors == []


async def test_what_waits_in_a_room_is_sent_although_one_looks_at_another(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await ada.context.set_offline(True)
    await say(ada, "for the first")
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator(".message")).to_have_count(0)
    await ada.context.set_offline(False)
    await expect(grace.locator(".message .text")).to_have_text(["for the first"])


async def test_a_new_name_is_heard_at_once_and_what_waits_goes_along(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "as Ada")
    await expect(grace.locator(".message")).to_have_count(1)
    await ada.context.set_offline(True)
    await say(ada, "written as Ada")
    await fill_in(ada, "Name", "Lovelace")
    await say(ada, "as Lovelace")
    await ada.context.set_offline(False)
    await expect(grace.locator(".message .text")).to_have_text(["as Ada", "written as Ada", "as Lovelace"])
    await expect(grace.locator(".message .name").last).to_have_text("Lovelace")
    await expect(ada.locator(".mine .text")).to_have_text(["as Ada", "written as Ada", "as Lovelace"])


async def test_a_window_in_the_background_counts_only_what_is_said_then(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await has_said(engine, room, ["before"])
    person = await windows.new_person()
    await person.add_init_script("Object.defineProperty(document, 'hidden', { get: () => true })")
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(page.locator(".message")).to_have_count(1)
    await has_said(engine, room, ["now", "and now"])
    await expect(page).to_have_title(f"(2) #{room} · Roomcast")


@pytest.mark.timeout(120)
async def test_an_unsent_message_outlives_a_reload_while_the_engine_is_down(
    windows: BrowserWindows, host: str, room: str
) -> None:
    port = free_port()
    ada = await windows.open(
        f"{host}/?name=Ada&room={room}&endpoint=ws://127.0.0.1:{port}/prod", await windows.new_person()
    )
    await say(ada, "into the night")
    await ada.reload()
    await expect(ada.locator(".mine .text")).to_have_text(["into the night"])
    await expect(ada.locator(".mine .delivery")).to_have_text("Sending…")
    await expect(ada.locator("#status")).to_have_text("Rejected or unreachable")
    async with LoggedEngine(port=port, origins=[host]) as engine:
        await ada.evaluate("window.dispatchEvent(new Event('online'))")
        await expect(ada.locator(".mine .delivery")).to_have_text("Sent")
        grace = await windows.open(f"{engine.url}/?room={room}", await windows.new_person())
        await expect(grace.locator(".message .text")).to_have_text(["into the night"])
        await ada.reload()
        await expect(ada.locator(".message .text")).to_have_text(["into the night"])
        await expect(ada.locator(".mine")).to_have_count(1)


@pytest.mark.timeout(180)
async def test_after_a_restart_of_the_engine_everything_is_there_once(
    windows: BrowserWindows, room: str, tmp_path: Path
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(LoggedEngine(port=port, data=tmp_path))
        ada, grace = [
            await windows.open(f"{engine.url}/?name={name}&room={room}", await windows.new_person())
            for name in ("Ada", "Grace")
        ]
        await say(ada, "before")
        await expect(grace.locator(".message")).to_have_count(1)
        await stack.aclose()
        await say(ada, "Ada, while it is down")
        await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
        await say(grace, "Grace, while it is down")
        engine = await stack.enter_async_context(LoggedEngine(port=port, data=tmp_path))
        for page in (ada, grace):
            await page.evaluate("window.dispatchEvent(new Event('online'))")
            await expect(page.locator(".mine .delivery").last).to_have_text("Sent")
        await say(ada, "after")
        async with frame_client(engine.socket_url, room=room) as reader:
            seen = await reader.request(action="history", room=room, after=0)
        texts = [message["message"] for message in seen["messages"]]
        assert sorted(texts) == sorted(
            ["before", "Ada, while it is down", "Grace, while it is down", "after"]
        )
        for page in (ada, grace):
            await expect(page.locator(".message .text")).to_have_text(texts)


async def test_a_log_that_starts_over_goes_on_below_what_was_there(
    windows: BrowserWindows, room: str
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(LoggedEngine(port=port))
        ada = await windows.open(f"{engine.url}/?name=Ada&room={room}", await windows.new_person())
        await say(ada, "one")
        await expect(ada.locator(".mine .delivery")).to_have_text(["Sent"])
        await stack.aclose()
        await stack.enter_async_context(LoggedEngine(port=port))
        await ada.evaluate("window.dispatchEvent(new Event('online'))")
        await expect(ada.locator(".note")).to_have_text("This room's history begins again here.")
        await say(ada, "again")
        await expect(ada.locator(".message .text, .note")).to_have_text(
            ["one", "This room's history begins again here.", "again"]
        )


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
