"""What the fan-out writes on people's subscriptions: who has written in a room, and who is mentioned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chat.protocol.messages import Entry, Message
from chat.storage import keys
from chat.storage.dynamodb import Table, write_if
from chat.storage.people.place import MAX_MENTIONS, Mention
from chat.storage.people.summaries import is_message

# Why a subscription was written last. The stream's filter leaves out what comes of a person's own message,
# which says it by itself to the person's devices.
OWN, MENTIONED, TAKEN_BACK = "own", "mentioned", "taken back"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a run says to a person's subscription.

    Whoever wrote in it has read the room up to the seq `read`, before which there are `read_count` messages.
    `mentions` of the person come after that; `mention` is the newest.
    """

    user: str
    read: int | None = None
    read_count: int = 0
    mentions: tuple[int, ...] = ()
    mention: Mention | None = None


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A message that mentioned people was deleted."""

    seq: int
    users: tuple[str, ...]


def marks_of(entries: Sequence[Entry], count: int, followed: int) -> list[Mark]:
    """Return the mark of each author and of each person mentioned in a run.

    The run has no gaps, and `count` is that at its last entry. Whoever has not subscribed is among them.
    """
    messages = [
        (entry.seq, entry.message)
        for entry in entries
        if entry.seq > followed and entry.message is not None and is_message(entry)
    ]
    number = count - len(messages)
    marks: dict[str, Mark] = {}
    for seq, message in messages:
        for user in () if message.deleted else message.mentions:
            if user != message.user:
                mark = marks.get(user, Mark(user))
                mention = Mention(seq, message.user, message.name, message.at)
                marks[user] = replace(mark, mentions=(*mark.mentions, seq), mention=mention)
        number += 1
        marks[message.user] = Mark(message.user, seq, number)  # which is after all mentions before it
    return list(marks.values())


def taken_back(entries: Sequence[Entry]) -> list[TakenBack]:
    """Return the deleted messages of a run that still name those they mentioned."""
    deleted: dict[int, Message] = {}
    for entry in entries:
        if entry.message is not None and entry.message.deleted and entry.message.mentions:
            deleted[entry.change.of if entry.change else entry.seq] = entry.message
    return [TakenBack(seq, message.mentions) for seq, message in deleted.items()]


class Marks(Table):
    """The subscriptions in the messages table, for the fan-out."""

    def write(self, room: str, mark: Mark) -> None:
        """Raise a person's mark and add the mentions, if the person has subscribed and has not read so far.

        A second time changes nothing.
        """
        if mark.read is not None:
            self._raise(room, mark.user, mark.read, mark.read_count)
        if mark.mention is not None:
            self._mention(room, mark.user, mark.mentions, mark.mention)

    def _raise(self, room: str, user: str, read: int, count: int) -> None:
        self._update(
            room,
            user,
            # The mentions so far are older: the fan-out has the room's messages in order.
            "SET #read = :read, read_count = :count, cause = :cause REMOVE mentions, mention",
            "#read < :read",
            {":read": read, ":count": count, ":cause": OWN},
            {"#read": "read"},
        )

    def _mention(self, room: str, user: str, mentions: Sequence[int], newest: Mention) -> None:
        self._update(
            room,
            user,
            "ADD mentions :mentions SET mention = :mention, cause = :cause",
            "#read < :newest AND (attribute_not_exists(mention) OR mention.#seq < :newest)"
            " AND (attribute_not_exists(mentions) OR size(mentions) < :max)",
            {
                ":mentions": set(mentions),
                ":mention": {"seq": newest.seq, "user": newest.user, "name": newest.name, "at": newest.at},
                ":cause": MENTIONED,
                ":newest": newest.seq,
                ":max": MAX_MENTIONS,
            },
            {"#read": "read", "#seq": "seq"},
        )

    def take_back(self, room: str, user: str, seq: int) -> None:
        """Remove a mention by a message that was deleted."""
        self._update(
            room,
            user,
            "DELETE mentions :mentions SET cause = :cause",
            "contains(mentions, :seq)",
            {":mentions": {seq}, ":seq": seq, ":cause": TAKEN_BACK},
            {},
        )

    def forget_mentions(self, room: str, seq: int) -> None:
        """Remove the users from a deleted message when all its mentions are taken back."""
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.row(room, seq),
            UpdateExpression="REMOVE mentions",
            ConditionExpression="attribute_exists(deleted)",
        )

    def _update(
        self,
        room: str,
        user: str,
        update: str,
        condition: str,
        values: dict[str, Any],
        names: dict[str, str],
    ) -> None:
        """Update a subscription, if it exists and the condition is met."""
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.subscription(user, room),
            UpdateExpression=update,
            ConditionExpression=f"attribute_exists(pk) AND {condition}",
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )
