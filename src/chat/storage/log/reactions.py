"""What each person has reacted to a message: an item for each person and reaction.

A fold writes these items before the message's row, whose revision makes it count. So an item that is newer
than the row's revision was left by a fold that did not come to its end: what counts then is what the person
had reacted before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Person
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, write_if

type Who = tuple[str, str]  # a reaction and a user


@dataclass(frozen=True, slots=True)
class Reacted:
    """Whether a person has reacted so, at a revision of the message.

    `seq` is that of the item, None if there is none. `unfinished`: it is newer than the revision.
    """

    on: bool
    seq: int | None
    unfinished: bool = False


class ReactionItems(Table):
    def read(self, room: str, of: int, who: Collection[Who], revision: int) -> dict[Who, Reacted]:
        """Return what these people had reacted to a message at its revision."""
        items = batch_get(self._dynamodb, self._table, [keys.reaction(room, of, *each) for each in who])
        found = {(item["reaction"], item["user"]): item for item in items}
        return {each: _reacted(found.get(each), revision) for each in who}

    def write(
        self,
        room: str,
        of: int,
        who: Who,
        person: Person,
        seq: int,
        before: Reacted,
        on: bool,
        expires_at: int,
    ) -> bool:
        """Note what a person has reacted since the change `seq`. False if another fold has written it."""
        if not before.unfinished and before.on == on:
            return True
        item = {
            "reaction": who[0],
            "user": person.user,
            "name": person.name,
            "seq": seq,
            "expires_at": expires_at,
        }
        item |= {"on": on, "before": before.on}
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before.seq is not None:
            condition = {
                "ConditionExpression": "seq = :seq",
                "ExpressionAttributeValues": {":seq": before.seq},
            }
        item |= keys.reaction(room, of, *who)
        return write_if(self._dynamodb.put_item, TableName=self._table, Item=item, **condition)


def _reacted(item: Mapping[str, Any] | None, revision: int) -> Reacted:
    if item is None:
        return Reacted(False, None)
    seq = int(item["seq"])
    if seq > revision:
        return Reacted(item["before"], seq, unfinished=True)
    return Reacted(item["on"], seq)
