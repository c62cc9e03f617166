"""Signals: ephemeral events of a room. Somebody comes, goes, types or reads, or a moderator did something.

A signal is written to the messages table. The table's stream takes it to the fan-out, as it takes messages,
but it is not part of the history. All signals of one kind and room share one item, because Lambda keeps the
order of a stream only per item: otherwise a person who leaves and joins could be shown to join and leave.
A read receipt has no item of its own: it comes of the record of the person's subscription.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Person
from chat.protocol.errors import RateLimited
from chat.storage import keys
from chat.storage.cooldowns import Cooldowns
from chat.storage.dynamodb import Table, write_if
from chat.storage.lru import LRU

TYPING_EVERY = 3.0  # seconds between two typing signals of one person
# Seconds without presence signals in a room above the presence limit, before it is counted again.
PRESENCE_PAUSE = 60
_KEPT = 60  # seconds after which DynamoDB may delete a signal
# The same for a room above the presence limit: while its item is there, the room is not told again.
_KEPT_ABOVE = 24 * 3600


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A person has come or gone. Which of the two, the fan-out finds in the room's members.

    `was_above`: the room was above the presence limit when it was counted last.
    """

    person: Person
    was_above: bool = False


@dataclass(frozen=True, slots=True)
class Typing:
    person: Person


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """A person has read the room up to a seq."""

    person: Person
    seq: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A frame for everybody in the room. `id` tells apart two notices with the same frame."""

    frame: str
    id: str


type Signal = PresenceChanged | Typing | ReadReceipt | Notice

# Posts a typing frame to a room's other members: True if each has it. None if the stream is to bring it.
type PostTyping = Callable[[], bool] | None
type PrepareTyping = Callable[[str, Person], PostTyping]


class Signals(Table):
    """The signals in the messages table."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        now: Callable[[], float] = time.time,
        prepare_typing: PrepareTyping = lambda room, person: None,
    ) -> None:
        super().__init__(dynamodb, table, now)
        self._prepare_typing = prepare_typing
        self._cooldowns = Cooldowns(dynamodb, table, now)
        self._may_type_at: LRU[float] = LRU()  # by room and user, as far as this instance knows

    def presence_changed(self, room: str, person: Person) -> None:
        """Signal that a person has come or gone, unless presence is paused in the room."""
        now = int(self._now())
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.signal(room, keys.PRESENCE),
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

    def suppress_presence(self, room: str) -> bool:
        """Pause a room's presence signals for a minute. False if it was above the presence limit already."""
        now = int(self._now())
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.signal(room, keys.PRESENCE),
            UpdateExpression="SET presence_paused_until = :until, expires_at = :end REMOVE #user, #name, #id",
            ExpressionAttributeNames={"#user": "user", "#name": "name", "#id": "id"},
            ExpressionAttributeValues={":until": now + PRESENCE_PAUSE, ":end": now + _KEPT_ABOVE},
            ReturnValues="ALL_OLD",
        )
        return "presence_paused_until" not in answer.get("Attributes", {})

    def resume_presence(self, room: str) -> None:
        """Note that a room is not above the presence limit any more."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=keys.signal(room, keys.PRESENCE),
            UpdateExpression="SET expires_at = :end REMOVE presence_paused_until, #user, #name, #id",
            ExpressionAttributeNames={"#user": "user", "#name": "name", "#id": "id"},
            ExpressionAttributeValues={":end": int(self._now()) + _KEPT},
        )

    def typing(self, room: str, person: Person) -> None:
        """Signal that a person is typing. Raises RateLimited within three seconds of the last signal.

        The cooldown's item is the signal: its record in the stream reaches the fan-out. In the fast lane it
        says that the frame is posted from here, and no longer if not everybody has got it.
        """
        key, detail = keys.typing(room, person.user), f"Once in {TYPING_EVERY:.0f} seconds is enough."
        who, now = f"{room} {person.user}", self._now()
        # To prepare reads the room's members: not for a signal that comes too soon.
        post = self._prepare_typing(room, person) if now >= self._may_type_at.get(who, 0) else None
        mark = {} if post is None else {"posted": True}
        try:
            self._cooldowns.start(key, TYPING_EVERY, detail, name=person.name, **mark)
        except RateLimited as error:
            self._may_type_at.set(who, now + error.retry_after)
            raise
        self._may_type_at.set(who, now + TYPING_EVERY)
        if post is not None and not post():
            self._dynamodb.update_item(TableName=self._table, Key=key, UpdateExpression="REMOVE posted")

    def notice(self, room: str, frame: str) -> None:
        """Send a frame to everybody in the room."""
        item = {"frame": frame, "id": str(uuid.uuid4()), "expires_at": int(self._now()) + _KEPT}
        self._dynamodb.put_item(TableName=self._table, Item=keys.signal(room, keys.NOTICE) | item)


def from_item(item: Mapping[str, Any]) -> tuple[str, Signal] | None:
    """Return the room and its signal. None if there is nothing to broadcast.

    Then the item only says that presence is paused, or not any more, or the typing frame is posted already.
    Raises KeyError if the item is not a signal.
    """
    room, kind = keys.room_of_signal(item["pk"]), item["sk"]
    if kind == keys.NOTICE:
        return room, Notice(item["frame"], item["id"])
    if (typist := keys.typist_of(kind)) is not None:
        return None if "posted" in item else (room, Typing(Person(typist, item["name"])))
    if "user" not in item:
        return None
    return room, PresenceChanged(Person(item["user"], item["name"]), "presence_paused_until" in item)


def is_signal(item: Mapping[str, Any]) -> bool:
    return keys.is_signal(item["pk"])
