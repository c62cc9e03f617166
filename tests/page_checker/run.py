"""A run: two people chat in several windows each during faults. Then the faults end, and the oracle looks."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Error

from tests.e2e.support.tcp_fault_proxy import tcp_fault_proxy
from tests.loss_checker.bounds import Bounds, Deadline, all_within
from tests.loss_checker.changers import Changer
from tests.loss_checker.changes_oracle import ChangedRoom, Form, check_changes
from tests.loss_checker.faults import Faults, inject
from tests.loss_checker.oracle import Finding
from tests.loss_checker.run import Report
from tests.page_checker.oracle import check_page, check_written
from tests.page_checker.person import Person

NAMES = ("Ada", "Grace")
TIMEOUT = 30_000  # milliseconds, of an action on a page
PROGRESS = 30.0  # seconds
READING = 1.2  # seconds; what a page has in view counts as read after one (web/page/views/list/reader.js)


@dataclass(frozen=True, slots=True)
class Settings:
    windows: int = 3  # per person
    rooms: int = 2
    seconds: float = 120.0
    bounds: Bounds = field(default_factory=Bounds)


async def run(browser: Browser, url: str, settings: Settings, rng: random.Random, faults: Faults) -> Report:
    """`url` is the chat's, with the page at its host."""
    rooms = [f"page-{uuid.uuid4().hex[:8]}-{number}" for number in range(1, settings.rooms + 1)]
    async with AsyncExitStack() as stack:
        people = []
        for name in NAMES:
            link = await stack.enter_async_context(tcp_fault_proxy(urlsplit(url).port or 0))
            (other,) = (each for each in NAMES if each != name)
            person = Person(name, other, link, rooms, random.Random(rng.random()))
            context = await browser.new_context(viewport={"width": 1280, "height": 800})
            stack.push_async_callback(context.close)
            context.set_default_timeout(TIMEOUT)
            beginning = {f"{name} opens the page": person.begin(context, settings.windows)}
            if late := await all_within(settings.bounds.joining, beginning):
                raise TimeoutError(f"no run without it: {late}")
            people.append(person)
        return await _run(people, Reader(url, rooms, rng), settings, rng, faults)


async def _run(
    people: list[Person], reader: Reader, settings: Settings, rng: random.Random, faults: Faults
) -> Report:
    bounds, begun = settings.bounds, time.monotonic()

    def is_running() -> bool:
        return time.monotonic() < begun + settings.seconds

    async def tell() -> None:
        while is_running():
            await asyncio.sleep(min(PROGRESS, begun + settings.seconds - time.monotonic()))
            print(f"{time.monotonic() - begun:.0f} s: {_listed(people, faults.counts)}", flush=True)

    work = {person.name: person.act(is_running) for person in people}
    work |= {"the faults": inject(faults, rng, is_running), "the progress": tell()}
    late = await all_within(settings.seconds + bounds.acting, work)
    does = {person.name: person.does for person in people}
    findings = [Finding("late", who, f"{does.get(who)} did not end") for who in late]
    stopped = time.monotonic()
    findings += await _heal(people, reader, Deadline(bounds.healing))
    healing = time.monotonic() - stopped
    for person in people:
        findings += [*person.stuck, *person.console.findings]
    counts = sum((person.counts + person.console.counts for person in people), await faults.take_counts())
    await reader.close()
    return Report(counts, healing, findings)


async def _heal(people: list[Person], reader: Reader, deadline: Deadline) -> list[Finding]:
    """Wait until the pages show what is stored, or for the deadline; return what they show otherwise."""
    healing = {f"the pages of {person.name}": person.recover() for person in people}
    if late := await all_within(deadline.left, healing):
        return [Finding("late", what, "a page does not come back") for what in late]
    while True:
        try:
            findings = await _findings(people, reader)
        except Error as error:
            findings = [Finding("stuck", "a window", str(error))]
        if not findings or not deadline.left:
            return findings
        await asyncio.sleep(0.5)


async def _findings(people: list[Person], reader: Reader) -> list[Finding]:
    findings: list[Finding] = []
    for room in reader.rooms:
        history, changes = await reader.read(room)
        attempts = [each for person in people for each in person.frames.attempts(room, history.values())]
        findings += check_changes(ChangedRoom(room, attempts, history, changes, {}, None))
        for person in people:
            deeds, where = person.deeds[room], f"{person.name} in {room}"
            sent = person.frames.texts(room, "send")
            findings += check_written(where, deeds.written, sent, deeds.deleted, history)
            findings += [
                Finding("lost", where, f"the edit {text!r}")
                for text in deeds.edited
                if text not in person.frames.texts(room, "edit")
            ]
            for number, tab in enumerate(person.tabs, 1):
                if (await tab.shown()).room != room:
                    await tab.enter(room)
                shown = await tab.shown()
                window = f"window {number} of {where}"
                findings += check_page(window, person.frames.user, shown, history)
                if shown.draft != deeds.draft:
                    findings.append(Finding("another draft", window, f"{shown.draft}, not {deeds.draft}"))
                new = {other: kind for other, kind in shown.badges.items() if kind in {"unread", "mentions"}}
                if room == reader.rooms[-1] and new:  # the others were looked at before
                    findings.append(Finding("unread", window, str(new)))
        if room != reader.rooms[-1]:
            await asyncio.sleep(READING)
    for person in people:
        findings += [Finding("unsent", person.name, item) for item in await person.unsent()]
    return findings


def _listed(people: list[Person], faults: Counter[str]) -> str:
    counts = sum((person.counts for person in people), faults)
    return ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))


class Reader:
    """Reads the history by a client of its own."""

    def __init__(self, url: str, rooms: list[str], rng: random.Random) -> None:
        self.rooms = rooms
        self._clients = {room: Changer(url, room, "the reader", rng) for room in rooms}

    async def read(self, room: str) -> tuple[Mapping[int, Form], list[dict[str, Any]]]:
        return await self._clients[room].history()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
