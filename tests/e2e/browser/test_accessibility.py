"""Every state of the page for people who see, hear or move otherwise, in Chromium."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.axe import needs_axe, violations
from tests.e2e.support.browser.example_page import open_example
from tests.e2e.support.browser.windows import BrowserWindows

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def nothing(page: Page) -> None:
    pass


async def people(page: Page) -> None:
    await page.locator("#count").click()
    await expect(page.locator("#members li")).to_have_count(4)


async def menu(page: Page) -> None:
    await page.locator(".message").last.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menu")).to_be_visible()


async def search(page: Page) -> None:
    await page.keyboard.press("Control+f")
    await page.keyboard.type("release")
    await page.keyboard.press("Enter")
    await expect(page.locator("#results li")).to_have_count(1)


async def palette(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await page.keyboard.type("re")
    await expect(page.get_by_role("option").first).to_be_visible()


async def keys(page: Page) -> None:
    await page.locator(".message").last.focus()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


async def rooms(page: Page) -> None:
    await page.get_by_role("button", name="Rooms").click()
    await expect(page.locator("#room-lists")).to_be_visible()


async def failed(page: Page) -> None:
    await page.evaluate("chat.failing.add('send')")
    await page.locator("#text").fill("not sent")
    await page.locator("#text").press("Enter")
    await expect(page.locator("[data-delivery=failed]")).to_be_visible()


async def away(page: Page) -> None:
    await page.evaluate("chat.isDown = true; chat.cut()")
    await expect(page.locator("#strip")).to_be_visible()


async def banned(page: Page) -> None:
    await page.evaluate(
        """chat.tell({ type: "moderated", room: "lobby", action: "ban", moderator: "Mona", user: "u-ada",
            until: "2026-11-29T12:37:00Z", expires_in: 2220 })"""
    )


async def writing(page: Page) -> None:
    await page.locator("#text").fill("Hello")
    await page.locator("#text").press("Enter")


State = Callable[[Page], Awaitable[None]]
STATES: dict[tuple[int, int], list[State]] = {
    (1360, 820): [nothing, people, menu, search, palette, keys, failed, away],
    (390, 844): [nothing, rooms, people, search],
    (320, 256): [nothing],
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps somebody from writing, or slows them: what the page shows of it, and where."""

    told: str
    script: str = ";"
    doing: State = nothing
    place: str = "#outside"
    token: str = ""


TROUBLES = {
    "shut out": Trouble("You may not enter this room", "chat.failing.add('join')"),
    "banned": Trouble("Mona banned you until 12:37", doing=banned),
    "muted": Trouble("A moderator muted you until 12:10", "chat.rules = { muted: { expires_in: 600 } }"),
    "locked": Trouble("only moderators can write", "chat.rules = { locked: true }"),
    "read-only": Trouble("You can read in this room", "chat.rules = { read_only: true }"),
    "slow": Trouble("Hello", "chat.rules = { slow_mode: 60 }", doing=writing, place=".room:has(.send.slow)"),
    "unreachable": Trouble("This chat cannot be reached", "chat.isDown = true", place="#strip"),
    "token over": Trouble("Your link may have expired", "chat.isDown = true", place="#strip", token="a.b.c"),
}


async def trouble(windows: BrowserWindows, engine: Engine, name: str, width: int, height: int) -> Page:
    what = TROUBLES[name]
    page = await open_example(
        windows,
        engine,
        width,
        height,
        script=what.script,
        token=what.token,
    )
    await what.doing(page)
    await expect(page.locator(what.place)).to_contain_text(what.told)
    return page


async def found_by_day_by_night_and_in_forced_colours(page: Page) -> list[str]:
    """Return what axe finds on the page as it is now."""
    found: list[str] = []
    for scheme, forced in (("light", "none"), ("dark", "none"), ("dark", "active")):
        await page.emulate_media(color_scheme=scheme, forced_colors=forced, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{scheme}, forced {forced}: {each}" for each in await violations(page, forced == "active")]
    return found


@needs_axe
@pytest.mark.parametrize(
    ("size", "state"),
    [(size, state) for size, states in STATES.items() for state in states],
    ids=lambda value: getattr(value, "__name__", None) or "x".join(map(str, value)),
)
async def test_axe_finds_nothing_in_any_colours(
    windows: BrowserWindows, engine: Engine, size: tuple[int, int], state: State
) -> None:
    page = await open_example(windows, engine, *size)
    await state(page)
    assert await found_by_day_by_night_and_in_forced_colours(page) == []


@needs_axe
@pytest.mark.parametrize("name", TROUBLES)
async def test_axe_finds_nothing_in_trouble(windows: BrowserWindows, engine: Engine, name: str) -> None:
    page = await trouble(windows, engine, name, 1360, 820)
    assert await found_by_day_by_night_and_in_forced_colours(page) == []
    await expect(page.get_by_text("Loading…")).to_have_count(0)
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator(TROUBLES[name].place)).to_be_visible()
    assert await violations(page) == []


async def test_f6_and_tab_reach_every_part(windows: BrowserWindows, engine: Engine) -> None:
    page = await open_example(windows, engine, 1360, 820)
    await people(page)
    focused = "document.activeElement.closest('nav, #scroll, .foot, .pane').className.split(' ')[0]"

    async def parts(key: str, times: int) -> list[str]:
        reached = []
        for _ in range(times):
            await page.keyboard.press(key)
            reached.append(await page.evaluate(focused))
        return reached

    await page.locator("#text").focus()
    assert await parts("F6", 4) == ["pane", "rooms", "scroll", "foot"]
    assert await parts("Shift+F6", 4) == ["scroll", "rooms", "pane", "foot"]
    await page.locator("#scroll").focus()
    stops = await page.locator("#messages [tabindex='0']").count()
    assert stops == 1


async def test_arrows_and_letters_lead_through_the_rooms(windows: BrowserWindows, engine: Engine) -> None:
    page = await open_example(windows, engine, 1360, 820)
    names = page.locator(".room-line .of")
    await expect(names).to_have_count(6)
    listed = await names.all_inner_texts()
    focused = "document.activeElement.querySelector('.of').innerText"
    await page.locator("#text").focus()
    await page.keyboard.press("F6")
    await expect(page.locator(".room-line a[aria-current]")).to_be_focused()
    at = listed.index("lobby")
    for key, name in [
        ("ArrowUp", listed[at - 1]),
        ("ArrowDown", "lobby"),
        ("Home", listed[0]),
        ("ArrowUp", listed[0]),
        ("End", listed[-1]),
        ("r", listed[min(n for n, name in enumerate(listed) if name.startswith("r"))]),
        ("R", listed[max(n for n, name in enumerate(listed) if name.startswith("r"))]),
        ("x", listed[max(n for n, name in enumerate(listed) if name.startswith("r"))]),
    ]:
        await page.keyboard.press(key)
        assert await page.evaluate(focused) == name, key
    await expect(page.locator("#text")).to_have_value("")
    await page.keyboard.press("Enter")
    await expect(page.locator("#title")).to_have_text(f"#{max(n for n in listed if n.startswith('r'))}")
