"""The wire form: the only place that knows how a frame looks, in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Person
from chat.protocol.errors import ChatError, InvalidFrame, InvalidRef, RateLimited
from chat.protocol.messages import Entry, Message, message_ref
from chat.protocol.pages import Page

MAX_FRAME = 32 * 1024  # bytes; API Gateway meters in units of 32 KB and sends no larger frame


@dataclass(frozen=True, slots=True)
class Request:
    """A frame from a client: `fields` is all of it, not checked yet."""

    action: object
    fields: Mapping[str, Any]


def parse(body: str | None) -> Request:
    """Reads a client's frame. Raises InvalidFrame."""
    try:
        fields = json.loads(body or "")
    except (ValueError, RecursionError) as error:  # not JSON, or nested deeper than anyone means
        raise InvalidFrame("A frame is a JSON object.") from error
    if not isinstance(fields, dict):
        raise InvalidFrame("A frame is a JSON object.")
    return Request(fields.get("action"), fields)


def echoed_ref(body: str | None) -> str | None:
    """The ref that a refusal of this body can name, so that the sender knows which frame was refused."""
    try:
        return message_ref(parse(body).fields.get("ref"))
    except (InvalidFrame, InvalidRef):
        return None


def reply(ref: str | None, **result: Any) -> str:
    return _encode({"type": "reply", "ref": ref, "status": "ok", **result})


def error(ref: str | None, cause: ChatError) -> str:
    fields: dict[str, Any] = {"type": "reply", "ref": ref, "status": "error", "code": cause.code}
    fields["detail"] = str(cause)
    if isinstance(cause, RateLimited):
        fields["retry_after"] = round(cause.retry_after, 3)
    return _encode(fields)


def messages(room: str, entries: Sequence[Entry]) -> Iterator[str]:
    """The frames that carry these entries, in order and each as full as 32 KB allow."""
    filling = _FrameBuilder({"type": "messages", "room": room})
    for entry in entries:
        if not filling.fits(entry):
            yield filling.frame()
            filling = _FrameBuilder({"type": "messages", "room": room})
            filling.fits(entry)
    if not filling.empty:
        yield filling.frame()


class PageReply:
    """A reply that carries a page: `fits` says what fits, up to `limit` places, before it is `encoded`."""

    def __init__(self, ref: str | None, limit: int, **result: Any) -> None:
        self._filling = _FrameBuilder({"type": "reply", "ref": ref, "status": "ok", **result})
        self._left = limit

    def fits(self, entry: Entry) -> bool:
        self._left -= 1
        return self._left >= 0 and self._filling.fits(entry)

    def encoded(self, page: Page) -> str:
        first_seq = {} if page.first_seq is None else {"first_seq": page.first_seq}
        return self._filling.frame(more=page.more, **first_seq)


def changed(room: str, entries: Sequence[Entry]) -> str:
    """Tells that messages are no longer what they were."""
    filling = _FrameBuilder({"type": "changed", "room": room})
    for entry in entries:
        filling.fits(entry)
    return filling.frame()


def presence(room: str, joined: Sequence[Person], left: Sequence[Person], count: int) -> str:
    """Tells who is in a room now and was not, and the other way round."""
    people = {"joined": _people(joined), "left": _people(left)}
    return _encode({"type": "presence", "room": room, **people, "count": count})


def typing(room: str, person: Person) -> str:
    return _encode({"type": "typing", "room": room, "user": person.user, "name": person.name})


def moderated(room: str, action: str, moderator: str, **what: Any) -> str:
    """Tells what a moderator has done in a room."""
    return _encode({"type": "moderated", "room": room, "action": action, "moderator": moderator, **what})


def disconnect(code: str, *, reconnect: bool) -> str:
    """The last frame before the server closes a socket."""
    return _encode({"type": "disconnect", "code": code, "reconnect": reconnect})


def members(ref: str | None, room: str, people: Sequence[Person], **what: Any) -> str:
    """A reply with as many of these as a frame holds."""
    envelope = {"type": "reply", "ref": ref, "status": "ok", "room": room}
    left = MAX_FRAME - len(_encode({**envelope, **what, "members": [], "more": False}).encode())
    taken = 0
    for person in people:
        left -= len(_encode({"user": person.user, "name": person.name}).encode()) + len(",")
        if left < 0:
            break
        taken += 1
    listed = {"members": _people(people[:taken]), "more": taken < len(people)}
    return _encode({**envelope, **what, **listed})


def _people(people: Sequence[Person]) -> list[dict[str, str]]:
    return [{"user": person.user, "name": person.name} for person in people]


def plain(entries: Sequence[Entry]) -> Iterator[str]:
    """What a plain client receives: the bare text of each message."""
    return (
        entry.message.text for entry in entries if entry.message is not None and not entry.message.deleted
    )


class _FrameBuilder:
    """A frame that is filled with entries.

    A message alone always fits: text, name and data together stay below 32 KB whatever they hold.
    """

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        self._head = _encode({**envelope, "messages": []})[: -len("]}")]
        self._texts: list[tuple[int, str]] = []
        self._skipped: list[int] = []
        longest = '],"skipped":[],"more":false,"first_seq":999999999999}'
        self._left = MAX_FRAME - len(self._head.encode()) - len(longest)

    @property
    def empty(self) -> bool:
        return not self._texts and not self._skipped

    def fits(self, entry: Entry) -> bool:
        """Adds an entry, if it fits."""
        text = str(entry.seq) if entry.message is None else _message(entry.seq, entry.message)
        cost = len(text.encode()) + len(",")
        if cost > self._left:
            return False
        self._left -= cost
        if entry.message is None:
            self._skipped.append(entry.seq)
        else:
            self._texts.append((entry.seq, text))
        return True

    def frame(self, **rest: Any) -> str:
        """`rest` is what follows the entries."""
        after = ({"skipped": sorted(self._skipped)} if self._skipped else {}) | rest
        end = "," + _encode(after)[1:] if after else "}"
        return self._head + ",".join(text for _, text in sorted(self._texts)) + "]" + end


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
    # Checked when it was sent: parsing it again would cost time, and fail where its nesting is deep.
    return encoded if message.data is None else f'{encoded[:-1]},"data":{message.data}}}'


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
