"""The rooms that a user may read, and those that a user may write in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

PRIVATE = "private-"
INBOX = "@"  # and its person's user: the name of an inbox
_RESERVED = (PRIVATE, INBOX)  # a room whose name begins so is granted only by a pattern that begins so
EVERY_ROOM = "*"  # the grants of a user without a list of rooms: every room but private ones and inboxes


def is_inbox(room: str) -> bool:
    return room.startswith(INBOX)


@dataclass(frozen=True, slots=True)
class Grants:
    """Patterns of room names, in NFC: a whole name, or the beginning of names followed by `*`.

    `user` is whose grants they are: the only one who may read that user's inbox, whatever the patterns say.
    """

    reading: tuple[str, ...]
    writing: tuple[str, ...]
    user: str | None = None

    @classmethod
    def parse(cls, text: str, user: str | None = None) -> Grants:
        """Parse patterns that are separated by spaces. No pattern grants no room but the user's inbox.

        `:read` or `:write` at its end restricts a pattern: `news:read` grants reading in `news`.
        """
        reading: list[str] = []
        writing: list[str] = []
        for pattern in normalize("NFC", text).split():
            if pattern.endswith(":read"):
                reading.append(pattern.removesuffix(":read"))
            elif pattern.endswith(":write"):
                writing.append(pattern.removesuffix(":write"))
            else:
                reading.append(pattern)
                writing.append(pattern)
        return cls(tuple(reading), tuple(writing), user)

    def may_read(self, room: str) -> bool:
        """True if the user may join the room and read its history and presence."""
        if is_inbox(room):
            return self.user is not None and room == INBOX + self.user
        return _covered(room, self.reading)

    def may_write(self, room: str) -> bool:
        """True if the user may send to the room and show typing in it."""
        return _covered(room, self.writing)


def _covered(room: str, patterns: Iterable[str]) -> bool:
    reserved = next((beginning for beginning in _RESERVED if room.startswith(beginning)), "")
    return any(
        room == pattern or (pattern.endswith("*") and room.startswith(pattern[:-1]))
        for pattern in patterns
        if pattern.startswith(reserved)
    )
