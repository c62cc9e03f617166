"""The pages of examples/, as somebody copies them: at their places beside web/, with another endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, say
from tests.e2e.support.jwt_engine import JwtEngine, token_of
from tests.support.project import ROOT
from tests.support.web_host import Host, Visit, ok

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def site(engine: Engine, changes: dict[str, str]) -> Host:
    """Return a web server of the repository's folders, with changes in the pages of examples/."""

    async def behave(visit: Visit, body: bytes) -> None:
        path = ROOT / host.heads[-1].split()[1].decode().lstrip("/")
        content = path.read_bytes()
        kind = "text/javascript"
        if path.suffix == ".html":
            for old, new in {"127.0.0.1:8080": urlsplit(engine.url).netloc, **changes}.items():
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            kind = "text/html"
        visit.write(ok(content, f"Content-Type: {kind}\r\n"))

    host = Host(behave)
    return host


def log_in(token: str) -> Callable[[Route], Awaitable[None]]:
    """Return the answer of a site's backend to somebody with this token."""
    return lambda route: route.fulfill(body=token)


async def send(page: Page, text: str) -> None:
    await page.get_by_label("Message").fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_label("Message")).to_have_value("")


async def test_the_chat_in_a_page_shows_whose_words_came_when_and_keeps_its_place(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    async with site(engine, {'data-room="lobby"': f'data-room="{room}"'}) as host:
        page = await windows.open(f"{host.url}/examples/embed.html", await windows.new_person(390, 600))
        log, field = page.get_by_role("log"), page.get_by_label("Message")
        lines = log.locator("p")
        for number in range(8):
            await send(page, f"line {number} " + "and on " * 20)
        await expect(lines).to_have_class(["mine"] * 8)
        await expect(lines.last).to_be_in_viewport()
        await expect(field).to_be_in_viewport()  # the page has not grown
        await log.evaluate("log => log.scrollTop = 0")
        ada = await windows.page("Ada", room)
        await say(ada, "<b>From</b> Ada")
        await expect(lines).to_have_count(9)
        await expect(lines.last).to_contain_text("Ada: <b>From</b> Ada")
        await expect(lines.last).not_to_have_class("mine")
        assert await lines.last.locator("time").get_attribute("datetime")
        assert await log.evaluate("log => log.scrollTop") == 0
        await expect(page.get_by_role("status")).to_have_text("")
    assert windows.console_errors == []


async def test_the_chat_of_a_site_knows_its_visitors_and_has_two_rooms(
    windows: BrowserWindows, jwt_engine: JwtEngine, room: str
) -> None:
    first, second = f"{room}-a", f"{room}-b"
    async with site(jwt_engine.engine, {"general help": f"{first} {second}"}) as host:
        pages = []
        for name in ("ada", "grace"):
            person = await windows.new_person(390, 600)
            await person.route("**/chat-token", log_in(token_of(name, rooms=[first, second])))
            pages.append(await windows.open(f"{host.url}/examples/chat.html", person))
        ada, grace = pages
        await send(ada, "Hello")
        await expect(grace.locator("[role=log]:visible p")).to_contain_text(["Ada: Hello"])
        await grace.get_by_role("button", name=second).click()
        await expect(grace.locator("[role=log]:visible p")).to_have_count(0)
        await send(grace, "Help!")
        await ada.get_by_role("button", name=f"{second} •").click()
        await expect(ada.locator("[role=log]:visible p")).to_contain_text(["Grace: Help!"])
        await expect(ada.locator("button[aria-current=true]")).to_have_text(second)  # without the mark
        assert windows.console_errors == []
        person = await windows.new_person()
        await person.route("**/chat-token", lambda route: route.fulfill(status=401))
        stranger = await windows.open(f"{host.url}/examples/chat.html", person)
        await expect(stranger.get_by_role("status")).to_contain_text("You are not logged in.")
