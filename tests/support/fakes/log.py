"""The log of rooms, and what counts it."""

from __future__ import annotations

from collections.abc import Sequence

from chat.protocol.messages import Entry
from chat.storage.log.repair import Repaired


class FakeLog:
    """A log in which nothing was ever sent twice. Keeps what it repaired, and can fail for a room. `large`
    are rooms' slices.
    """

    def __init__(self) -> None:
        self.repaired: list[str] = []
        self.troubles: dict[str, Exception] = {}
        self.large: dict[str, int] = {}

    def repair(self, room: str, run: Sequence[Entry]) -> Repaired:
        if room in self.troubles:
            raise self.troubles[room]
        self.repaired.append(room)
        return Repaired(list(run), None)

    def slices(self, room: str) -> int | None:
        return self.large.get(room)


class FakeUnread:
    """Keeps which runs were counted, or fails with `trouble`."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int, int]] = []  # rooms, with the first and the last seq of the run
        self.trouble: Exception | None = None

    async def update(self, room: str, repaired: Repaired) -> None:
        if self.trouble:
            raise self.trouble
        self.counted.append((room, repaired.entries[0].seq, repaired.entries[-1].seq))


class NoCoalescing:
    """The coalescing of rooms in which nobody reacts."""

    async def holds_back(self, room: str, repaired: Repaired) -> bool:
        return False

    async def with_waiting(self, room: str, repaired: Repaired) -> Repaired:
        return repaired
