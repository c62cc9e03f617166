"""The wire form of every frame, in and out. `entries.py` knows that of a log's entries, `places.py` that
of a person's rooms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from chat.identity.identity import Person
from chat.protocol.entries import EntriesBuilder, person_fields
from chat.protocol.errors import ChatError, InvalidFrame, InvalidRef, RateLimited
from chat.protocol.frame_builder import FrameBuilder, encode
from chat.protocol.messages import Entry, Head, message_ref
from chat.protocol.pages import Page


@dataclass(frozen=True, slots=True)
class Request:
    """A frame from a client. `fields` is all of it, not checked yet."""

    action: object
    fields: Mapping[str, Any]

    @property
    def echoed_ref(self) -> str | None:
        """The ref that an error reply can carry, so that the client knows which frame failed."""
        try:
            return message_ref(self.fields.get("ref"))
        except InvalidRef:
            return None


def parse(body: str | None) -> Request:
    """Read a client's frame. Raises InvalidFrame."""
    try:
        fields = json.loads(body or "")
    except (ValueError, RecursionError) as error:  # not JSON, or nested too deep
        raise InvalidFrame("A frame is a JSON object.") from error
    if not isinstance(fields, dict):
        raise InvalidFrame("A frame is a JSON object.")
    return Request(fields.get("action"), fields)


def reply(ref: str | None, **fields: Any) -> str:
    return encode(_reply(ref, **fields))


def error(ref: str | None, cause: ChatError) -> str:
    fields: dict[str, Any] = {"type": "reply", "ref": ref, "status": "error", "code": cause.code}
    fields["detail"] = str(cause)
    if isinstance(cause, RateLimited):
        fields["retry_after"] = round(cause.retry_after, 3)
    return encode(fields)


def log_fields(head: Head) -> dict[str, Any]:
    """Return the fields of a reply that say how far a room's log has come, and which log it is."""
    return {"seq": head.seq, **_epoch(head.epoch)}


def messages(room: str, epoch: str | None, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the frames with these entries of a log, in order, each as full as 32 KB allow."""
    fields = {"type": "messages", "room": room, **_epoch(epoch)}
    builder = EntriesBuilder(fields)
    for entry in entries:
        if not builder.add_entry(entry):
            yield builder.frame()
            builder = EntriesBuilder(fields)
            builder.add_entry(entry)
    if not builder.empty:
        yield builder.frame()


class PageReply:
    """A reply with a page. Ask `fits` for each entry in order, then get the frame from `encoded`."""

    def __init__(self, ref: str | None, limit: int, epoch: str | None, **fields: Any) -> None:
        """A page has `limit` entries at most, of the log with this epoch."""
        self._builder = EntriesBuilder(_reply(ref, **fields, **_epoch(epoch)))
        self._remaining = limit

    def fits(self, entry: Entry) -> bool:
        """Add an entry to the page, if it fits."""
        self._remaining -= 1
        return self._remaining >= 0 and self._builder.add_entry(entry)

    def encoded(self, page: Page) -> str:
        first_seq = {} if page.first_seq is None else {"first_seq": page.first_seq}
        return self._builder.frame(more=page.more, **first_seq)


def presence(room: str, joined: Sequence[Person], left: Sequence[Person], count: int) -> str:
    """People who are in a room now and were not before, and the other way round."""
    people = {
        "joined": [person_fields(person) for person in joined],
        "left": [person_fields(person) for person in left],
    }
    return encode({"type": "presence", "room": room, **people, "count": count})


def above_presence_limit(room: str, count: int) -> str:
    """The presence frame of a room that has grown above the presence limit. `count` is an estimate."""
    fields = {"type": "presence", "room": room, "joined": [], "left": []}
    return encode({**fields, "count": count, "approximate": True})


def typing(room: str, person: Person) -> str:
    return encode({"type": "typing", "room": room, "user": person.user, "name": person.name})


def read(room: str, person: Person, seq: int) -> str:
    """A person has read a room up to a seq."""
    return encode({"type": "read", "room": room, **person_fields(person), "seq": seq})


def moderated(room: str, action: str, moderator: str, **fields: Any) -> str:
    """An action of a moderator in a room."""
    return encode({"type": "moderated", "room": room, "action": action, "moderator": moderator, **fields})


def with_expires_in(frame: str, now: float) -> str:
    """Return a frame that says until when a ban or a mute lasts with how many seconds that is from now.

    A notice may be posted late, or again after a crash, and a client's clock may be wrong by hours. Other
    frames are returned as they are.
    """
    fields = json.loads(frame)
    return encode(fields | expires_in(fields["until"], now)) if "until" in fields else frame


def expires_in(until: str, now: float) -> dict[str, int]:
    """Return the field that says how many seconds a ban or a mute still lasts, 0 if it is over."""
    return {"expires_in": max(0, ceil(datetime.fromisoformat(until).timestamp() - now))}


def check() -> str:
    """Ask a client for a sign of life: it answers with the action `alive`."""
    return encode({"type": "check"})


def disconnect(code: str, *, reconnect: bool) -> str:
    """The last frame before the server closes a socket."""
    return encode({"type": "disconnect", "code": code, "reconnect": reconnect})


def members(ref: str | None, room: str, people: Sequence[Person], **fields: Any) -> str:
    """A reply with as many of these people as fit a frame."""
    builder = FrameBuilder(_reply(ref, room=room, **fields), "members", longest_end='],"more":false}')
    for number, person in enumerate(people):
        if not builder.add(encode(person_fields(person))):
            return builder.frame(more=number < len(people))
    return builder.frame(more=False)


def plain(entries: Sequence[Entry]) -> Iterator[str]:
    """Return what a plain client receives: the bare text of each message."""
    return (
        entry.message.text
        for entry in entries
        if entry.message is not None and entry.change is None and not entry.message.deleted
    )


def reactions(ref: str | None, room: str, seq: int, people: Sequence[tuple[str, Person]], more: bool) -> str:
    """A reply with as many of these reactions, each with its person, as fit a frame. `more`: of them all."""
    builder = FrameBuilder(_reply(ref, room=room, seq=seq), "reactions", longest_end='],"more":false}')
    for reaction, person in people:
        if not builder.add(encode({"reaction": reaction, **person_fields(person)})):
            return builder.frame(more=True)
    return builder.frame(more=more)


def _reply(ref: str | None, **fields: Any) -> dict[str, Any]:
    return {"type": "reply", "ref": ref, "status": "ok", **fields}


def _epoch(epoch: str | None) -> dict[str, str]:
    return {} if epoch is None else {"epoch": epoch}
