"""Names are completed, people are mentioned, and equal names are told apart: in Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from local.engine import Engine
from tests.e2e.support.browser.windows import BrowserWindows, all_sent, say
from tests.e2e.support.browser.written import use
from tests.e2e.support.clients import frame_client

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_a_name_is_completed_by_keys_and_its_person_sees_the_mention(
    windows: BrowserWindows, room: str
) -> None:
    ada, grace = await windows.page("Ada Lovelace", room), await windows.page("Grace", room)
    await expect(grace.locator("#members li")).to_have_count(2)
    field, listed = grace.locator("#text"), grace.get_by_role("option")
    await field.press_sequentially("Hi @lo")
    await expect(listed).to_have_text(["Ada Lovelace"])
    await expect(field).to_have_attribute("aria-activedescendant", "completions-0")
    await expect(field).to_be_focused()
    await field.press("Escape")
    await expect(listed).to_have_count(0)
    await field.press_sequentially("v")
    await field.press("Enter")
    await expect(field).to_have_value("Hi @Ada Lovelace ")
    await field.press_sequentially(":tad")
    await expect(listed).to_have_text(["🎉 :tada:"])
    await listed.click()
    await expect(field).to_have_value("Hi @Ada Lovelace 🎉 ")
    await expect(field).to_be_focused()
    await field.press_sequentially("#room-")
    await expect(listed).to_have_text([f"#{room}"])
    await field.press("Tab")
    await expect(field).to_have_value(f"Hi @Ada Lovelace 🎉 #{room} ")
    await field.press("Enter")
    await say(grace, "and not `@Ada Lovelace`, @Grace or @nobody")

    for page in (ada, grace):
        await expect(page.locator(".message mark")).to_have_text(["@Ada Lovelace"])
    await expect(ada.locator(".message.at")).to_have_count(1)
    await expect(grace.locator(".message.at")).to_have_count(0)
    row = ada.locator(".message").first
    look = await row.evaluate(
        """(row) => {
            const { borderInlineStartWidth, backgroundColor } = getComputedStyle(row);
            const { fontWeight } = getComputedStyle(row.querySelector("mark"));
            return [borderInlineStartWidth, fontWeight, backgroundColor];
        }"""
    )
    assert look == ["3px", "650", "rgb(255, 241, 207)"]
    assert windows.console_errors == []


async def test_the_list_of_names_opens_at_the_first_sign_that_is_typed(
    windows: BrowserWindows, room: str
) -> None:
    await windows.page("Ada", room)
    grace = await windows.page("Grace", room)
    await expect(grace.locator("#members li")).to_have_count(2)
    await grace.locator("#text").press("@")
    await expect(grace.get_by_role("option")).to_have_text(["Ada"])
    assert windows.console_errors == []


async def test_a_reply_in_a_thread_mentions_who_was_picked_of_two_of_one_name(
    windows: BrowserWindows, room: str
) -> None:
    adas = [await windows.page("Ada", room), await windows.page("ada", room)]
    grace = await windows.page("Grace", room)
    await expect(grace.locator("#members .tag:not(:empty)")).to_have_count(2)
    await say(grace, "Who?")
    await all_sent(grace)
    await use(grace, "Who?", "Reply")
    await say(grace, "Nobody?")
    await grace.locator(".message .thread:visible").click()
    field, listed = grace.locator("#answer-text"), grace.get_by_role("option")
    await expect(field).to_be_focused()
    await field.press_sequentially("@ad")
    await expect(listed).to_have_count(2)
    await expect(field).to_have_attribute("aria-activedescendant", "answer-completions-0")
    await field.press("Escape")
    await expect(listed).to_have_count(0)
    await expect(field).to_be_visible()  # The key has closed the list, and not the thread.
    await field.press_sequentially("a")
    await field.press("Enter")
    await field.press_sequentially("you")
    await field.press("Enter")
    await expect(grace.locator("#thread mark")).to_have_text(["@Ada"], ignore_case=True)
    for page in adas:
        await expect(page.locator(".message .text")).to_have_count(3)
    meant = [await page.locator(".message.at").count() for page in adas]
    assert sorted(meant) == [0, 1]
    assert windows.console_errors == []


async def test_a_mention_that_its_sender_did_not_make_is_text(
    windows: BrowserWindows, engine: Engine, room: str
) -> None:
    ada = await windows.page("Ada", room)
    async with frame_client(engine.socket_url, name="Eve", room=room) as eve:
        await eve.send(room, "@Ada forged", data={"mentions": ["Ada"], "reply": {"seq": 1, "text": "forged"}})
    await expect(ada.locator(".message .text")).to_have_text(["@Ada forged"])
    await expect(ada.locator(".message mark, .message.at")).to_have_count(0)
    await expect(ada.locator(".message .quote")).to_be_hidden()


async def test_two_people_of_one_name_are_told_apart_and_a_picked_one_is_meant(
    windows: BrowserWindows, room: str
) -> None:
    first, second = await windows.page("Ada", room), await windows.page("ada", room)
    grace = await windows.page("Grace", room)
    await expect(grace.locator("#members .tag:not(:empty)")).to_have_count(2)
    tags = await grace.locator("#members .tag:not(:empty)").all_text_contents()
    assert len(set(tags)) == 2
    await say(grace, "@Ada is nobody alone")
    field = grace.locator("#text")
    await field.press_sequentially("@ada")
    await expect(grace.get_by_role("option")).to_have_count(2)
    await field.press("ArrowDown")
    await field.press("Tab")
    await field.press_sequentially("you")
    await field.press("Enter")
    await expect(grace.locator(".message mark")).to_have_count(1)
    for page in (first, second):
        await expect(page.locator(".message .text")).to_have_count(2)
    meant = [await page.locator(".message.at").count() for page in (first, second)]
    assert sorted(meant) == [0, 1]
    await say(first if meant[0] else second, "me?")
    await expect(grace.locator(".message .tag:not(:empty)")).to_have_text([tags[1]])
