"""The connections table."""

from __future__ import annotations

from collections.abc import Sequence

from chat.identity.identity import Person
from chat.storage.connections import ClosedConnection
from chat.storage.members import Member


class FakeConnections:
    """Remembers who was forgotten, and can fail at it. `rooms` are those that a connection is in besides."""

    def __init__(self) -> None:
        self.forgotten: list[tuple[str, str]] = []
        self.rooms: dict[str, set[str]] = {}
        self.trouble: Exception | None = None

    def prune(self, room: str, members: Sequence[Member]) -> list[ClosedConnection]:
        if self.trouble:
            raise self.trouble
        self.forgotten += [(room, member.connection_id) for member in members]
        return [
            ClosedConnection(
                Person(member.user, member.name),
                frozenset({room, *self.rooms.get(member.connection_id, ())}),
            )
            for member in members
        ]
