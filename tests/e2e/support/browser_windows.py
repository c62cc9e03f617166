"""BrowserWindows of a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute, async_playwright, expect

from local.engine import Engine
from tests.support.project import ROOT
from tests.support.waiting import TIMEOUT

expect.set_options(timeout=TIMEOUT * 1_000)

PLAIN = ROOT / "web" / "plain.html"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class BrowserWindows:
    """Browser windows, and the errors and warnings of their consoles."""

    def __init__(self, browser: Browser, engine: Engine) -> None:
        self._browser = browser
        self._engine = engine
        self.console_errors: list[str] = []

    async def page(self, name: str, room: str, width: int = 1280, height: int = 800) -> Page:
        """Open the page in a window that shares no storage with others."""
        page = await self.open(
            f"{self._engine.url}/?name={name}&room={room}", await self.new_person(width, height)
        )
        await expect(page.locator("#status")).to_have_attribute("data-state", "open")
        return page

    async def plain_page(self, room: str) -> Page:
        endpoint = f"{self._engine.socket_url}?room={room}"
        page = await self.open(f"{PLAIN.as_uri()}?endpoint={endpoint}", await self.new_person(800, 600))
        await page.get_by_role("button", name="Connect", exact=True).click()
        await expect(page.locator("#state")).to_have_text("open")
        return page

    async def new_person(self, width: int = 1280, height: int = 800) -> BrowserContext:
        """Return a browser context: its tabs share their storage."""
        person = await self._browser.new_context(viewport={"width": width, "height": height})
        person.set_default_timeout(TIMEOUT * 1_000)
        return person

    async def open(self, url: str, person: BrowserContext) -> Page:
        page = await person.new_page()
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        page.on(
            "console",
            lambda line: self.console_errors.append(line.text) if line.type in {"error", "warning"} else None,
        )
        await page.goto(url)
        return page


class Network:
    """The sockets of a person's pages. While `is_down`, they close and none opens.

    Chromium's own "offline" leaves open sockets as they are.
    """

    def __init__(self) -> None:
        self.is_down = False
        self._sockets: list[WebSocketRoute] = []

    async def of(self, person: BrowserContext) -> None:
        """Be the network of the pages that this person opens from now on."""
        await person.route_web_socket(re.compile("."), self._open)

    async def go_down(self) -> None:
        self.is_down = True
        for socket in self._sockets:
            await socket.close()

    async def _open(self, socket: WebSocketRoute) -> None:
        if self.is_down:
            await socket.close()
        else:
            self._sockets.append(socket)
            socket.connect_to_server()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        await browser.close()


async def say(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def fill_in(page: Page, field: str, value: str) -> None:
    await page.get_by_label(field).fill(value)
    await page.get_by_label(field).press("Enter")
