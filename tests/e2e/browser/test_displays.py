"""The page on displays of all kinds: small, with larger text, in forced colours, mirrored, without motion."""

from __future__ import annotations

from base64 import b64encode

import pytest
from playwright.async_api import Page, expect

from local.engine import Engine
from tests.e2e.support.browser.example_page import open_example
from tests.e2e.support.browser.scripted import open_scripted
from tests.e2e.support.browser.windows import BrowserWindows

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# Style sheets that a script makes are not bound by the page's policy.
STYLE = """text => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets.push(sheet);
}"""
# https://www.w3.org/TR/WCAG22/#text-spacing
SPACING = """* {
    line-height: 1.5 !important;
    letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important;
}
p { margin-block-end: 2em !important; }"""
# What is too large for its box, and neither scrolls nor ends in an ellipsis.
CUT = """() => [...document.body.querySelectorAll("*")].filter((element) => {
    const { overflowX, overflowY, textOverflow } = getComputedStyle(element);
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
    const isForEars = clientWidth <= 1 || element.closest("svg");
    if (isForEars || !element.checkVisibility() || textOverflow === "ellipsis") return false;
    const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
    const isTooWide = cuts(overflowX) && scrollWidth > clientWidth + 1;
    return isTooWide || (cuts(overflowY) && scrollHeight > clientHeight + 1);
}).map(({ outerHTML }) => outerHTML.slice(0, 80))"""

# Puts a copy in place of the page, so that nothing draws it again. The last message shows its tools.
FREEZE = """() => {
    document.body.replaceWith(document.body.cloneNode(true));
    document.querySelector("#messages .row:last-child .message").focus();
}"""
# Makes the texts in view invisible, where they are, and returns the place of each.
HIDE_TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        const { x, y, width, height } = range.getBoundingClientRect();
        const top = document.elementFromPoint(x + width / 2, y + height / 2);
        const parent = walker.currentNode.parentElement;
        const isOnTop = top && (parent.contains(top) || top.contains(parent)) && !parent.closest(".unseen");
        const isUnseen = width < 2 || getComputedStyle(parent).color === "rgba(0, 0, 0, 0)";
        if (!isOnTop || isUnseen || !walker.currentNode.data.trim()) continue;
        found.push({ node: walker.currentNode, x, y, width, height });
    }
    return found.map(({ node, ...place }) => {
        const cover = document.createElement("span");
        cover.style.visibility = "hidden";
        node.replaceWith(cover);
        cover.append(node);
        return { text: node.data.trim(), ...place };
    });
}"""
# The places at which two pictures are the same.
SAME = """async ({ before, after, places }) => {
    const [one, other] = await Promise.all([before, after].map(async (text) => {
        const bytes = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        canvas.drawImage(bitmap, 0, 0);
        return ({ x, y, width, height }) =>
            canvas.getImageData(x, y, Math.ceil(width), Math.ceil(height)).data.join();
    }));
    return places.filter((place) => one(place) === other(place)).map(({ text }) => text);
}"""
# The buttons, links, fields and marks in view that no line surrounds.
WITHOUT_EDGE = """() => [
    ...document.querySelectorAll("button, .room-line a, textarea, input, .avatar, .badge[data-kind=unread]"),
].filter((element) => {
    const { borderInlineStartWidth, borderInlineStartStyle } = getComputedStyle(element);
    const hasEdge = parseFloat(borderInlineStartWidth) >= 1 && borderInlineStartStyle === "solid";
    return element.checkVisibility() && !hasEdge;
}).map(({ outerHTML }) => outerHTML.slice(0, 80))"""

# Where the parts stand, measured from the side on which reading begins.
PLACES = """() => [
    "nav", ".room-line a", ".badge", ".bar h1", "#to-search", "#count", "#messages .avatar", ".message .name",
    ".quote:not([hidden])", ".reactions button", ".message .thread", "#text", "#send", ".pane", "#close-pane",
    ".skip",
].map((selector) => {
    const { left, right } = document.querySelector(selector).getBoundingClientRect();
    return [selector, Math.round(document.dir === "rtl" ? innerWidth - right : left)];
})"""

WATCH_MOTION = """globalThis.moved = [];
for (const type of ["animationstart", "transitionrun"]) {
    addEventListener(type, (event) => moved.push(event.animationName ?? event.propertyName), true);
}"""


@pytest.mark.parametrize(("width", "height", "share"), [(320, 256, 0.55), (640, 400, 0.6), (320, 568, 0.7)])
async def test_in_a_small_window_most_of_it_is_messages(
    windows: BrowserWindows, engine: Engine, width: int, height: int, share: float
) -> None:
    page = await open_example(windows, engine, width, height)
    assert await page.locator("#scroll").evaluate("box => box.clientHeight") >= share * height
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


# The second is what is left of the first when it is zoomed to 200%.
@pytest.mark.parametrize("style", ["", SPACING], ids=["plain", "spaced"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (640, 400), (390, 844)])
async def test_nothing_is_cut_with_larger_or_wider_text(
    windows: BrowserWindows, engine: Engine, width: int, height: int, style: str
) -> None:
    page = await open_example(windows, engine, width, height)
    await page.evaluate(STYLE, style)
    assert await page.evaluate(CUT) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for opened in ("#to-search", "#count"):
        await page.locator(opened).click()
        await expect(page.locator("#pane")).to_be_visible()
        assert await page.evaluate(CUT) == [], opened
        await page.locator("#close-pane").click()
    await page.keyboard.press("Escape")
    for part in ("#text", "#send", "#count", ".message .text >> nth=-1"):
        await expect(page.locator(part)).to_be_in_viewport(ratio=0.99)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_in_forced_colours_all_texts_are_seen_and_all_parts_have_edges(
    windows: BrowserWindows, engine: Engine, scheme: str
) -> None:
    page = await open_example(windows, engine, 1360, 820)
    await page.emulate_media(color_scheme=scheme, forced_colors="active")  # type: ignore[arg-type]
    await page.locator(".message .thread").first.click()
    await expect(page.locator("#thread-messages .message")).to_have_count(2)
    await page.locator("#messages .message").last.hover()
    await expect(page.locator("#messages .tools:visible")).to_have_count(1)
    await page.evaluate(FREEZE)
    assert await page.evaluate(WITHOUT_EDGE) == []
    before = await page.screenshot(animations="disabled", caret="hide")
    places = await page.evaluate(HIDE_TEXTS)
    after = await page.screenshot(animations="disabled", caret="hide")
    texts = [place["text"] for place in places]
    assert {"design-team", "@2", "@Ada", "Yesterday", "Copy"} <= set(texts)
    pictures = {"before": b64encode(before).decode(), "after": b64encode(after).decode()}
    assert await page.evaluate(SAME, {**pictures, "places": places}) == []


async def test_in_forced_colours_the_chosen_option_has_a_second_line(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_example(windows, engine, 1360, 820)
    await page.emulate_media(forced_colors="active")
    lines = "all => all.map((option) => getComputedStyle(option).outlineStyle)"
    await page.locator("#text").press_sequentially(":sm")
    await expect(page.get_by_role("option").nth(1)).to_be_visible()
    chosen, *others = await page.get_by_role("option").evaluate_all(lines)
    assert (chosen, set(others)) == ("solid", {"none"})
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("re")
    await expect(page.get_by_role("option").nth(1)).to_be_visible()
    chosen, *others = await page.get_by_role("option").evaluate_all(lines)
    assert (chosen, set(others)) == ("solid", {"none"})


@pytest.mark.parametrize("width", [1360, 1000])
async def test_from_right_to_left_everything_is_mirrored(
    windows: BrowserWindows, engine: Engine, width: int
) -> None:
    page = await open_example(windows, engine, width, 820)
    await page.locator(".message .thread").first.click()
    await expect(page.locator("#answer-text")).to_be_focused()
    before = await page.evaluate(PLACES)
    await page.evaluate("document.dir = 'rtl'")
    after = await page.evaluate(PLACES)
    assert all(abs(one - other) <= 1 for (_, one), (_, other) in zip(before, after, strict=True)), (
        before,
        after,
    )


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_nothing_moves_for_whoever_does_not_want_it(
    windows: BrowserWindows, engine: Engine, motion: str
) -> None:
    page = await open_example(windows, engine, 390, 844, script=WATCH_MOTION, reduced_motion=motion)
    await expect(page.locator(".message").last).to_be_visible()
    await page.evaluate("chat.say('lobby')")
    await expect(page.locator(".message .text").last).to_have_text("message 9")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("option").first).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator("#count").click()
    await expect(page.locator("#members li")).to_have_count(4)
    await page.locator("#close-pane").click()
    await open_menu(page)
    moved = set(await page.evaluate("moved")) - {"wait"}  # That is a pause before something is shown.
    assert moved == (set() if motion == "reduce" else {"appear", "arrive"})


async def open_menu(page: Page) -> None:
    await page.locator(".message").last.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menu")).to_be_visible()
    await page.keyboard.press("Escape")


async def test_a_menu_that_leads_to_another_stays_at_what_it_belongs_to(
    windows: BrowserWindows, engine: Engine
) -> None:
    page = await open_example(windows, engine, 1360, 820, script="chat.rules = { moderator: true };")
    menu = page.get_by_role("menu")
    edge = "menu => Math.round(menu.getBoundingClientRect().right)"
    await page.locator("#messages .message").nth(3).focus()
    await page.keyboard.press("Enter")
    before = await menu.evaluate(edge)
    await page.get_by_role("menuitem", name="Mute").press("ArrowRight")
    await expect(page.get_by_role("menuitem", name="1 hour")).to_be_visible()
    assert await menu.evaluate(edge) == before


@pytest.mark.parametrize(
    "change", [".foot { padding-block: 60px }", "#scroll { inline-size: 20rem }"], ids=["lower", "narrower"]
)
async def test_a_reader_at_the_end_stays_there_when_the_list_gets_smaller_while_it_scrolls(
    windows: BrowserWindows, engine: Engine, change: str
) -> None:
    page = await open_scripted(windows, engine, [{"message": "a long message " * 8}] * 40 + [{}])
    await expect(page.locator(".message .text").last).to_have_text("message 41")
    await page.evaluate(STYLE, "* {}")
    # A frame tells of the scroll first, and then that the list is smaller.
    await page.evaluate(
        """change => new Promise((done) => setTimeout(() => {
            document.querySelector("#scroll").scrollTop -= 20;
            document.adoptedStyleSheets.at(-1).replaceSync(change);
            requestAnimationFrame(() => requestAnimationFrame(done));
        }))""",
        change,
    )
    left = "({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight"
    assert await page.locator("#scroll").evaluate(left) < 2
