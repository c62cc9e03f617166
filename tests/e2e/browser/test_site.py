"""The page as a stack with a site serves it: the published files, the headers, the socket on one host."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.site_host import SiteHost
from tests.e2e.support.browser.windows import BrowserWindows, say

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_what_is_published_is_a_whole_chat_under_the_sites_headers(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    async with SiteHost(engine) as host:
        sockets: list[str] = []
        person = await windows.new_person()
        person.on("page", lambda page: page.on("websocket", lambda socket: sockets.append(socket.url)))
        page = await windows.open(f"{host.url}/?room={room}", person)
        await say(page, "Hello")
        await expect(page.locator(".message .text")).to_have_text(["Hello"])
        other = await windows.page("Ada", room)  # of the engine itself
        await expect(other.locator(".message .text")).to_have_text(["Hello"])
        assert {url.partition("?")[0] for url in sockets} == {f"ws{host.url.removeprefix('http')}/live"}
        await page.keyboard.press("Control+k")  # Loaded late: it is published, and the policy allows it.
        await expect(page.locator("#choices > *").first).to_be_visible()
        assert host.not_found == []
    assert windows.console_errors == []
