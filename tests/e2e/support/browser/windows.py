"""BrowserWindows of a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute, async_playwright, expect

from local.engine import Engine
from tests.support.browser_path import find_chromium
from tests.support.project import ROOT
from tests.support.waiting import TIMEOUT

expect.set_options(timeout=TIMEOUT * 1_000)

PLAIN = ROOT / "web" / "plain.html"
# Chromium's list replaces Playwright's, so Playwright's names come first. Each window's omnibox has a popup,
# a page with a process of its own: a third of what a window costs, and nobody types an address here.
DISABLED = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
)
FLAGS = (
    f"--disable-features={','.join(DISABLED)}",
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

    async def new_person(self, width: int = 1280, height: int = 800, **options: Any) -> BrowserContext:
        """Return a browser context: its tabs share their storage. `options`: further ones of Playwright's."""
        person = await self._browser.new_context(viewport={"width": width, "height": height}, **options)
        if (
            "service_workers" not in options
        ):  # Where no test is about it, each new person would fetch all twice.
            await person.add_init_script("delete Navigator.prototype.serviceWorker")
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
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, *flags])
        yield browser
        await browser.close()


async def say(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def all_sent(page: Page) -> None:
    """Wait until what its person has written on the page is drawn, stored, and back with its number."""
    await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    await expect(page.locator(".mine").last).to_have_attribute("data-delivery", "sent")
    await expect(page.locator('.mine:not([data-delivery="sent"][data-numbered])')).to_have_count(0)


async def fill_in(page: Page, field: str, value: str) -> None:
    """Enter another room, or give another name: the side bar has a button before each field."""
    await page.locator({"Room": "#add", "Name": "#self"}[field]).click()
    await page.get_by_label(field, exact=True).fill(value)
    await page.get_by_label(field, exact=True).press("Enter")


async def look_away(page: Page, *, away: bool = True) -> None:
    """Let the window lose the focus, or have it again: Chromium lets every window of a test have it."""
    event = "blur" if away else "focus"
    await page.evaluate(
        "([here, event]) => { document.hasFocus = () => here; dispatchEvent(new Event(event)); }",
        [not away, event],
    )
