"""Fold changes into their messages: each once, in the order of the log, whatever is repeated.

A message's row has the seq of its newest change, its revision. A change counts only if its seq is higher, and
the row is written only if its revision is still the one that was read. What a person has reacted is an item
of its own (`reactions.py`): so counts are exact, and no row grows with its reactions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chat.identity.identity import Person
from chat.protocol.messages import Change, Entry, Message, Reaction, mentions_size
from chat.storage import keys
from chat.storage.dynamodb import at_once, write_if
from chat.storage.items import from_item, to_item
from chat.storage.log.reactions import Reacted, ReactionItems, Who
from chat.storage.log.writer import LogWriter

MAX_REACTIONS = 50  # different ones to a message
MAX_PEOPLE = 10  # that a message names for a reaction
# Of all that a message says about its reactions and mentions, in bytes: with text and data it must fit into a
# frame.
MAX_PEOPLE_BYTES = 3 * 1024
_ATTEMPTS = 5  # another invocation may fold at the same time


class Folding:
    """A message while changes are applied to it. `reacted` has what their persons had reacted before."""

    def __init__(self, message: Message, reacted: Mapping[Who, bool]) -> None:
        self.message = message
        self.reacted = dict(reacted)
        self.reacting: dict[Who, tuple[int, Person]] = {}  # who has reacted since, and the last change

    def apply(self, seq: int, change: Change) -> None:
        message = replace(self.message, revision=seq)
        if change.kind == "reply":
            message = replace(message, replies=message.replies + 1)
        elif not message.deleted:  # a deletion is for good
            match change.kind:
                case "edit":
                    message = replace(message, text=change.text, data=change.data, edited_at=change.at)
                case "delete":
                    message = replace(message, text="", data=None, deleted=True, reactions=())
                case "react":
                    self.reacting[change.reaction, change.user] = (seq, change.person)
                    message = replace(message, reactions=self._react(message.reactions, change))
        self.message = message

    def _react(self, reactions: tuple[Reaction, ...], change: Change) -> tuple[Reaction, ...]:
        who = (change.reaction, change.user)
        by_text = {reaction.reaction: reaction for reaction in reactions}
        known = by_text.get(change.reaction)
        if self.reacted[who] == change.on or (known is None and len(by_text) >= MAX_REACTIONS):
            return reactions
        self.reacted[who] = change.on
        reaction = known or Reaction(change.reaction, 0, ())
        others = tuple(person for person in reaction.people if person.user != change.user)
        if not change.on:
            by_text[change.reaction] = replace(reaction, count=reaction.count - 1, people=others)
        else:
            named = (*others, change.person)
            added = replace(reaction, count=reaction.count + 1, people=named)
            room_for_people = MAX_PEOPLE_BYTES - mentions_size(self.message.mentions)
            if len(named) > MAX_PEOPLE or _bytes([*reactions, added]) > room_for_people:
                added = replace(added, people=others)
            by_text[change.reaction] = added
        return tuple(each for each in by_text.values() if each.count > 0)


def _bytes(reactions: Sequence[Reaction]) -> int:
    texts = [text for each in reactions for person in each.people for text in (person.user, person.name)]
    return len("".join(texts).encode()) + 24 * len(texts)


def change_of(entry: Entry) -> Change | None:
    """Return what an entry changes of another message, None if it changes nothing."""
    message = entry.message
    if entry.change or message is None or message.root is None:
        return entry.change
    return Change("reply", message.root, message.id, message.user, message.name, message.at)


class LogFold(LogWriter):
    """The logs in the messages table, for the fan-out."""

    def __init__(
        self, dynamodb: Any, table: str, history_days: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(dynamodb, table, history_days, now)
        self._reactions = ReactionItems(dynamodb, table, now)

    def fold(self, room: str, entries: Sequence[Entry]) -> dict[int, Message]:
        """Fold entries' changes, ascending, and return the changed messages as they are now.

        Those that are gone are left out.

        Raises TimeoutError if DynamoDB is busy or others change the same message all the time.
        """
        by_message: dict[int, list[tuple[int, Change]]] = {}
        for entry in entries:
            if change := change_of(entry):
                by_message.setdefault(change.of, []).append((entry.seq, change))
        folded = {of: self._fold_message(room, of, changes) for of, changes in by_message.items()}
        return {of: message for of, message in folded.items() if message}

    def _fold_message(self, room: str, of: int, changes: Sequence[tuple[int, Change]]) -> Message | None:
        for _ in range(_ATTEMPTS):
            item = self._get(keys.row(room, of))
            if item is None or not self._is_message(item):
                return None
            message = from_item(item)
            new = [(seq, change) for seq, change in changes if seq > message.revision]
            if not new:
                return message
            who = {(change.reaction, change.user) for _, change in new if change.kind == "react"}
            before = self._reactions.read(room, of, who, message.revision) if who else {}
            folding = Folding(message, {each: reacted.on for each, reacted in before.items()})
            for seq, change in new:
                folding.apply(seq, change)
            if self._write(room, item, folding, before):
                return folding.message
        raise TimeoutError("a message is changed by others all the time")

    def _write(
        self, room: str, item: Mapping[str, Any], folding: Folding, before: Mapping[Who, Reacted]
    ) -> bool:
        """Write what people have reacted, then the message. False if another fold has written meanwhile."""
        of, expires_at, message = int(item["sk"]), int(item["expires_at"]), folding.message

        def write(who: Who) -> bool:
            (seq, person), on = folding.reacting[who], folding.reacted[who]
            return self._reactions.write(room, of, who, person, seq, before[who], on, expires_at)

        if not all(at_once(write, list(folding.reacting))):
            return False
        unchanged: dict[str, Any] = {
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(revision)"
        }
        if "revision" in item:
            unchanged = {
                "ConditionExpression": "revision = :revision",
                "ExpressionAttributeValues": {":revision": item["revision"]},
            }
        row = keys.row(room, of) | to_item(message) | {"expires_at": expires_at}
        return write_if(self._dynamodb.put_item, TableName=self._table, Item=row, **unchanged)
