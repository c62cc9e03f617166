"""What a room is told at once and never again: who comes and goes, who is typing, what a moderator did.

A signal is written to the messages table, whose stream takes it to the fan-out as it takes messages, and is
no part of the history. Those of a kind share one item of their room, because Lambda keeps the order of a
stream for each item: a person who comes and goes must not be told to have gone and come.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chat.identity.people import Person
from chat.protocol.errors import RateLimited
from chat.protocol.rooms import from_key_part, key_part
from chat.storage.dynamodb import old_item

TYPING_EVERY = 3.0  # seconds between two signals of a person who is typing
PRESENCE_PAUSE = (
    60  # seconds for which a crowded room is not told of comings and goings, before it is counted again
)
_KEPT = 60  # seconds after which DynamoDB may delete a signal


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A person has come or gone; which of both, the room's members say."""

    person: Person


@dataclass(frozen=True, slots=True)
class Typing:
    person: Person


@dataclass(frozen=True, slots=True)
class Notice:
    """A frame for everybody in the room. `id` tells it from another that reads the same."""

    frame: str
    id: str


type Signal = PresenceChanged | Typing | Notice


class Signals:
    """The signals in the messages table."""

    def __init__(self, dynamodb: Any, table: str, now: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._now = now

    def presence_changed(self, room: str, person: Person) -> None:
        """Has the room told that this person has come or gone, unless it is crowded."""
        now = int(self._now())
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(room, _PRESENCE),
                UpdateExpression="SET #user = :user, #name = :name, #id = :id, expires_at = :end",
                ConditionExpression=(
                    "attribute_not_exists(presence_paused_until) OR presence_paused_until <= :now"
                ),
                ExpressionAttributeNames={"#user": "user", "#name": "name", "#id": "id"},
                ExpressionAttributeValues={
                    ":user": person.user,
                    ":name": person.name,
                    ":id": str(uuid.uuid4()),  # the stream has no record of a write that changes nothing
                    ":end": now + _KEPT + PRESENCE_PAUSE,
                    ":now": now,
                },
            )
        except ClientError as error:
            old_item(error)

    def suppress_presence(self, room: str) -> None:
        """Spares a room the signals of comings and goings for a while."""
        now = int(self._now())
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(room, _PRESENCE),
            UpdateExpression="SET presence_paused_until = :until, expires_at = :end REMOVE #user, #name, #id",
            ExpressionAttributeNames={"#user": "user", "#name": "name", "#id": "id"},
            ExpressionAttributeValues={":until": now + PRESENCE_PAUSE, ":end": now + _KEPT + PRESENCE_PAUSE},
        )

    def typing(self, room: str, person: Person) -> None:
        """Has the room told that this person is typing. Raises RateLimited within three seconds."""
        now = int(self._now() * 1_000)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_key(room, _TYPING + person.user)
                | {"name": person.name, "at": now, "expires_at": now // 1_000 + _KEPT},
                ConditionExpression="attribute_not_exists(pk) OR #at <= :earlier",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":earlier": now - int(TYPING_EVERY * 1_000)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            old = old_item(error)
            assert old is not None, "the condition holds where nothing is"
            left = (int(old["at"]) - now) / 1_000 + TYPING_EVERY
            detail = f"Once in {TYPING_EVERY:.0f} seconds is enough."
            raise RateLimited(detail, retry_after=left) from None

    def notice(self, room: str, frame: str) -> None:
        """Has everybody in the room told what a frame says."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item=_key(room, _NOTICE)
            | {"frame": frame, "id": str(uuid.uuid4()), "expires_at": int(self._now()) + _KEPT},
        )


def from_item(item: Mapping[str, Any]) -> tuple[str, Signal] | None:
    """The room and its signal; None when the item only says that a room is crowded.

    Raises KeyError when the item is no signal.
    """
    room = from_key_part(item["pk"].removeprefix(_SIGNAL))
    kind = item["sk"]
    if kind == _NOTICE:
        return room, Notice(item["frame"], item["id"])
    if kind.startswith(_TYPING):
        return room, Typing(Person(kind.removeprefix(_TYPING), item["name"]))
    return (room, PresenceChanged(Person(item["user"], item["name"]))) if "user" in item else None


def is_signal(item: Mapping[str, Any]) -> bool:
    return bool(item["pk"].startswith(_SIGNAL))


_SIGNAL = "SIG#"
_PRESENCE, _TYPING, _NOTICE = "PRESENCE", "TYPING#", "NOTICE"


def _key(room: str, kind: str) -> dict[str, str]:
    return {"pk": _SIGNAL + key_part(room), "sk": kind}
