"""What the page loads before its first message, and what it loads later, in Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import BrowserContext, Route, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, say
from tests.e2e.support.browser.written import write_history
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
