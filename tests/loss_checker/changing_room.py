"""A room whose members change its messages during faults, and its judgement."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable

from tests.loss_checker.changers import Changer
from tests.loss_checker.changes_oracle import ChangedRoom, check_changes
from tests.loss_checker.faults import Faults
from tests.loss_checker.oracle import Finding

MEMBERS = 4
HEALING_TIMEOUT = 120.0  # seconds


class ChangingRoom:
    def __init__(self, url: str, rng: random.Random) -> None:
        self._room = f"changes-{uuid.uuid4().hex[:8]}"
        self._members = [
            Changer(url, self._room, f"{self._room} {number}", random.Random(rng.random()))
            for number in range(1, MEMBERS + 1)
        ]

    async def act(self, is_running: Callable[[], bool]) -> None:
        async def acts(member: Changer) -> None:
            while is_running():
                await member.act()

        await asyncio.gather(*map(acts, self._members))

    async def judge(self, faults: Faults | None) -> tuple[list[Finding], Counter[str]]:
        """Wait until all is folded and every member has it; return the findings and what was acknowledged."""
        first = self._members[0]
        try:
            async with asyncio.timeout(HEALING_TIMEOUT):
                await first.say_last()
                await asyncio.gather(*(member.catch_up() for member in self._members))
        except TimeoutError:  # the oracle finds what is missing
            print(f"late after {HEALING_TIMEOUT:.0f} s: {self._room}", flush=True)
        messages, changes = await first.history()
        attempts = [attempt for member in self._members for attempt in member.attempts]
        shown = {member.name: member.shown for member in self._members}
        stored = await faults.stored() if faults else None
        record = ChangedRoom(self._room, attempts, messages, changes, shown, stored)
        await asyncio.gather(*(member.close() for member in self._members))
        done = [attempt.kind for attempt in attempts if isinstance(attempt.outcome, int)]
        return check_changes(record), Counter(f"acknowledged {kind}" for kind in done)
