"""Messages as items: in a room's head, in the rows of its log."""

from __future__ import annotations

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


def from_row(item: Mapping[str, Any]) -> Row:
    """Return an entry of the log from its row."""
    return Row(Entry(int(item["sk"]), None if "skipped" in item else from_item(item)), item["at"])
