"""The wire form of a person's place in a room: what is read, unread and mentioned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chat.identity.identity import Person
from chat.protocol.entries import person_fields
from chat.protocol.frame_builder import FrameBuilder, encode


class RoomsReply:
    """A reply with a page of the rooms that a person has subscribed to. Ask `fits` for each, in order."""

    def __init__(self, ref: str | None, person: Person) -> None:
        fields = {"type": "reply", "ref": ref, "status": "ok", "you": person_fields(person)}
        self._builder = FrameBuilder(fields, "rooms", longest_end='],"more":false}')

    def fits(self, room: str, place: Mapping[str, Any], newest: Mapping[str, Any] | None) -> bool:
        """Add a room with the person's place in it and its newest message, if it fits."""
        shown = {} if newest is None else {"newest": newest}
        return self._builder.add(encode({"room": room, **place, **shown}))

    def encoded(self, *, more: bool) -> str:
        return self._builder.frame(more=more)


def place_fields(
    *, seq: int, read: int, unread: int, mentions: int, muted: bool, since: str
) -> dict[str, object]:
    """Return the fields that tell a place. `seq`: up to which the room is counted."""
    return {"seq": seq, **read_fields(read, unread, mentions), "muted": muted, "since": since}


def read_fields(read: int, unread: int, mentions: int) -> dict[str, object]:
    """Return the fields of a place that a reading mark changes."""
    return {"read": read, "unread": unread, "mentions": mentions}


def notice(room: str, place: Mapping[str, Any], mention: Mapping[str, Any] | None) -> str:
    """Tell a person's other connections how their place is now, and the newest mention that is unread."""
    newest = {} if mention is None else {"mention": mention}
    return encode({"type": "notice", "room": room, **place, **newest})


def unsubscribed_notice(room: str) -> str:
    """Tell a person's connections that the subscription has ended."""
    return encode({"type": "notice", "room": room, "subscribed": False})
