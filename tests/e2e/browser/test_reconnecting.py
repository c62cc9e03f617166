"""The page loses its socket, its network or the engine, in Chromium."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, fill_in, say
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


async def test_a_page_reconnects_after_the_server_closed_its_socket(
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


async def test_a_message_written_offline_is_sent_when_the_network_is_back(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await ada.context.set_offline(True)
    await expect(ada.locator("#status")).to_have_text("Offline")
    await say(ada, "written while away")
    await expect(ada.locator("#trouble")).to_have_text("Offline. 1 message waits.")
    await expect(ada.locator(".message .delivery")).to_have_text("Waiting for the connection…")
    await say(grace, "said meanwhile")
    await ada.context.set_offline(False)
    await expect(ada.locator(".message .text")).to_have_text(["said meanwhile", "written while away"])
    await all_sent(ada)
    await expect(ada.locator("#strip")).to_be_hidden()
    await expect(grace.locator(".message .text")).to_have_text(["said meanwhile", "written while away"])


async def test_pending_messages_are_sent_while_another_room_is_shown(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada", room), await windows.page("Grace", room)
    await ada.context.set_offline(True)
    await say(ada, "for the first")
    await fill_in(ada, "Room", f"{room}-b")
    await expect(ada.locator(".message")).to_have_count(0)
    await ada.context.set_offline(False)
    await expect(grace.locator(".message .text")).to_have_text(["for the first"])


async def test_an_unsent_message_survives_a_reload_while_the_engine_is_down(
    windows: BrowserWindows, host: str, room: str
) -> None:
    port = free_port()
    person = await windows.new_person()
    await person.add_init_script("Math.random = () => globalThis.luck ?? 0.5")
    ada = await windows.open(f"{host}/?name=Ada&room={room}&endpoint=ws://127.0.0.1:{port}/prod", person)
    await say(ada, "into the night")
    await ada.reload()
    await expect(ada.locator(".mine .text")).to_have_text(["into the night"])
    await expect(ada.locator("#trouble")).to_contain_text("1 message waits. Next try in")
    await ada.evaluate("globalThis.luck = 60")  # The next pause is so long that only the button ends it.
    await expect(ada.locator("#trouble")).to_have_text(re.compile(r"Next try in \d\d+ s\."))
    async with LoggedEngine(port=port, origins=[host]) as engine:
        await ada.get_by_role("button", name="Try now").click()
        await all_sent(ada)
        grace = await windows.open(f"{engine.url}/?room={room}", await windows.new_person())
        await expect(grace.locator(".message .text")).to_have_text(["into the night"])
        await ada.reload()
        await expect(ada.locator(".message .text")).to_have_text(["into the night"])
        await expect(ada.locator(".mine")).to_have_count(1)


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
            await all_sent(page)
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
        await all_sent(ada)
        await stack.aclose()
        await stack.enter_async_context(LoggedEngine(port=port))
        # No click on "Try now": it is gone if the page has come back by itself meanwhile.
        await ada.evaluate("window.dispatchEvent(new Event('online'))")
        await expect(ada.locator(".note")).to_have_text("This room's history begins again here.")
        await say(ada, "again")
        await expect(ada.locator(".message .text, .note")).to_have_text(
            ["one", "This room's history begins again here.", "again"]
        )
