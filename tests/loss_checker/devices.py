"""The devices of people: they change a room's messages, mention others, and mark what is read."""

from __future__ import annotations

import random
from typing import Any

from tests.e2e.support.clients import user_of
from tests.loss_checker.actions import MARKS, marked
from tests.loss_checker.changers import Changer
from tests.loss_checker.people_oracle import Reading


class Device(Changer):
    """One of the connections of a person. All of them are one user, with one mark."""

    def __init__(
        self, url: str, room: str, person: str, number: int, people: list[str], rng: random.Random
    ) -> None:
        super().__init__(url, room, person, rng)
        self.name = f"{person} {number}"
        self.person = user_of(person)
        self.readings: list[Reading] = []
        self.began: int | None = None
        self._people = [user_of(each) for each in people]

    async def subscribe(self) -> None:
        reply = await self._until_replied({"action": "subscribe", "room": self._room})
        self.began = int(reply["read"])

    async def unsubscribe(self) -> None:
        await self._until_replied({"action": "unsubscribe", "room": self._room})

    async def act(self) -> None:
        """Mark messages as read, or send or change one."""
        if self._forms and self._random.random() < MARKS:
            await self._pause()
            await self._mark()
        else:
            await super().act()

    async def rooms(self) -> list[dict[str, Any]]:
        """Return the whole list of the person's rooms, read in small pages."""
        places: list[dict[str, Any]] = []
        after: dict[str, Any] = {}
        while True:
            page = await self._until_replied({"action": "rooms", "limit": 1, **after})
            places += page["rooms"]
            if not page["more"]:
                return places
            after = {"after": page["rooms"][-1]["room"]} if page["rooms"] else after

    def _send_fields(self) -> dict[str, Any]:
        if self._random.random() < 0.4:
            return {}
        mentioned = self._random.sample(self._people, k=self._random.randint(1, len(self._people)))
        return {"mentions": mentioned}

    async def _mark(self) -> None:
        asked = marked(self._random, max(self._forms))
        reading = len(self.readings)
        self.readings.append(Reading(asked, None))
        reply = await self._until_replied({"action": "read", "room": self._room, "seq": asked})
        answered = int(reply["read"]) if reply.get("status") == "ok" else str(reply.get("code"))
        self.readings[reading] = Reading(asked, answered)
