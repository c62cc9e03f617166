"""Which rooms somebody may read, and in which they may write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PRIVATE = "private-"  # a room whose name begins so is opened by nothing but a pattern that begins so
EVERY_ROOM = "*"  # the grants of somebody who was given none in particular: every room but private ones


@dataclass(frozen=True, slots=True)
class Grants:
    """Patterns: a room's whole name, or the beginning of names with `*` at its end."""

    reading: tuple[str, ...]
    writing: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Grants:
        """Grants from patterns that are separated by spaces; from no pattern come no rooms.

        `:read` or `:write` at a pattern's end restricts it to that, so `news:read` grants reading in `news`.
        """
        reading: list[str] = []
        writing: list[str] = []
        for pattern in text.split():
            if pattern.endswith(":read"):
                reading.append(pattern.removesuffix(":read"))
            elif pattern.endswith(":write"):
                writing.append(pattern.removesuffix(":write"))
            else:
                reading.append(pattern)
                writing.append(pattern)
        return cls(tuple(reading), tuple(writing))

    def may_read(self, room: str) -> bool:
        """Whether one may be in the room: hear it, and see its history and who is there."""
        return _covered(room, self.reading)

    def may_write(self, room: str) -> bool:
        """Whether one may send to the room, and be seen typing in it."""
        return _covered(room, self.writing)


def _covered(room: str, patterns: Iterable[str]) -> bool:
    return any(
        room == pattern or (pattern.endswith("*") and room.startswith(pattern[:-1]))
        for pattern in patterns
        if pattern.startswith(PRIVATE) or not room.startswith(PRIVATE)
    )
