"""The rules that a room's moderators set: who is muted or banned, slow mode, and whether the room is locked.

A room's rules are an item of their own, so that a room's head stays small. The head holds their version,
`rules_version`. The one write that commits a message is conditional on the version that its sender was
checked against: a new rule holds from the moment it is written, and costs no read where nothing has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.errors import Forbidden, RateLimited
from chat.protocol.rooms import head_key, key_part, room_key
from chat.storage.dynamodb import batch_get, old_item, transact

_TURN_KEPT = 60  # seconds after which DynamoDB may delete a turn that is over
_TRIES = 5  # at a ruling that others' overtake
# Users that a room's rules name at once. An item holds 400 KB, and a user may take 512 bytes.
_MAX_NAMED = 700
_BANNED = "A moderator has sent you out of this room for a while."


@dataclass(frozen=True, slots=True)
class Rules:
    """`slow_mode`: seconds a person waits between two messages. `muted` and `banned`: by user, until when, in
    seconds since 1970.
    """

    version: int = 0
    locked: bool = False
    slow_mode: int = 0
    muted: Mapping[str, int] = field(default_factory=dict)
    banned: Mapping[str, int] = field(default_factory=dict)

    def restricts(self, user: str, now: float) -> bool:
        """Whether there is anything to keep this person from speaking at any time."""
        return (
            self.locked
            or bool(self.slow_mode)
            or max(self.muted.get(user, 0), self.banned.get(user, 0)) > now
        )

    def require_may_post(self, user: str, now: float) -> None:
        """Raises Forbidden when this person may not speak in the room."""
        if self.locked:
            raise Forbidden("This room is locked: it can be read, and nobody can write.")
        if self.muted.get(user, 0) > now:
            raise Forbidden("A moderator has muted you in this room for a while.")
        if self.banned.get(user, 0) > now:  # whose connections are being put out at this moment
            raise Forbidden(_BANNED)


NO_RULES = Rules()


class RoomRules:
    """The rules of all rooms, in the messages table."""

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now

    def read(self, room: str) -> Rules:
        """A room's rules as they are now, read strongly consistent."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(room), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return NO_RULES
        return Rules(
            int(item["version"]),
            item["locked"],
            int(item["slow_mode"]),
            _times(item["muted"]),
            _times(item["banned"]),
        )

    def require_not_banned(self, user: str, rooms: Collection[str]) -> None:
        """Raises Forbidden when this person has been sent out of one of these rooms."""
        keys = [_key(room) for room in rooms]
        for item in batch_get(self._dynamodb, self._table, keys, ["banned"]):
            if item["banned"].get(user, 0) > self._now():
                raise Forbidden(_BANNED)

    def recheck_not_banned(self, user: str, rooms: Collection[str], put_out: Callable[[], object]) -> None:
        """Asks again of who has come in, and puts out who was sent out meanwhile. Raises Forbidden."""
        try:
            self.require_not_banned(user, rooms)
        except Forbidden:
            put_out()
            raise

    def change(self, room: str, ruling: Callable[[Rules], Rules]) -> None:
        """Makes a ruling. It holds for every message that is committed after this returns."""
        for _ in range(_TRIES):
            old = self.read(room)
            new = self._current(replace(ruling(old), version=old.version + 1))
            if self._put(room, old.version, new):
                return
        raise TimeoutError("too many rulings at once")

    def start_cooldown(self, room: str, user: str, slow_mode: int) -> None:
        """Holds a person to a room's slow mode. Raises RateLimited with the seconds that are left."""
        now = int(self._now() * 1_000)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_cooldown(room, user, now + slow_mode * 1_000),
                ConditionExpression="attribute_not_exists(pk) OR #until <= :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": now},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            old = old_item(error)
            assert old is not None, "the condition holds where nothing is"
            left = (int(old["until"]) - now) / 1_000
            detail = f"This room is in slow mode: one message in {slow_mode} seconds."
            raise RateLimited(detail, retry_after=left) from None

    def refund_cooldown(self, room: str, user: str) -> None:
        """Gives a person's turn in slow mode back: the message came to nothing."""
        self._dynamodb.put_item(TableName=self._table, Item=_cooldown(room, user, int(self._now() * 1_000)))

    def _current(self, rules: Rules) -> Rules:
        """Without what has ended."""
        now = self._now()
        muted = {user: until for user, until in rules.muted.items() if until > now}
        banned = {user: until for user, until in rules.banned.items() if until > now}
        if len(muted) + len(banned) > _MAX_NAMED:
            raise Forbidden(f"A room's rules can name {_MAX_NAMED} people at once.")
        return replace(rules, muted=muted, banned=banned)

    def _put(self, room: str, version: int, rules: Rules) -> bool:
        """False when another ruling was faster."""
        head = {
            "TableName": self._table,
            "Key": head_key(room),
            # A record of the stream that has no message in it: the mark tells the fan-out.
            "UpdateExpression": "SET rules_version = :new, not_a_message = :not_a_message",
            "ConditionExpression": "rules_version = :old"
            if version
            else "attribute_not_exists(rules_version)",
            "ExpressionAttributeValues": {":new": rules.version, ":not_a_message": True}
            | ({":old": version} if version else {}),
        }
        item = {
            "version": rules.version, "locked": rules.locked, "slow_mode": rules.slow_mode,
            "muted": dict(rules.muted), "banned": dict(rules.banned),
        }  # fmt: skip
        put = {"TableName": self._table, "Item": _key(room) | item}
        return transact(self._dynamodb, [{"Update": head}, {"Put": put}])


def _key(room: str) -> dict[str, str]:
    return {"pk": room_key(room), "sk": "RULES"}


def _cooldown(room: str, user: str, until: int) -> dict[str, Any]:
    """That a person waits until then, in milliseconds since 1970."""
    key = {"pk": f"COOLDOWN#{key_part(room)}#{key_part(user)}", "sk": "COOLDOWN"}
    return key | {"until": until, "expires_at": until // 1_000 + _TURN_KEPT}


def _times(stored: Mapping[str, Any]) -> dict[str, int]:
    return {user: int(until) for user, until in stored.items()}
