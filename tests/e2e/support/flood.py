"""Somebody who sends far more than anybody may."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from websockets.asyncio.client import ClientConnection

_STEP = 0.005  # seconds between two looks at what is due


@dataclass(slots=True)
class Flood:
    """Sends to a room over these sockets, in turn, `rate` messages a second: all at its time and whatever is
    answered, but for a bound to what is under way.

    A machine that can answer fewer is sent as many as it answers: to send it more would only make it wait,
    with everybody else that it serves.
    """

    sockets: Sequence[ClientConnection] = field(repr=False)
    room: str
    rate: int
    max_under_way: int = 24
    sent: int = 0
    seconds: float = 0.0  # from the first message to the last answer
    outcomes: Counter[str] = field(default_factory=Counter)  # "ok" and the codes of refusals
    retries: list[float] = field(default_factory=list, repr=False)  # each refusal's `retry_after`
    _unanswered: int = 0
    _began: float = 0.0

    async def run(self, seconds: float) -> None:
        """Floods for so long, and waits for the answers."""
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(self._read(socket)) for socket in self.sockets]
            self._began = time.monotonic()
            await self._send(seconds)
            while self._unanswered:
                await asyncio.sleep(_STEP)
            for task in reading:
                task.cancel()

    async def _send(self, seconds: float) -> None:
        refs = count()
        while (elapsed := time.monotonic() - self._began) < seconds:
            while self.sent < elapsed * self.rate and self._unanswered < self.max_under_way:
                ref = f"flood-{next(refs)}"
                socket = self.sockets[self.sent % len(self.sockets)]
                self.sent += 1
                self._unanswered += 1
                await socket.send(
                    json.dumps({"action": "send", "ref": ref, "room": self.room, "message": f"{ref}!"})
                )
            await asyncio.sleep(_STEP)

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            frame = json.loads(text)
            if frame.get("type") != "reply":
                continue
            self._unanswered -= 1
            self.seconds = time.monotonic() - self._began
            self.outcomes[frame.get("code", frame["status"])] += 1
            if "retry_after" in frame:
                self.retries.append(frame["retry_after"])
