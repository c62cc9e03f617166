"""What people write, as the page shows it: in Chromium."""

from __future__ import annotations

import math
import random

import pytest
from playwright.async_api import FloatRect, Page, expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, say
from tests.e2e.support.browser.written import write_history

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

ALLOWED = {"A", "BUTTON", "CODE", "EM", "MARK", "PRE", "SPAN", "STRONG"}
CODE = 'let a = "b"; // ' + "wide " * 60 + "\n  two();"
RICH = (
    f"see https://a.test/b. *strong* _soft_ `x < 1`\n```js\n{CODE}\n```\nand https://bank.test@evil.test/ too"
)
PIECES = [
    *"`*_@#<>&'\"\n ()[]",
    "```\n",
    "\n```js\n",
    "https://",
    "http://x.test/",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<style>*{display:none}</style>",
    "<script>document.title='gone'</script>",
    "</li></ol><form action=//evil.test>",
    "{{constructor.constructor('alert(1)')()}}",
    "\u202e",
    "\u2067",
    "\u0301" * 30,
    "Ada",
    "é字😀",
]
# Each of these has left the row of a message in one chat or another.
HOSTILE = [
    "a" + "\u0301" * 200 + "\u0316" * 200,
    "o" + "\u0363\u0364\u0365\u0332\u0333" * 700,
    "Z" + "\u0301\u0322\u0489" * 1_300,
    "\u0e47" * 4_000,
    "\u202eright to left\u2066 and \u2067 not closed",
    "﷽" * 400,
    "W" * 4_000,
    "`" + "\u0312" * 2_000 + "`",
]


async def test_links_code_and_emphasis_are_elements_and_nothing_else_comes_from_a_text(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    chance = random.Random(34)
    texts = ["".join(chance.choices(PIECES, k=25)) + "." for _ in range(40)]
    await write_history(engine, room, [*texts, RICH, "👩🏽‍💻 🎉"])
    ada = await windows.page("Ada", room)
    messages = ada.locator(".message .text")
    await expect(messages).to_have_count(42)
    names = await messages.locator("*").evaluate_all("all => all.map(({ nodeName }) => nodeName)")
    assert set(names) <= ALLOWED
    links = messages.locator("a")
    assert set(await links.evaluate_all("all => all.map(({ protocol }) => protocol)")) == {"http:", "https:"}
    assert set(await links.evaluate_all("all => all.map(({ rel, target }) => `${target} ${rel}`)")) == {
        "_blank noopener noreferrer nofollow ugc"
    }

    rich = messages.nth(40)
    await expect(rich.locator("a")).to_have_text(["https://a.test/b", "https://bank.test@evil.test/"])
    hosts = await rich.locator("a").evaluate_all(
        "all => all.map((link) => getComputedStyle(link, '::after').content)"
    )
    assert hosts[0] == "none"
    assert "evil.test" in hosts[1]
    await expect(rich.locator("strong, em, code")).to_have_text(["strong", "soft", "x < 1", CODE])
    await expect(rich.locator("pre .keyword")).to_have_text(["let"])
    assert await rich.evaluate("({ scrollWidth, clientWidth }) => scrollWidth === clientWidth")
    await expect(rich.locator("pre code")).to_have_attribute("tabindex", "0")  # the keyboard scrolls it
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await rich.get_by_role("button", name="Copy").click()
    await expect(ada.locator("#feedback")).to_have_text("Copied.")
    assert await ada.evaluate("navigator.clipboard.readText()") == CODE
    assert await messages.nth(41).evaluate("(text) => getComputedStyle(text).fontSize") == "32px"
    assert windows.console_errors == []


async def test_code_is_a_tab_stop_for_as_long_as_it_is_wider_than_its_box(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ['```\nconst room = await chat.join("general");\n```'])
    ada = await windows.page("Ada", room)
    code = ada.locator("pre code")
    await expect(code).to_be_visible()
    await ada.set_viewport_size({"width": 320, "height": 640})
    await expect(code).to_have_attribute("tabindex", "0")
    await ada.set_viewport_size({"width": 1280, "height": 640})
    await expect(code).not_to_have_attribute("tabindex", "0")


async def test_for_fingers_the_copy_button_stands_below_the_code(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ['```\nconst room = await chat.join("general", { history: 50 });\n```'])
    person = await windows.new_person(390, 844, has_touch=True, is_mobile=True)
    ada = await windows.open(f"{engine.url}/?name=Ada&room={room}", person)
    code = await ada.locator("pre code").bounding_box()
    button = await ada.locator("pre button").bounding_box()
    assert code and button and button["y"] >= code["y"] + code["height"]
    assert button["height"] >= 44


async def test_a_hostile_text_changes_no_pixel_outside_its_row(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, [text for hostile in HOSTILE for text in ("above", hostile, "below")])
    ada = await windows.page("Ada", room)
    rows = ada.locator(".message")
    await expect(rows).to_have_count(3 * len(HOSTILE))
    for number in range(1, 3 * len(HOSTILE), 3):
        await rows.nth(number).evaluate("(row) => row.scrollIntoView({ block: 'center' })")
        pictures = await pictures_beside(ada, number)
        await rows.nth(number).locator(".text").evaluate("(text) => text.style.visibility = 'hidden'")
        assert pictures == await pictures_beside(ada, number), HOSTILE[number // 3][:8]
    assert await ada.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


async def pictures_beside(page: Page, number: int) -> list[bytes]:
    """Return pictures of the messages before and after the one with this number, without shared pixels."""
    pictures = []
    for other in (number - 1, number + 1):
        box = await page.locator(".message").nth(other).bounding_box()
        assert box is not None
        top, bottom = math.ceil(box["y"]), math.floor(box["y"] + box["height"])
        clip = FloatRect(x=box["x"], y=top, width=box["width"], height=bottom - top)
        pictures.append(await page.screenshot(clip=clip, animations="disabled"))
    return pictures


async def test_each_line_has_its_own_direction_and_a_pasted_picture_is_told(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["Hello.\nגדל.\n`א` b https://a.test/אב/c."])
    ada = await windows.page("Ada", room)
    text = ada.locator(".message .text")
    await expect(text).to_have_count(1)
    positions = await text.evaluate(
        """(text) => {
            const range = document.createRange();
            const leftOf = (node, at) => {
                range.setStart(node, at);
                range.setEnd(node, at + 1);
                return range.getBoundingClientRect().left;
            };
            const [lines] = text.childNodes, [path] = text.querySelector("a").childNodes;
            return {
                english: leftOf(lines, 5) - leftOf(lines, 0),
                hebrew: leftOf(lines, 10) - leftOf(lines, 7),
                link: leftOf(path, path.length - 1) - leftOf(path, 0),
            };
        }"""
    )
    assert positions["english"] > 0 > positions["hebrew"]
    assert positions["link"] > 0
    field = ada.get_by_label("Message", exact=True)
    await field.fill("Hello.\nגדל.")
    assert await field.evaluate("(field) => getComputedStyle(field).unicodeBidi") == "plaintext"
    await field.evaluate(
        """(field) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File(["x"], "x.png", { type: "image/png" }));
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }"""
    )
    await expect(ada.locator("#counter")).to_have_text("Pictures and files cannot be sent here.")
    await field.press("x")
    await expect(ada.locator("#counter")).to_be_empty()


async def test_a_long_text_is_folded_until_its_reader_wants_all_of_it(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["x\n" * 1_999 + "x", "word " * 799, "short\n" * 12])
    ada = await windows.page("Ada", room)
    texts, folds = ada.locator(".message .text"), ada.locator(".fold:visible")
    await expect(folds).to_have_text(["Show all 2,000 lines", "Show all of it"])
    heights = await texts.evaluate_all("all => all.map(({ offsetHeight }) => offsetHeight)")
    assert heights[:2] == [448, 448]
    assert heights[2] < 448
    await folds.last.press("Enter")
    await expect(folds.last).to_have_text("Show less")
    await say(ada, "a change draws the list again")
    await expect(texts).to_have_count(4)
    await expect(folds).to_have_text(["Show all 2,000 lines", "Show less"])
    assert await texts.nth(1).evaluate("({ offsetHeight }) => offsetHeight") > 448
    await folds.last.press("Enter")
    await expect(folds).to_have_text(["Show all 2,000 lines", "Show all of it"])


async def test_copied_messages_are_a_transcript_with_names_and_times(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    await write_history(engine, room, ["*first* line", "follows\nit", "```\ncode\n```"])
    ada = await windows.page("Ada", room)
    await expect(ada.locator(".message")).to_have_count(3)
    await ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ada.evaluate("getSelection().selectAllChildren(document.querySelector('#scroll'))")
    await ada.keyboard.press("Control+c")
    time = (await ada.locator(".message time").first.text_content() or "").strip()
    assert time
    said = f"Edsger, {time}: "
    copied = await ada.evaluate("navigator.clipboard.readText()")
    assert copied == f"{said}*first* line\n{said}follows\nit\n{said}```\ncode\n```"
    await ada.evaluate(
        """() => {
            const [first, second] = document.querySelectorAll(".message .text");
            const word = first.querySelector("strong, em").firstChild;
            getSelection().setBaseAndExtent(word, 2, second.firstChild, 4);
        }"""
    )
    await ada.keyboard.press("Control+c")
    assert await ada.evaluate("navigator.clipboard.readText()") == f"{said}rst line\n{said}foll"
    await ada.evaluate("getSelection().selectAllChildren(document.querySelector('.message .text'))")
    await ada.keyboard.press("Control+c")
    assert await ada.evaluate("navigator.clipboard.readText()") == "first line"
