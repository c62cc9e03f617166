"""What the page loads before its first message, and what it loads later, in Chromium."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import BrowserContext, Route, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, Network, all_sent, say
from tests.e2e.support.browser.written import message, write_history
from tests.support.project import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

NAMED = set(re.findall(r'(?:src|href)="([^":#]+)"', (ROOT / "web" / "index.html").read_text()))


class LateFiles:
    """The files that index.html does not name. The browser gets none of them until `let_go`."""

    def __init__(self) -> None:
        self.held: list[Route] = []
        self._is_free = False

    async def of(self, person: BrowserContext) -> None:
        await person.route("**/*.js", self._hold)

    async def let_go(self) -> None:
        self._is_free = True
        for route in self.held:
            await route.continue_()

    async def _hold(self, route: Route) -> None:
        if self._is_free or any(route.request.url.endswith(f"/{name}") for name in NAMED):
            await route.continue_()
        else:
            self.held.append(route)


async def test_the_files_that_the_document_names_are_enough_to_read_and_to_send(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Hello"])
    person, late = await windows.new_person(), LateFiles()
    await late.of(person)
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(page.locator(".message .text")).to_have_text(["Hello"])
    await say(page, "Hi")
    await all_sent(page)
    assert windows.console_errors == []
    await person.close()


async def test_what_is_typed_while_the_palette_and_the_search_load_is_not_lost(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["a needle", "hay"])
    person, late = await windows.new_person(), LateFiles()
    await late.of(person)
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(page.locator(".message .text")).to_have_count(2)
    await page.keyboard.press("Control+f")
    await page.keyboard.type("needle")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("shortcuts")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#choices > *")).to_have_count(0)
    await late.let_go()
    await expect(page.locator("#choices > *").first).to_contain_text("Keyboard shortcuts")
    await expect(page.locator("#results")).to_contain_text("needle")
    await page.keyboard.press("Enter")
    await expect(page.locator("#keys kbd").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#text")).to_have_value("")
    assert windows.console_errors == []


async def test_a_menu_that_loads_opens_on_its_message_wherever_the_pointer_goes_meanwhile(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Hello", "Hi"])
    person, late = await windows.new_person(), LateFiles()
    await late.of(person)
    page = await windows.open(f"{engine.url}/?room={room}", person)
    hello, other = message(page, "Hello"), message(page, "Hi")
    await hello.hover()
    await hello.get_by_role("button", name="More").click()
    await other.hover()
    await expect(other.locator(".tools")).to_be_visible()
    await late.let_go()
    await expect(page.get_by_role("menuitem", name="Copy text")).to_be_visible()
    await expect(page.locator(".message.chosen .text")).to_have_text(["Hello"])
    assert windows.console_errors == []


async def test_a_part_that_cannot_be_loaded_is_told_of_and_loaded_when_it_is_next_used(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Hello"])
    person = await windows.new_person()
    await person.route("**/views/menu.js", lambda route: route.abort())
    page = await windows.open(f"{engine.url}/?room={room}", person)
    row = page.locator(".message")
    await row.focus()
    await row.press(".")
    await expect(page.locator("#feedback")).to_have_text("That could not be loaded. Try again.")
    await person.unroute("**/views/menu.js")
    await row.press(".")
    await expect(page.get_by_role("menuitem", name="Reply")).to_be_visible()


async def test_what_could_not_be_loaded_by_itself_is_when_the_connection_is_open_again(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, network, has_failed = await windows.new_person(), Network(), asyncio.Event()

    async def fail(route: Route) -> None:
        await route.abort()
        has_failed.set()

    await network.of(person)
    await person.route("**/page/telling.js", fail)
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await has_failed.wait()
    await page.keyboard.press("Control+k")
    await expect(page.locator("#choices > *").first).to_be_visible()
    await page.keyboard.press("Escape")
    await person.unroute("**/page/telling.js", fail)
    async with page.expect_request_finished(lambda request: request.url.endswith("/page/telling.js")):
        await network.go_down()
        network.is_down = False


async def test_the_late_parts_come_by_themselves_and_are_kept_for_when_there_is_no_network(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Hello"])
    person = await windows.new_person(service_workers="allow")
    page = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(page.locator(".message")).to_have_count(1)
    await page.evaluate(
        """async () => {
            const isKept = () => caches.match(new URL("page/views/finding/palette.js", location));
            while (!(await isKept())) await new Promise((resolve) => setTimeout(resolve, 20));
        }"""
    )
    await person.set_offline(True)
    await page.reload()
    await expect(page.locator(".message")).to_have_count(1)
    await page.keyboard.press("Control+k")
    await expect(page.locator("#choices > *").first).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator(".message").focus()
    await page.keyboard.press(".")
    await expect(page.get_by_role("menuitem", name="Copy text")).to_be_visible()
    await person.set_offline(False)
