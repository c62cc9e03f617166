"""The log of rooms."""

from __future__ import annotations

from collections.abc import Sequence

from chat.protocol.messages import Entry
from chat.storage.log import Settled


class FakeLog:
    """A log in which nothing was ever sent twice. Remembers what it settled, and can fail for a room. `large`
    are rooms' slices.
    """

    def __init__(self) -> None:
        self.settled: list[str] = []
        self.troubles: dict[str, Exception] = {}
        self.large: dict[str, int] = {}

    def settle(self, room: str, run: Sequence[Entry]) -> Settled:
        if room in self.troubles:
            raise self.troubles[room]
        self.settled.append(room)
        return Settled(list(run), None)

    def slices(self, room: str) -> int | None:
        return self.large.get(room)
