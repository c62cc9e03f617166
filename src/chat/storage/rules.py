"""The rules that a room's moderators set: who is muted or banned, slow mode, and whether the room is locked.

A room's rules are an item of their own, so that a room's head stays small. The head holds their version,
`rules_version`. The write that commits a message is conditional on the version that its sender was checked
against: a new rule holds as soon as it is written, and costs no read while no rule changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chat.protocol.errors import Forbidden
from chat.storage import keys
from chat.storage.cooldowns import Cooldowns
from chat.storage.dynamodb import Table, batch_get, transact
from chat.storage.items import new_epoch

_TRIES = 5  # at a change of rules that other changes overtake
# Users in the rules of one room at once. An item holds 400 KB, and a user may take 512 bytes.
_MAX_NAMED = 700
_BANNED = "A moderator has banned you from this room for a while."


@dataclass(frozen=True, slots=True)
class Rules:
    """`slow_mode`: seconds that a person waits between two messages. `muted` and `banned`: the end for each
    user, in seconds since 1970.
    """

    version: int = 0
    locked: bool = False
    slow_mode: int = 0
    muted: Mapping[str, int] = field(default_factory=dict)
    banned: Mapping[str, int] = field(default_factory=dict)

    def restricts(self, user: str, now: float) -> bool:
        """True if any rule may keep this user from posting."""
        return (
            self.locked
            or bool(self.slow_mode)
            or max(self.muted.get(user, 0), self.banned.get(user, 0)) > now
        )

    def require_may_post(self, user: str, now: float) -> None:
        """Raises Forbidden if this user may not post in the room."""
        if self.locked:
            raise Forbidden("This room is locked: it can be read, and nobody can write.")
        if self.muted.get(user, 0) > now:
            raise Forbidden("A moderator has muted you in this room for a while.")
        if self.banned.get(user, 0) > now:  # the user's connections are leaving the room at this moment
            raise Forbidden(_BANNED)


NO_RULES = Rules()


class RoomRules(Table):
    """The rules of all rooms, in the messages table."""

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        super().__init__(dynamodb, table, now)
        self._cooldowns = Cooldowns(dynamodb, table, now)

    def read(self, room: str) -> Rules:
        """Return a room's rules as they are now, read strongly consistent."""
        item = self._get(keys.rules(room))
        if item is None:
            return NO_RULES
        return Rules(
            int(item["version"]),
            item["locked"],
            int(item["slow_mode"]),
            _times(item["muted"]),
            _times(item["banned"]),
        )

    def read_for(self, user: str, room: str) -> Rules:
        """Return a room's rules as they are now. Raises Forbidden if this user is banned from the room."""
        rules = self.read(room)
        self._reject_banned(user, rules.banned)
        return rules

    def require_not_banned(self, user: str, rooms: Collection[str]) -> None:
        """Raises Forbidden if this user is banned from one of these rooms."""
        items = [keys.rules(room) for room in rooms]
        for item in batch_get(self._dynamodb, self._table, items, ["banned"]):
            self._reject_banned(user, item["banned"])

    def _reject_banned(self, user: str, banned: Mapping[str, Any]) -> None:
        if banned.get(user, 0) > self._now():
            raise Forbidden(_BANNED)

    def change(self, room: str, change: Callable[[Rules], Rules]) -> None:
        """Change a room's rules. They hold for every message that is committed after this returns."""
        for _ in range(_TRIES):
            old = self.read(room)
            new = self._without_ended(replace(change(old), version=old.version + 1))
            if self._put(room, old.version, new):
                return
        raise TimeoutError("too many changes of the room's rules at once: try again")

    def start_cooldown(self, room: str, user: str, slow_mode: int) -> None:
        """Hold a person to a room's slow mode. Raises RateLimited with the remaining seconds."""
        detail = f"This room is in slow mode: one message in {slow_mode} seconds."
        self._cooldowns.start(keys.cooldown(room, user), slow_mode, detail)

    def refund_cooldown(self, room: str, user: str) -> None:
        """End a person's cooldown: the message was not committed."""
        self._cooldowns.refund(keys.cooldown(room, user))

    def _without_ended(self, rules: Rules) -> Rules:
        now = self._now()
        muted = {user: until for user, until in rules.muted.items() if until > now}
        banned = {user: until for user, until in rules.banned.items() if until > now}
        if len(muted) + len(banned) > _MAX_NAMED:
            raise Forbidden(f"A room's rules can name {_MAX_NAMED} people at once.")
        return replace(rules, muted=muted, banned=banned)

    def _put(self, room: str, version: int, rules: Rules) -> bool:
        """False if another change was faster."""
        condition, old = expected_version(version)
        head = {
            "TableName": self._table,
            "Key": keys.head(room),
            # The stream gets a record of this head too; the mark tells the fan-out that it is not a message.
            "UpdateExpression": (
                "SET rules_version = :new, not_a_message = :not_a_message,"
                " epoch = if_not_exists(epoch, :epoch)"
            ),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {
                ":new": rules.version,
                ":not_a_message": True,
                ":epoch": new_epoch(),
                **old,
            },
        }
        item = {
            "version": rules.version, "locked": rules.locked, "slow_mode": rules.slow_mode,
            "muted": dict(rules.muted), "banned": dict(rules.banned),
        }  # fmt: skip
        put = {"TableName": self._table, "Item": keys.rules(room) | item}
        return transact(self._dynamodb, [{"Update": head}, {"Put": put}])


def expected_version(version: int) -> tuple[str, dict[str, int]]:
    """Return the condition that a head has this version of the rules, and the values in it."""
    if not version:
        return "attribute_not_exists(rules_version)", {}
    return "rules_version = :rules_version", {":rules_version": version}


def _times(stored: Mapping[str, Any]) -> dict[str, int]:
    return {user: int(until) for user, until in stored.items()}
