"""Messages as items: in a room's head, in the rows of its log."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from chat.protocol.messages import Entry, Message
from chat.protocol.pages import Row
from chat.storage import keys


def to_item(message: Message) -> dict[str, Any]:
    """Return the attributes of a message."""
    item = {
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "data": message.data,
        "at": message.at,
        "trace": message.trace,
        "deleted": message.deleted or None,
    }
    return {name: value for name, value in item.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Message:
    """Return the message in an item. Raises KeyError and TypeError if the item has no message."""
    texts = [item[name] for name in ("id", "user", "name", "message")]
    texts += [item.get("data"), item["at"], item.get("trace")]
    if not all(isinstance(text, str | None) for text in texts):
        raise TypeError("a message's attributes are text")
    id, user, name, text, data, at, trace = texts
    return Message(id, user, name, text, data, at, trace, "deleted" in item)


def from_head(item: Mapping[str, Any]) -> tuple[str, Entry] | None:
    """Return the room and its newest entry from a head, None if another attribute of the head changed.

    Raises KeyError and TypeError if the item is not a head.
    """
    if "not_a_message" in item:
        return None
    return keys.room_of(item["pk"]), Entry(int(item["seq"]), from_item(item["last"]))


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
    """Return an entry of the log from its row."""
    return Row(Entry(int(item["sk"]), None if "skipped" in item else from_item(item)), item["at"])
