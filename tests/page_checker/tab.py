"""One window of a person, and what it shows."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page

from tests.page_checker.oracle import Draft, Row, Shown
from tests.support.waiting import until

# Each expression is one step of the page, so that nothing changes in between.
SHOWN = """() => {
  const text = (row, part) => row.querySelector(part)?.textContent.trim() ?? "";
  const isShown = (row, part) => row.querySelector(part)?.hidden === false;
  const rows = [...document.querySelectorAll("#messages > .row:not(.between) > *")];
  const lines = [...document.querySelectorAll(".room-line:not(:has([aria-current]))")];
  return {
    room: document.querySelector("#title .of").textContent,
    draft: { text: document.querySelector("#text").value, answers: isShown(document, "#answering") },
    notes: rows.filter((row) => row.matches(".note")).map((row) => text(row, ".text")),
    rows: rows.filter((row) => row.matches(".message")).map((row) => ({
      who: text(row, ".who .name"),
      text: row.querySelector(".text").textContent,
      delivery: row.dataset.delivery,
      mine: row.matches(".mine"),
      at_me: row.matches(".at"),
      edited: isShown(row, ".edited"),
      deleted: row.matches(".deleted"),
      reactions: [...row.querySelectorAll(".reactions button")].map((chip) =>
        [text(chip, ".what"), Number(text(chip, ".times")), chip.ariaPressed === "true"]),
      quote: isShown(row, ".quote") ? [text(row, ".whose"), text(row, ".quote .words")] : null,
      replies: isShown(row, ".thread") ? parseInt(text(row, ".thread")) : 0,
    })),
    badges: Object.fromEntries(lines.map(({ dataset, children: [link] }) =>
      [dataset.room, link.querySelector(".badge").dataset.kind])),
  };
}"""
# Among the last ones, so that several windows choose the same.
FOCUS_A_MESSAGE = """([mine, luck]) => {
  const fit = ({ dataset, classList }) =>
    dataset.delivery === "sent" && !classList.contains("deleted") && (!mine || classList.contains("mine"));
  const rows = [...document.querySelectorAll("#messages .message")].filter(fit).slice(-15);
  const row = rows[Math.floor(luck * rows.length)];
  row?.focus();
  return row ? row.querySelector(".text").textContent : null;
}"""
KEPT_DRAFT = """([room, text, answers]) => {
  const isOfRoom = (key) => key.startsWith("roomcast.draft ") && key.endsWith(` ${room}`);
  const key = Object.keys(localStorage).find(isOfRoom);
  const draft = JSON.parse(localStorage[key] ?? '{"text":"","replyTo":0}');
  return draft.text === text && draft.replyTo > 0 === answers;
}"""
UNDO = """() => {
  const button = document.activeElement.querySelector("[data-action=undo]:not([hidden])");
  button?.click();
  return Boolean(button);
}"""
# What the page does not draw at once, it draws in the next frame.
DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Tab:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.locator("#text")

    async def until_there(self, timeout: float) -> None:
        """Wait until the page's program has drawn it. `timeout` is in milliseconds."""
        await self.page.locator(".room-line").first.wait_for(timeout=timeout)

    async def shown(self) -> Shown:
        await self.page.evaluate(DRAWN)
        found: dict[str, Any] = await self.page.evaluate(SHOWN)
        rows = [
            Row(
                **row
                | {
                    "reactions": tuple(map(tuple, row["reactions"])),
                    "quote": row["quote"] and (*row["quote"],),
                }
            )
            for row in found["rows"]
        ]
        return Shown(found["room"], Draft(**found["draft"]), rows, found["notes"], found["badges"])

    def line(self, room: str) -> Locator:
        return self.page.locator(f".room-line[data-room='{room}'] a")

    async def enter(self, room: str) -> None:
        """Go to a room that the side bar lists."""
        await self.line(room).click()
        await self.text.focus()
        await self.page.evaluate(DRAWN)

    async def show_newest(self) -> None:
        if await self.page.locator("#newest").is_visible():
            await self.page.locator("#newest").click()
        await self.text.focus()

    async def write(self, text: str) -> None:
        await self.text.fill(text)
        await self.text.press("Enter")

    async def choose(self, luck: float, *, mine: bool = False) -> str | None:
        """Give a message the focus; return its text, or None if there is none."""
        found: str | None = await self.page.evaluate(FOCUS_A_MESSAGE, [mine, luck])
        return found

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def edit(self, text: str) -> bool:
        """Change the chosen message; return False if it cannot be changed any more."""
        await self.press("e")
        field = self.page.locator(".editing textarea")
        if await field.count() == 0:
            return False
        await field.fill(text)
        await field.press("Enter")
        return True

    async def react(self, reaction: str) -> bool:
        await self.press("+")
        button = self.page.locator(f"#menu:popover-open [data-reaction='{reaction}']")
        if await button.count() == 0:
            return False
        await button.click()
        return True

    async def undo(self) -> bool:
        """Take the chosen message's deletion back; return False if it is too late."""
        return bool(await self.page.evaluate(UNDO))

    async def until_kept(self, room: str, draft: Draft) -> None:
        """Wait until the device has the draft."""
        kept = [room, draft.text, draft.answers]
        await until(lambda: self.page.evaluate(KEPT_DRAFT, kept), interval=0.05)
