"""The connections table."""

from __future__ import annotations

from collections.abc import Sequence

from chat.identity.identity import Person
from chat.storage.connections import ClosedConnection
from chat.storage.members import Member


class FakeConnections:
    """Records what was pruned, or fails with `trouble`. `rooms` are a connection's further rooms."""

    def __init__(self) -> None:
        self.pruned: list[tuple[str, str]] = []
        self.rooms: dict[str, set[str]] = {}
        self.trouble: Exception | None = None

    def prune(self, room: str, members: Sequence[Member]) -> list[ClosedConnection]:
        if self.trouble:
            raise self.trouble
        self.pruned += [(room, member.connection_id) for member in members]
        return [
            ClosedConnection(
                Person(member.user, member.name),
                frozenset({room, *self.rooms.get(member.connection_id, ())}),
            )
            for member in members
        ]
