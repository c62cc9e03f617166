"""The settings of a team, in web/settings.js."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, say
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

SETTINGS = """
export const settings = {{
  name: "Front desk",
  endpoint: {endpoint},
  rooms: [{room}],
  accent: "#7a1fa2",
  token: () => {{ globalThis.hasAsked = true; return "t.o.k"; }},
}};
"""


async def test_one_file_names_colours_and_connects_the_chat(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    person = await windows.new_person()
    text = SETTINGS.format(endpoint=json.dumps(engine.socket_url), room=json.dumps(room))
    await person.route(
        f"{engine.url}/settings.js", lambda route: route.fulfill(body=text, content_type="text/javascript")
    )
    page = await windows.open(engine.url, person)
    await say(page, "Hello")
    await expect(page.locator(".message .text")).to_have_text(["Hello"])
    await expect(page).to_have_title(f"#{room} · Front desk")
    await expect(page.locator("#brand")).to_have_text("Front desk")
    assert await page.evaluate("hasAsked") is True
    accent = "getComputedStyle(document.querySelector('#send')).backgroundColor"
    assert await page.evaluate(accent) == "rgb(122, 31, 162)"
    await page.emulate_media(color_scheme="dark")
    # Lightened, to be read on the dark grounds.
    assert await page.evaluate(accent) != "rgb(122, 31, 162)"
    assert windows.console_errors == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'export const settings = { endpoint: "/prod", rooms: "lobby" };',
            "settings.js: rooms is not a list of names.",
        ),
        (
            'export const settings = { name: "Front desk" endpoint: "/prod" };',
            "Unexpected identifier 'endpoint'.",
        ),
    ],
    ids=["wrong", "unreadable"],
)
async def test_a_mistake_in_the_settings_is_told_on_the_page(
    windows: BrowserWindows, engine: Engine, text: str, told: str
) -> None:
    person = await windows.new_person()
    await person.route(
        f"{engine.url}/settings.js", lambda route: route.fulfill(body=text, content_type="text/javascript")
    )
    page = await windows.open(engine.url, person)
    await expect(page.get_by_role("alert")).to_contain_text(f"This chat cannot start. {told}")
    await until(lambda: windows.console_errors)  # It is no less there.
