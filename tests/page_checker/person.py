"""A person with several windows in one browser, who does one thing after another in any of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Error

from tests.e2e.support.browser.windows import fill_in
from tests.e2e.support.tcp_fault_proxy import TcpFaultProxy
from tests.loss_checker.oracle import Finding
from tests.page_checker.console import Console
from tests.page_checker.frames import Frames
from tests.page_checker.oracle import Draft
from tests.page_checker.tab import Tab
from tests.support.waiting import until

ACTION_INTERVAL = 0.6  # seconds between two actions of a person, on average
LOADING = 20_000  # milliseconds for which a person looks at a page that does not come, then reloads it
# The first, empty page of a window has no storage.
NAMED = "if (location.protocol === 'http:') localStorage['roomcast.name'] ??= '%s'"
REACTIONS = ("👍", "❤️", "🎉")


@dataclass(slots=True)
class Deeds:
    """What a person has done in a room."""

    draft: Draft = field(default_factory=Draft)
    written: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


class Person:
    def __init__(
        self, name: str, other: str, link: TcpFaultProxy, rooms: Sequence[str], rng: random.Random
    ) -> None:
        self.name = name
        self.frames, self.console = Frames(), Console(name)
        self.deeds = {room: Deeds() for room in rooms}
        self.counts: Counter[str] = Counter()
        self.stuck: list[Finding] = []
        self.tabs: list[Tab] = []
        self._other, self._link, self._rooms, self._random = other, link, rooms, rng
        self._context: BrowserContext
        self.does = "nothing"
        self._count = 0
        self._trouble: set[asyncio.Task[None]] = set()

    async def begin(self, context: BrowserContext, windows: int) -> None:
        self._context = context
        await self.console.listen(context)
        await context.add_init_script(NAMED % self.name)
        first = await self._open(self._rooms[0])
        for room in self._rooms[1:]:
            await fill_in(first.page, "Room", room)
        await until(lambda: self.frames.followed.issuperset(self._rooms))
        for _ in range(1, windows):
            await self._open(self._rooms[0])
        for tab in self.tabs:
            for room in self._rooms:
                await tab.line(room).wait_for()

    async def act(self, is_running: Callable[[], bool]) -> None:
        actions: dict[Callable[[Tab], Awaitable[None]], int] = {
            self._write: 30,
            self._begin_draft: 10,
            self._edit: 12,
            self._delete: 5,
            self._react: 12,
            self._answer: 10,
            self._change_room: 14,
            self._read_back: 3,
            self._reload: 4,
            self._close: 3,
            self._go_offline: 2,
            self._lose_link: 2,
        }
        while is_running():
            await asyncio.sleep(self._random.expovariate(1 / ACTION_INTERVAL))
            (action,) = self._random.choices(list(actions), list(actions.values()))
            self.does = action.__name__[1:]
            try:
                await action(self._random.choice(self.tabs))
            except Error as error:
                self.stuck.append(Finding("stuck", f"{self.does} of {self.name}", str(error)))
                return

    async def recover(self) -> None:
        """Wait for the network; reload what has no page, and notice that the network is back."""
        while self._trouble:
            await asyncio.wait(self._trouble)
        for tab in self.tabs:
            await self._until_there(tab)
            await tab.page.evaluate("dispatchEvent(new Event('online'))")
            await tab.show_newest()

    async def unsent(self) -> list[str]:
        """Return what the device still keeps to be sent."""
        kept = "Object.entries(localStorage).filter(([key]) => key.startsWith('roomcast.outbox')).map(String)"
        found: list[str] = await self.tabs[0].page.evaluate(kept)
        return found

    # The actions

    async def _write(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        for _ in range(self._random.choice([1, 1, 1, 3])):
            mention = f" @{self._other}," * (self._random.random() < 0.2)
            text = self._text(f"{mention} so" + " so" * self._random.randint(0, 20))
            deeds.written.append(text)
            await tab.write(text)
        deeds.draft = Draft()
        self.counts["written"] += 1

    async def _begin_draft(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        deeds.draft = Draft(self._text(" begun") * (self._random.random() < 0.9), deeds.draft.answers)
        await tab.text.fill(deeds.draft.text)
        self.counts["draft"] += 1
        if self._random.random() < 0.3:
            await self._random.choice([self._reload, self._close])(tab)
        else:
            await tab.until_kept(await self._room(tab), deeds.draft)

    async def _edit(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        if await tab.choose(self._random.random(), mine=True) is None:
            return
        text = self._text(" edited")
        if await tab.edit(text):
            deeds.edited.append(text)
            self.counts["edited"] += 1
        else:
            await self._note_typed(tab, deeds)

    async def _delete(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        text = await tab.choose(self._random.random(), mine=True)
        if text is None:
            return
        await tab.press("Delete")
        if not await tab.page.evaluate("document.activeElement.matches('.deleted')"):
            return
        if self._random.random() < 0.3 and await tab.undo():
            return
        deeds.deleted.append(text)
        self.counts["deleted"] += 1

    async def _react(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        if await tab.choose(self._random.random()) is None:
            return
        if await tab.react(self._random.choice(REACTIONS)):
            self.counts["reacted"] += 1
        else:
            await self._note_typed(tab, deeds)

    async def _answer(self, tab: Tab) -> None:
        deeds = await self._deeds(tab)
        if await tab.choose(self._random.random()) is None:
            return
        await tab.press("r")
        await self._note_typed(tab, deeds)
        self.counts["answered"] += deeds.draft.answers
        if self._random.random() < 0.7:
            await self._write(tab)

    async def _change_room(self, tab: Tab) -> None:
        await tab.enter(self._random.choice([room for room in self._rooms if room != await self._room(tab)]))
        self.counts["changed room"] += 1

    async def _read_back(self, tab: Tab) -> None:
        for _ in range(self._random.randint(1, 3)):
            await tab.press("PageUp")

    async def _reload(self, tab: Tab) -> None:
        self.counts["reloaded"] += 1
        await self._load(tab, tab.page.reload)

    async def _close(self, tab: Tab) -> None:
        self.counts["closed"] += 1
        room = await self._room(tab)
        await tab.page.close()
        self.tabs.remove(tab)
        await asyncio.sleep(self._random.choice([0, 0, 2]))
        await self._open(room)

    async def _go_offline(self, tab: Tab) -> None:
        """Let the browser have no network for a time, and know it."""
        self.counts["offline"] += 1
        await self._context.set_offline(True)
        self._link.cut_off()

        async def come_back() -> None:
            self._link.restore()
            await self._context.set_offline(False)

        self._later(come_back)

    async def _lose_link(self, tab: Tab) -> None:
        """Let no connection be possible for a time, which the browser does not know."""
        self.counts["lost link"] += 1
        self._link.cut_off()

        async def come_back() -> None:
            self._link.restore()

        self._later(come_back)

    # Their parts

    def _later(self, act: Callable[[], Awaitable[None]]) -> None:
        seconds = self._random.uniform(0.5, 8)

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await act()

        task = asyncio.create_task(wait())
        self._trouble.add(task)
        task.add_done_callback(self._trouble.discard)

    def _text(self, rest: str) -> str:
        self._count += 1
        return f"<{self._count} of {self.name}>{rest}"

    async def _room(self, tab: Tab) -> str:
        return (await tab.shown()).room

    async def _deeds(self, tab: Tab) -> Deeds:
        return self.deeds[await self._room(tab)]

    async def _note_typed(self, tab: Tab, deeds: Deeds) -> None:
        """Note what stands in the field: a key for a message that is gone meanwhile goes there."""
        shown = await tab.shown()
        deeds.draft = shown.draft
        await tab.until_kept(shown.room, shown.draft)

    def _url(self, room: str) -> str:
        return f"http://127.0.0.1:{self._link.port}/?room={room}"

    async def _open(self, room: str) -> Tab:
        page = await self._context.new_page()
        self.frames.listen(page)
        tab = Tab(page)
        self.tabs.append(tab)
        await self._load(tab, lambda **how: page.goto(self._url(room), **how))
        return tab

    async def _load(self, tab: Tab, load: Callable[..., Awaitable[object]]) -> None:
        with suppress(Error):
            await load(wait_until="commit", timeout=LOADING)
        await self._until_there(tab)

    async def _until_there(self, tab: Tab) -> None:
        """Wait for the page; reload it while it does not come."""
        while True:
            try:
                return await tab.until_there(LOADING)
            except Error:
                self.counts["loaded again"] += 1
                with suppress(Error):
                    await tab.page.reload(wait_until="commit", timeout=LOADING)
