"""Who is in a room, for the replies that list or count them."""

from __future__ import annotations

from typing import Any

from chat.actions.context import Context
from chat.identity.identity import Person
from chat.storage.members import MAX_LISTED_MEMBERS, people_in


def people_and_count(context: Context, room: str) -> tuple[dict[str, Person], dict[str, Any]]:
    """Return the people in a room by user, and the fields of a reply that say how many there are.

    Above the presence limit, return nobody and an estimate of the number of connections.
    """
    members, estimate = context.connections.members(room, MAX_LISTED_MEMBERS)
    if estimate is not None:
        return {}, {"count": estimate, "approximate": True}
    people = people_in(members)
    return people, {"count": len(people)}
