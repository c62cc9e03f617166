"""The wire form: the only place that knows how a frame looks, in and out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.errors import ChatError, InvalidFrame, InvalidRef
from chat.messages import Entry, Message, message_ref

MAX_FRAME = 32 * 1024  # bytes; API Gateway meters in units of 32 KB and sends no larger frame
_CLOSING = "]}"


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


def refusal(ref: str | None, error: ChatError) -> str:
    return _encode({"type": "reply", "ref": ref, "status": "error", "code": error.code, "detail": str(error)})


def messages(room: str, entries: Sequence[Entry]) -> Iterator[str]:
    """The frames that carry these entries, in order and each as full as 32 KB allow.

    A message alone always fits: text, name and data together stay below 32 KB whatever they hold.
    """
    head = _encode({"type": "messages", "room": room, "messages": []})[: -len(_CLOSING)]
    room_left = MAX_FRAME - len(head.encode()) - len(',"voids":[]') - len(_CLOSING)
    texts: list[str] = []
    voids: list[int] = []
    size = 0
    for entry in entries:
        text = "" if entry.message is None else _message(entry.seq, entry.message)
        cost = len(text.encode()) + 1 if text else len(str(entry.seq)) + 1
        if size + cost > room_left:
            yield _messages_frame(head, texts, voids)
            texts, voids, size = [], [], 0
        size += cost
        if text:
            texts.append(text)
        else:
            voids.append(entry.seq)
    if texts or voids:
        yield _messages_frame(head, texts, voids)


def plain(entries: Sequence[Entry]) -> Iterator[str]:
    """What a plain client receives: the bare text of each message."""
    return (entry.message.text for entry in entries if entry.message is not None)


def _messages_frame(head: str, texts: list[str], voids: list[int]) -> str:
    frame = head + ",".join(texts) + "]"
    return f'{frame},"voids":{_encode(voids)}}}' if voids else frame + "}"


def _message(seq: int, message: Message) -> str:
    fields = {
        "seq": seq,
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "at": message.at,
    }
    encoded = _encode(fields)
    # Checked when it was sent: parsing it again would cost time, and fail where its nesting is deep.
    return encoded if message.data is None else f'{encoded[:-1]},"data":{message.data}}}'


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
