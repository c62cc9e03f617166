"""What the page keeps without a network, and over closed tabs, in Chromium."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, Network, all_sent, say
from tests.e2e.support.browser.written import write_history
from tests.e2e.support.tcp_fault_proxy import tcp_fault_proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# The addresses that the device keeps, and those of the page's files that it does not keep yet.
KEPT = """async () => {
    const kept = (await (await caches.open("roomcast")).keys()).map(({ url }) => url);
    const isFile = ({ initiatorType }) => initiatorType !== "fetch";
    const loaded = performance.getEntriesByType("resource").filter(isFile);
    const files = [location.href, ...loaded.map(({ name }) => name)];
    return [kept, files.filter((url) => !kept.includes(url.replace(/[?#].*/, "")))];
}"""


async def until_kept(page: Page) -> list[str]:
    """Wait until the page's files are kept for when there is no network; return their addresses."""
    kept: list[str] = []

    async def has_all() -> bool:
        kept[:], missing = await page.evaluate(KEPT)
        return not missing

    await page.evaluate("navigator.serviceWorker.ready")
    await until(has_all)
    return kept


async def test_what_a_closed_tab_could_not_send_is_sent_once_by_the_next_visit(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, network = await windows.new_person(), Network()
    await network.of(person)
    url = f"{engine.url}/?room={room}"
    ada = await windows.open(url, person)
    await expect(ada.locator("#empty")).to_be_visible()
    await network.go_down()
    await expect(ada.locator("#status")).not_to_have_attribute("data-state", "open")
    await say(ada, "one")
    await ada.reload()
    await expect(ada.locator(".mine .text")).to_have_text(["one"])
    await say(ada, "two")
    await ada.close()
    tabs = [await windows.open(url, person) for _ in range(2)]
    await expect(tabs[0].locator(".mine .text")).to_have_text(["one", "two"])
    network.is_down = False
    for tab in tabs:
        await tab.evaluate("window.dispatchEvent(new Event('online'))")
    grace = await windows.page("Grace", room)
    await expect(grace.locator(".message .text")).to_have_text(["one", "two"])
    for tab in tabs:
        await expect(tab.locator(".message .text")).to_have_text(["one", "two"])
    await all_sent(tabs[0])
    kept = "Object.keys(localStorage).filter(key => key.startsWith('roomcast.outbox'))"
    assert await tabs[0].evaluate(kept) == []


async def test_a_reload_without_network_shows_the_page_and_back_heals_it(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["seen before"])
    person = await windows.new_person(service_workers="allow")
    await person.add_init_script("fetch('/icon-unread.svg')")  # As if it were a token: no file of the page.
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    texts = ada.locator(".message .text")
    await expect(texts).to_have_text(["seen before"])
    assert not [url for url in await until_kept(ada) if "room=" in url or "unread" in url]
    manifest = await ada.request.get(f"{engine.url}/manifest.webmanifest")
    assert (await manifest.json())["icons"]
    await person.set_offline(True)
    await ada.reload()
    await expect(texts).to_have_text(["seen before"])
    await say(ada, "written without network")
    await expect(ada.locator("#trouble")).to_contain_text("1 message waits.")
    await person.set_offline(False)
    await all_sent(ada)
    await ada.goto(f"{engine.url}/icon.svg")
    await ada.go_back()
    await expect(texts).to_have_text(["seen before", "written without network"])
    await write_history(engine, room, ["after Back"])
    await expect(texts).to_have_text(["seen before", "written without network", "after Back"])


async def test_a_reload_over_a_link_that_is_silent_shows_what_is_kept(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["seen before"])
    async with tcp_fault_proxy(urlsplit(engine.url).port or 0) as link:
        person = await windows.new_person(service_workers="allow")
        ada = await windows.open(f"http://127.0.0.1:{link.port}/?room={room}", person)
        texts = ada.locator(".message .text")
        await expect(texts).to_have_text(["seen before"])
        await until_kept(ada)
        link.silence()
        await ada.reload(wait_until="commit")
        await expect(texts).to_have_text(["seen before"])
        await say(ada, "written into the silence")
        link.restore()
        link.cut_off()  # As a system that gives the connections up.
        link.restore()
        await ada.evaluate("window.dispatchEvent(new Event('online'))")
        await all_sent(ada)


async def test_where_nothing_can_be_kept_the_browser_asks_before_unsent_messages_are_left(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person, network = await windows.new_person(), Network()
    await network.of(person)
    await person.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full'); }")
    ada = await windows.open(f"{engine.url}/?room={room}", person)
    await expect(ada.locator("#empty")).to_be_visible()
    await network.go_down()
    await say(ada, "not sent yet")
    await expect(ada.locator("#trouble")).to_contain_text("1 message waits.")
    async with ada.expect_event("dialog") as asked:
        await ada.close(run_before_unload=True)
    question = await asked.value
    assert question.type == "beforeunload"
    await question.dismiss()
    await expect(ada.locator(".mine .text")).to_have_text(["not sent yet"])
