"""The two pages in Chromium, against the local engine."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from local.engine import Engine

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

PLAIN = Path(__file__).parent.parent.parent / "web" / "plain.html"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Windows:
    """Browser windows of people who share nothing, and what their consoles complained of."""

    def __init__(self, browser: Browser, engine: Engine) -> None:
        self._browser = browser
        self._engine = engine
        self.complaints: list[str] = []

    async def page(self, name: str, room: str, width: int = 1280, height: int = 800) -> Page:
        page = await self._open(f"{self._engine.url}/?name={name}&room={room}", width, height)
        await expect(page.locator("#status")).to_have_attribute("data-state", "open")
        return page

    async def plain(self, room: str) -> Page:
        endpoint = f"{self._engine.socket_url}?room={room}"
        page = await self._open(f"{PLAIN.as_uri()}?endpoint={endpoint}", 800, 600)
        await page.get_by_role("button", name="Connect", exact=True).click()
        await expect(page.locator("#state")).to_have_text("open")
        return page

    async def _open(self, url: str, width: int, height: int) -> Page:
        context = await self._browser.new_context(viewport={"width": width, "height": height})
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda line: self.complaints.append(line.text) if line.type in {"error", "warning"} else None,
        )
        await page.goto(url)
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def windows(browser: Browser, engine: Engine) -> AsyncIterator[Windows]:
    windows = Windows(browser, engine)
    yield windows
    for context in browser.contexts:
        await context.close()


async def say(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def test_two_windows_of_the_page_chat(windows: Windows, room: str) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await say(ada, "Hello Grace!")
    await expect(grace.locator(".message")).to_have_count(1)
    await expect(grace.locator(".message .name")).to_have_text("Ada")
    await expect(grace.locator(".message .text")).to_have_text("Hello Grace!")
    await say(grace, "Hello Ada!")
    await expect(ada.locator(".message .text")).to_have_text(["Hello Grace!", "Hello Ada!"])
    await expect(ada.locator(".mine .delivery")).to_contain_text("Sent")
    assert windows.complaints == []


async def test_three_windows_of_the_plain_page_from_disk_chat(windows: Windows, room: str) -> None:
    pages = [await windows.plain(room) for _ in range(3)]
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
    assert windows.complaints == []


async def test_both_pages_hear_each_other(windows: Windows, room: str) -> None:
    ada, bare = await windows.page("Ada", room), await windows.plain(room)
    await say(ada, "from the page")
    await expect(bare.locator("#log li")).to_have_text(["from the page"])
    await bare.get_by_role("button", name="Send").click()
    await expect(ada.locator(".message .text")).to_have_text(["from the page", "Hi from websocket!"])


async def test_what_people_write_is_text_and_never_markup(windows: Windows, room: str) -> None:
    attack = f"<img src=x onerror=\"document.title='{uuid.uuid4().hex}'\"><b>bold</b>"
    ada, bare = await windows.page("<i>Ada</i>", room), await windows.plain(room)
    other = await windows.page("Grace", room)
    await say(ada, attack)
    await expect(other.locator(".message .text")).to_have_text(attack)
    await expect(other.locator(".message .name")).to_have_text("<i>Ada</i>")
    await expect(bare.locator("#log li")).to_have_text([attack])
    for page in (ada, other, bare):
        assert await page.locator(".message img, .message b, .name i, #log img").count() == 0


async def test_a_closed_socket_heals_and_what_was_written_meanwhile_arrives(
    windows: Windows, engine: Engine, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await ada.context.set_offline(True)
    await ada.evaluate("window.dispatchEvent(new Event('offline'))")
    table = engine.stack.tables["ConnectionsTable"].name
    page = await engine.services.dynamodb(
        "Query",
        {
            "TableName": table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": f"ROOM#{room}"}},
        },
    )
    (connection_id,) = [row["sk"]["S"][4:] for row in page["Items"] if row["name"]["S"] == "Ada"]
    await grace.request.delete(f"{engine.url}/prod/@connections/{connection_id}")
    await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
    await say(ada, "written while away")
    await ada.context.set_offline(False)
    await expect(ada.locator("#status")).to_have_attribute("data-state", "open", timeout=15_000)
    await expect(grace.locator(".message .text")).to_have_text(["written while away"])


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (320, 568)])
async def test_nothing_sticks_out_of_the_window(windows: Windows, room: str, width: int, height: int) -> None:
    ada = await windows.page("Ada", room, width, height)
    await say(ada, "a" * 300 + " and words " * 40)
    await expect(ada.locator(".message")).to_have_count(1)
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = await ada.locator("#send").bounding_box()
    assert box is not None and box["y"] + box["height"] <= height
