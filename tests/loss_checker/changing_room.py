"""A room whose members change its messages and mark what they read during faults, and its judgement."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.support.library import Library
from tests.loss_checker.bounds import Bounds, Deadline, all_within
from tests.loss_checker.changes_oracle import Attempt, ChangedRoom, Form, check_changes
from tests.loss_checker.devices import Device
from tests.loss_checker.faults import Faults
from tests.loss_checker.library_member import LibraryMember
from tests.loss_checker.oracle import Finding
from tests.loss_checker.people_oracle import PeopleRoom, Reader, check_people

DEVICES = 3  # per person who uses frames
LIBRARY = 2  # people who use the library, with a device each


class ChangingRoom:
    def __init__(self, library: Library, url: str, people: int, rng: random.Random) -> None:
        self._library = library
        self.name = self._room = f"changes-{uuid.uuid4().hex[:8]}"
        names = [f"{self._room} {letter}" for letter in "abcdefgh"[:people]]
        self._devices = [
            Device(url, self._room, person, number, names, random.Random(rng.random()))
            for person in names
            for number in range(1, DEVICES + 1)
        ]
        self._pages = [
            LibraryMember(
                library, url, self._room, f"{self._room} page {number}", random.Random(rng.random())
            )
            for number in range(1, LIBRARY + 1)
        ]
        self._members: list[Device | LibraryMember] = [*self._devices, *self._pages]

    async def join(self) -> None:
        """Let all join and subscribe; who is late does it while the others act."""
        await asyncio.gather(*(member.subscribe() for member in self._members))

    async def act(self, is_running: Callable[[], bool]) -> None:
        async def acts(member: Device | LibraryMember) -> None:
            if member.began is None:
                await member.subscribe()
            while is_running():
                await member.act()

        await asyncio.gather(*map(acts, self._members))

    @property
    def asks(self) -> dict[str, str]:
        """What each member waits for, or waited for last, and what came of that."""
        return {member.name: member.asks for member in self._members}

    async def judge(self, faults: Faults | None, bounds: Bounds) -> tuple[list[Finding], Counter[str]]:
        """Wait until all is folded and every member has it; return the findings and what was acknowledged."""
        first, last = self._devices[0], self._devices[-1]
        outboxes: list[str] = []
        messages: dict[int, Form] = {}
        changes: list[dict[str, Any]] = []
        lists: dict[str, list[dict[str, Any]]] = {}
        deadline = Deadline(bounds.healing)

        async def heal() -> None:
            end = await first.end()
            await last.unsubscribe()
            await asyncio.gather(*(member.catch_up(end) for member in self._members))

        async def read() -> None:
            found = await first.history()
            messages.update(found[0])
            changes.extend(found[1])
            outboxes.append(await self._library.stored())

        async def list_rooms() -> None:
            """Until all is counted: what the fan-out has not come to yet is not wrong."""
            while True:
                lists.update({member.name: await member.rooms() for member in self._members})
                if not check_people(self._people(messages, lists, {})):
                    return
                await asyncio.sleep(1)

        await all_within(deadline.left, {f"the members of {self._room}": heal()})
        await all_within(max(deadline.left, bounds.ending), {f"the history of {self._room}": read()})
        await all_within(max(deadline.left, bounds.ending), {f"the lists with {self._room}": list_rooms()})
        attempts = [attempt for member in self._members for attempt in member.attempts]
        shown = {member.name: member.shown for member in self._devices}
        looks = {member.name: member.looks for member in self._pages}
        async with asyncio.timeout(bounds.ending):
            stored = await faults.stored() if faults else None
            readable = {
                "the lists": str(lists),
                "the history": f"{messages} {changes}",
                "the outboxes": str(outboxes),
            }
            readable |= {"the tables": stored} if stored else {}
            if faults:
                readable |= {"the logs": faults.logs(), "the stream": await faults.deletions()}
        record = ChangedRoom(self._room, attempts, messages, changes, shown, stored, looks)
        findings = check_changes(record) + check_people(self._people(messages, lists, readable))
        await all_within(bounds.ending, {f"the end of {each.name}": each.close() for each in self._members})
        done = [attempt.kind for attempt in attempts if isinstance(attempt.outcome, int)]
        counts = Counter(f"acknowledged {kind}" for kind in done)
        counts["acknowledged of the library"] = sum(
            isinstance(each.outcome, int) for member in self._pages for each in member.attempts
        )
        for member in self._members:
            counts["acknowledged read"] += sum(isinstance(each.answered, int) for each in member.readings)
            counts["notice"] += len(member.notices)
        counts["slices of changing rooms"] = await faults.slices(self._room) if faults else 0
        counts["mention"] = sum(len(message.get("mentions", [])) for message in messages.values())
        return findings, counts

    def _people(
        self,
        messages: Mapping[int, Form],
        lists: Mapping[str, list[dict[str, Any]]],
        readable: Mapping[str, str],
    ) -> PeopleRoom:
        people: dict[str, list[Device | LibraryMember]] = {}
        for member in self._members:
            people.setdefault(member.person, []).append(member)
        unsubscribed = self._devices[-1].person
        readers = [
            Reader(
                user,
                # A device without an answer to subscribe knows no mark.
                None if user == unsubscribed else max(device.began or 0 for device in devices),
                [reading for device in devices for reading in device.readings],
                [lists.get(device.name, []) for device in devices],
                [notice for device in devices for notice in device.notices],
            )
            for user, devices in people.items()
        ]
        attempts = [attempt for member in self._members for attempt in member.attempts]
        return PeopleRoom(self._room, readers, messages, _deleted(attempts), readable)


def _deleted(attempts: list[Attempt]) -> list[str]:
    """Return the texts that a message had before it was deleted."""
    gone = {each.of for each in attempts if each.kind == "delete" and isinstance(each.outcome, int)}
    return [
        each.text
        for each in attempts
        if (each.is_message and each.outcome in gone) or (each.kind == "edit" and each.of in gone)
    ]
