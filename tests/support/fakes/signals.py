"""The ephemeral events of rooms."""

from __future__ import annotations

from chat.identity.identity import Person


class FakeSignals:
    """Records presence changes, and the rooms whose presence was suppressed or resumed."""

    def __init__(self) -> None:
        self.changed: list[tuple[str, Person]] = []
        self.suppressed: list[str] = []
        self.resumed: list[str] = []

    def presence_changed(self, room: str, person: Person) -> None:
        self.changed.append((room, person))

    def suppress_presence(self, room: str) -> bool:
        self.suppressed.append(room)
        return self.suppressed.count(room) - self.resumed.count(room) == 1

    def resume_presence(self, room: str) -> None:
        self.resumed.append(room)
