"""The members of a room, and the slices of a large room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Person, Protocol
from chat.storage import keys

MAX_LISTED_MEMBERS = 200  # the presence limit: a larger room gets an estimated count, and no presence frames


@dataclass(frozen=True, slots=True)
class Member:
    """A connection in a room."""

    connection_id: str
    protocol: Protocol
    connected_at: int  # milliseconds since 1970
    user: str = ""
    name: str = ""
    expired: bool = False  # the time of the connection or of its token is over

    @classmethod
    def from_attributes(
        cls,
        connection_id: str,
        protocol: Any,
        connected_at: Any,
        user: str,
        name: str,
        expires_at: Any,
        now: float,
    ) -> Member:
        """Read attributes of a connection's or membership's item. Numbers may be text, as in DynamoDB's JSON.

        Not a mapping: to unpack the items of the member reader into one would cost half of their parsing.
        """
        return cls(connection_id, protocol, int(connected_at), user, name, int(expires_at) <= now)

    @classmethod
    def from_item(cls, connection_id: str, item: Mapping[str, Any], now: float) -> Member:
        """Read a connection's or a membership's item, in Python's types."""
        return cls.from_attributes(
            connection_id,
            item["protocol"],
            item["connected_at"],
            item["user"],
            item["name"],
            item["expires_at"],
            now,
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """The `number`-th of `count` equal parts of a room's hash space."""

    room: str
    number: int
    count: int

    @property
    def first(self) -> int:
        return keys.HASH_SPACE * self.number // self.count

    @property
    def last(self) -> int:
        return keys.HASH_SPACE * (self.number + 1) // self.count - 1


def estimate_members(members: int, sk: str) -> int:
    """Estimate a room's size from its first `members` and the last one's sk: hashes spread evenly."""
    return round(members * keys.HASH_SPACE / (keys.hash_of(sk) + 1))


def people_in(members: Iterable[Member]) -> dict[str, Person]:
    """Return the people behind the members, by user. The latest connection of a user decides the name."""
    current = sorted(
        (member for member in members if not member.expired), key=lambda member: member.connected_at
    )
    return {member.user: Person(member.user, member.name) for member in current}
