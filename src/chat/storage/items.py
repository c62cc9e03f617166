"""Messages and changes as items: in a room's head, in the rows of its log."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chat.identity.identity import Person
from chat.protocol.messages import Change, Entry, Message, Reaction
from chat.protocol.pages import Row
from chat.storage import keys


def to_item(content: Message | Change) -> dict[str, Any]:
    """Return the attributes of a message or a change."""
    item = _of_message(content) if isinstance(content, Message) else _of_change(content)
    return {name: value for name, value in item.items() if value is not None}


def _of_message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "data": message.data,
        "at": message.at,
        "trace": message.trace,
        "deleted": message.deleted or None,
        "edited_at": message.edited_at,
        "revision": message.revision or None,
        "reactions": [_of_reaction(reaction) for reaction in message.reactions] or None,
        "reply_to": message.reply_to,
        "root": message.root,
        "replies": message.replies or None,
        "mentions": list(message.mentions) or None,
    }


def _of_reaction(reaction: Reaction) -> dict[str, Any]:
    people = [{"user": person.user, "name": person.name} for person in reaction.people]
    return {"reaction": reaction.reaction, "count": reaction.count, "people": people}


def _of_change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "of": change.of,
        "id": change.id,
        "user": change.user,
        "name": change.name,
        "at": change.at,
        "trace": change.trace,
        "message": change.text or None,
        "data": change.data,
        "reaction": change.reaction or None,
        "off": None if change.on else True,
    }


def to_row(content: Message | Change) -> dict[str, Any]:
    """Return the attributes of a row. An edit's has no text: the message has it, until it is deleted."""
    item = to_item(content)
    if isinstance(content, Change):
        item.pop("message", None)
        item.pop("data", None)
    return item


def from_item(item: Mapping[str, Any]) -> Message:
    """Return the message in an item. Raises KeyError and TypeError if the item has no message."""
    id, user, name, text = _texts(item, "id", "user", "name", "message")
    data, trace, edited_at = _optional_texts(item, "data", "trace", "edited_at")
    (at,) = _texts(item, "at")
    reactions = tuple(_reaction(reaction) for reaction in item.get("reactions", ()))
    reply_to, root = (None if name not in item else int(item[name]) for name in ("reply_to", "root"))
    return Message(
        id=id,
        user=user,
        name=name,
        text=text,
        data=data,
        at=at,
        trace=trace,
        deleted="deleted" in item,
        edited_at=edited_at,
        revision=int(item.get("revision", 0)),
        reactions=reactions,
        reply_to=reply_to,
        root=root,
        replies=int(item.get("replies", 0)),
        mentions=tuple(item.get("mentions", ())),
    )


def _reaction(item: Mapping[str, Any]) -> Reaction:
    people = tuple(Person(person["user"], person["name"]) for person in item["people"])
    return Reaction(item["reaction"], int(item["count"]), people)


def _change(item: Mapping[str, Any]) -> Change:
    """Return the change in an item. Raises KeyError and TypeError if the item has no change."""
    kind = item["kind"]
    if kind not in ("edit", "delete", "react"):
        raise TypeError(f"{kind} is no kind of change")
    id, user, name, at = _texts(item, "id", "user", "name", "at")
    trace, text, data, reaction = _optional_texts(item, "trace", "message", "data", "reaction")
    of, on = int(item["of"]), "off" not in item
    return Change(kind, of, id, user, name, at, trace, text or "", data, reaction or "", on)


def _texts(item: Mapping[str, Any], *names: str) -> list[str]:
    texts = [item[name] for name in names]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{', '.join(names)} are text")
    return texts


def _optional_texts(item: Mapping[str, Any], *names: str) -> list[str | None]:
    return [None if name not in item else _texts(item, name)[0] for name in names]


def from_head(item: Mapping[str, Any]) -> tuple[str, Entry] | None:
    """Return the room and its newest entry from a head, None if another attribute of the head changed.

    Raises KeyError and TypeError if the item is not a head.
    """
    if "not_a_message" in item:
        return None
    seq = int(item["seq"])
    changed_before, messaged_before = (_before(item, seq, name) for name in ("changed", "messaged"))
    entry = entry_of(seq, item["last"])
    entry = replace(entry, changed_before=changed_before, messaged_before=messaged_before)
    return keys.room_of(item["pk"]), entry


def _before(head: Mapping[str, Any], seq: int, name: str) -> int:
    """Return the newest seq before a head's own one that its attribute `name` tells of."""
    newest = int(head.get(name, 0))
    return int(head[f"{name}_before"]) if newest == seq else newest


def entry_of(seq: int, item: Mapping[str, Any]) -> Entry:
    """Return a message or a change as an entry; the change without its message."""
    return Entry(seq, None, _change(item)) if "kind" in item else Entry(seq, from_item(item))


def new_epoch() -> str:
    """Return a random epoch for a head to keep from its first write on: `if_not_exists(epoch, :epoch)`."""
    return secrets.token_hex(4)


def epoch_of(head: Mapping[str, Any], table: str) -> str | None:
    """Return the epoch of a log as clients know it, None if nothing was written yet.

    It is of 8 characters: the reply to a ping has many. A backup is restored with its heads, and then goes on
    with other messages. But it is restored to a table of another name, which is why the name is in it.
    """
    if "epoch" not in head:
        return None
    return hashlib.sha256(f"{table}\0{head['epoch']}".encode()).hexdigest()[:8]


def from_row(item: Mapping[str, Any]) -> Row:
    """Return an entry of the log from its row; a change without its message."""
    seq = int(item["sk"])
    if "skipped" in item or "pending" in item:
        return Row(Entry(seq, None), item["at"], "pending" in item)
    return Row(entry_of(seq, item), item["at"])
