"""The ephemeral events of rooms."""

from __future__ import annotations

from chat.identity.identity import Person


class FakeSignals:
    """Remembers who was said to have moved, and which rooms to be crowded."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Person]] = []
        self.crowds: list[str] = []

    def presence_changed(self, room: str, person: Person) -> None:
        self.told.append((room, person))

    def suppress_presence(self, room: str) -> None:
        self.crowds.append(room)
