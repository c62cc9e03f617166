"""The wire form of every frame, in and out. No other module knows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from chat.identity.identity import Person
from chat.protocol.errors import ChatError, InvalidFrame, InvalidRef, RateLimited
from chat.protocol.messages import Entry, Head, Message, message_ref
from chat.protocol.pages import Page

MAX_FRAME = 32 * 1024  # bytes; API Gateway meters in units of 32 KB and sends no larger frame


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
    return _encode(_reply(ref, **fields))


def error(ref: str | None, cause: ChatError) -> str:
    fields: dict[str, Any] = {"type": "reply", "ref": ref, "status": "error", "code": cause.code}
    fields["detail"] = str(cause)
    if isinstance(cause, RateLimited):
        fields["retry_after"] = round(cause.retry_after, 3)
    return _encode(fields)


def log_fields(head: Head) -> dict[str, Any]:
    """Return the fields of a reply that say how far a room's log has come, and which log it is."""
    return {"seq": head.seq, **_epoch(head.epoch)}


def messages(room: str, epoch: str | None, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the frames with these entries of a log, in order, each as full as 32 KB allow."""
    fields = {"type": "messages", "room": room, **_epoch(epoch)}
    builder = _EntriesBuilder(fields)
    for entry in entries:
        if not builder.add_entry(entry):
            yield builder.frame()
            builder = _EntriesBuilder(fields)
            builder.add_entry(entry)
    if not builder.empty:
        yield builder.frame()


class PageReply:
    """A reply with a page. Ask `fits` for each entry in order, then get the frame from `encoded`."""

    def __init__(self, ref: str | None, limit: int, epoch: str | None, **fields: Any) -> None:
        """A page has `limit` entries at most, of the log with this epoch."""
        self._builder = _EntriesBuilder(_reply(ref, **fields, **_epoch(epoch)))
        self._remaining = limit

    def fits(self, entry: Entry) -> bool:
        """Add an entry to the page, if it fits."""
        self._remaining -= 1
        return self._remaining >= 0 and self._builder.add_entry(entry)

    def encoded(self, page: Page) -> str:
        first_seq = {} if page.first_seq is None else {"first_seq": page.first_seq}
        return self._builder.frame(more=page.more, **first_seq)


def changed(room: str, entries: Sequence[Entry]) -> str:
    """Messages that are not what they were."""
    builder = _EntriesBuilder({"type": "changed", "room": room})
    for entry in entries:
        builder.add_entry(entry)
    return builder.frame()


def presence(room: str, joined: Sequence[Person], left: Sequence[Person], count: int) -> str:
    """People who are in a room now and were not before, and the other way round."""
    people = {"joined": [_person(person) for person in joined], "left": [_person(person) for person in left]}
    return _encode({"type": "presence", "room": room, **people, "count": count})


def above_presence_limit(room: str, count: int) -> str:
    """The presence frame of a room that has grown above the presence limit. `count` is an estimate."""
    fields = {"type": "presence", "room": room, "joined": [], "left": []}
    return _encode({**fields, "count": count, "approximate": True})


def typing(room: str, person: Person) -> str:
    return _encode({"type": "typing", "room": room, "user": person.user, "name": person.name})


def moderated(room: str, action: str, moderator: str, **fields: Any) -> str:
    """An action of a moderator in a room."""
    return _encode({"type": "moderated", "room": room, "action": action, "moderator": moderator, **fields})


def with_expires_in(frame: str, now: float) -> str:
    """Return a frame that says until when a ban or a mute lasts with how many seconds that is from now.

    A notice may be posted late, or again after a crash, and a client's clock may be wrong by hours. Other
    frames are returned as they are.
    """
    fields = json.loads(frame)
    return _encode(fields | expires_in(fields["until"], now)) if "until" in fields else frame


def expires_in(until: str, now: float) -> dict[str, int]:
    """Return the field that says how many seconds a ban or a mute still lasts, 0 if it is over."""
    return {"expires_in": max(0, ceil(datetime.fromisoformat(until).timestamp() - now))}


def check() -> str:
    """Ask a client for a sign of life: it answers with the action `alive`."""
    return _encode({"type": "check"})


def disconnect(code: str, *, reconnect: bool) -> str:
    """The last frame before the server closes a socket."""
    return _encode({"type": "disconnect", "code": code, "reconnect": reconnect})


def members(ref: str | None, room: str, people: Sequence[Person], **fields: Any) -> str:
    """A reply with as many of these people as fit a frame."""
    builder = _FrameBuilder(_reply(ref, room=room, **fields), "members", longest_end='],"more":false}')
    for number, person in enumerate(people):
        if not builder.add(_encode(_person(person))):
            return builder.frame(more=number < len(people))
    return builder.frame(more=False)


def plain(entries: Sequence[Entry]) -> Iterator[str]:
    """Return what a plain client receives: the bare text of each message."""
    return (
        entry.message.text for entry in entries if entry.message is not None and not entry.message.deleted
    )


class _FrameBuilder:
    """Build a frame of at most 32 KB: some fields, a list that grows, and a few more fields at its end."""

    def __init__(self, fields: Mapping[str, Any], list_name: str, *, longest_end: str) -> None:
        self._beginning = _encode({**fields, list_name: []})[: -len("]}")]
        self._items: list[str] = []
        self._remaining = MAX_FRAME - len(self._beginning.encode()) - len(longest_end)

    def add(self, item: str) -> bool:
        """Add an encoded item to the list. False if it does not fit."""
        if not self._reserve(item):
            return False
        self._items.append(item)
        return True

    def _reserve(self, text: str) -> bool:
        cost = len(text.encode()) + len(",")
        if cost > self._remaining:
            return False
        self._remaining -= cost
        return True

    def frame(self, **last: Any) -> str:
        """Return the frame, with these fields after the list."""
        end = "," + _encode(last)[1:] if last else "}"
        return self._beginning + ",".join(self._items) + "]" + end


class _EntriesBuilder(_FrameBuilder):
    """Build a frame with entries: the messages, and the skipped numbers after them.

    A single message always fits: text, name and data together stay below 32 KB.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        longest_end = '],"skipped":[],"more":false,"first_seq":999999999999}'
        super().__init__(fields, "messages", longest_end=longest_end)
        self._seqs: list[int] = []  # of the messages
        self._skipped: list[int] = []

    @property
    def empty(self) -> bool:
        return not self._seqs and not self._skipped

    def add_entry(self, entry: Entry) -> bool:
        """False if the entry does not fit."""
        if entry.message is None:
            if not self._reserve(str(entry.seq)):
                return False
            self._skipped.append(entry.seq)
            return True
        if not self.add(_message(entry.seq, entry.message)):
            return False
        self._seqs.append(entry.seq)
        return True

    def frame(self, **last: Any) -> str:
        """Entries may have come in any order; the frame has them by seq."""
        self._items = [item for _, item in sorted(zip(self._seqs, self._items, strict=True))]
        self._seqs.sort()
        skipped = {"skipped": sorted(self._skipped)} if self._skipped else {}
        return super().frame(**skipped, **last)


def _reply(ref: str | None, **fields: Any) -> dict[str, Any]:
    return {"type": "reply", "ref": ref, "status": "ok", **fields}


def _epoch(epoch: str | None) -> dict[str, str]:
    return {} if epoch is None else {"epoch": epoch}


def _person(person: Person) -> dict[str, str]:
    return {"user": person.user, "name": person.name}


def _message(seq: int, message: Message) -> str:
    fields = {
        "seq": seq,
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "at": message.at,
    }
    if message.deleted:
        fields["deleted"] = True
    encoded = _encode(fields)
    # JSON, checked when it was sent: not parsed again.
    return encoded if message.data is None else f'{encoded[:-1]},"data":{message.data}}}'


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
