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
        self.of_user: dict[str, list[Member]] = {}
        self.trouble: Exception | None = None

    def members_of(self, user: str) -> list[Member]:
        return self.of_user.get(user, [])

    def prune(self, room: str | None, members: Sequence[Member]) -> list[ClosedConnection]:
        if self.trouble:
            raise self.trouble
        found_in = set() if room is None else {room}
        self.pruned += [(room or "", member.connection_id) for member in members]
        return [
            ClosedConnection(
                Person(member.user, member.name),
                frozenset({*found_in, *self.rooms.get(member.connection_id, ())}),
            )
            for member in members
        ]
