"""A message, and what may be one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Identity
from chat.protocol.errors import InvalidMessage, InvalidRef, MessageTooLarge

MAX_TEXT = 4_000  # characters
MAX_DATA = 4 * 1024  # bytes, encoded
MAX_REF = 128  # characters
# A lone surrogate has no UTF-8, and control characters steer the terminals of those who read with one.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said in a room. `id` is the ref it was sent with; `data` is JSON as text, or None."""

    id: str
    user: str
    name: str
    text: str
    data: str | None
    at: str  # UTC, ISO 8601 with milliseconds
    trace: str | None = None  # where a trace of it goes on; None when it is not traced
    deleted: bool = False  # by a moderator; its text and data are gone then

    @property
    def digest(self) -> str:
        """Tells whether two messages with one ref are the same message sent twice."""
        content = f"{self.user}\0{self.text}\0{self.data or ''}"  # another's ref is no ref of one's own
        return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in a room's log: a message or, where a message was sent again and counts once, a void."""

    seq: int
    message: Message | None


def compose(
    *, author: Identity, ref: str, text: object, data: object, at: str, trace: str | None = None
) -> Message:
    """What `author` says, checked. Raises InvalidMessage and MessageTooLarge."""
    return Message(ref, author.user, author.name, _text(text), _data(data), at, trace)


def message_ref(value: object) -> str:
    """`value` as a ref: 1 to 128 printable characters. Raises InvalidRef."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REF or not value.isprintable():
        raise InvalidRef(f"A ref is text of 1 to {MAX_REF} printable characters, unique for each message.")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidMessage('"message" must be text, and not empty.')
    if len(value) > MAX_TEXT:
        raise MessageTooLarge(f"A message holds {MAX_TEXT} characters at most.")
    if _UNSENDABLE.search(value):
        raise InvalidMessage("A message cannot hold control characters or half characters.")
    return value


def _data(value: Any) -> str | None:
    if value is None:
        return None
    try:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(data.encode())
    except (ValueError, RecursionError) as error:
        # A number that JSON has no form for, a lone surrogate; or too deep.
        raise InvalidMessage('"data" must be JSON.') from error
    if size > MAX_DATA:
        raise MessageTooLarge(f'"data" holds {MAX_DATA} bytes of JSON at most.')
    return data
