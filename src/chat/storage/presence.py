"""Who is in a room: each person once, on however many connections."""

from __future__ import annotations

from collections.abc import Iterable

from chat.identity.people import Person
from chat.storage.connections import Member

MAX_LISTED_MEMBERS = 200  # members; of a larger room one is told a number, and nobody's coming and going


def people_in(members: Iterable[Member]) -> dict[str, Person]:
    """The people behind members, by user. Of two names the one of the latest connection counts."""
    current = sorted((member for member in members if not member.expired), key=lambda each: each.connected_at)
    return {member.user: Person(member.user, member.name) for member in current}
