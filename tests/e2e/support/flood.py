"""A flood: far more messages than the limits allow."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from websockets.asyncio.client import ClientConnection

_STEP = 0.005  # seconds between two checks of what is due


@dataclass(slots=True)
class Flood:
    """Send `rate` messages per second to a room, over the sockets in turn, whatever is answered.

    `max_under_way` bounds the unanswered ones. A slow machine gets as many as it answers: more would only
    make its other clients wait.
    """

    sockets: Sequence[ClientConnection] = field(repr=False)
    room: str
    rate: int
    max_under_way: int = 24
    sent: int = 0
    seconds: float = 0.0  # from the first message to the last answer
    outcomes: Counter[str] = field(default_factory=Counter)  # "ok" and error codes
    retries: list[float] = field(default_factory=list, repr=False)  # the `retry_after` of each error
    _unanswered: int = 0
    _began: float = 0.0

    async def run(self, seconds: float) -> None:
        """Flood for so long, then wait for the answers."""
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
