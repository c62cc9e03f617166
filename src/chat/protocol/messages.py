"""Messages: their fields, their limits, and the entries of a room's log."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from chat.identity.characters import is_printable, looks_empty
from chat.identity.identity import Identity
from chat.protocol.data import canonical, encode
from chat.protocol.errors import InvalidMessage, InvalidRef, MessageTooLarge

MAX_TEXT = 4_000  # characters
MAX_REF = 128  # characters
# A lone surrogate has no UTF-8 form, and control characters would control a reader's terminal.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a room. `id` is the ref it was sent with; `data` is JSON as text, or None."""

    id: str
    user: str
    name: str
    text: str
    data: str | None
    at: str  # UTC, ISO 8601 with milliseconds
    trace: str | None = None  # the trace header of its sending; None if it is not traced
    deleted: bool = False  # by a moderator, with its text and data

    @property
    def digest(self) -> str:
        """Equal for two messages with the same ref if they are one message sent twice."""
        data = canonical(self.data) if self.data else ""
        content = f"{self.user}\0{self.text}\0{data}"  # a ref belongs to the user who used it
        return hashlib.sha256(content.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a room's log has come. `epoch` tells the log from another one of the same room: it changes only
    when the log begins again. None before the first write.
    """

    seq: int = 0
    epoch: str | None = None

    def may_follow(self, epoch: str | None) -> bool:
        """False if a client has read another log: its numbers say nothing about this one."""
        return epoch in (None, self.epoch)


@dataclass(frozen=True, slots=True)
class Entry:
    """One number of a room's log: a message, or None for a skipped number, whose message was sent twice."""

    seq: int
    message: Message | None


def compose(
    *, author: Identity, ref: str, text: object, data: object, at: str, trace: str | None = None
) -> Message:
    """Check the fields of a message and return it. Raises InvalidMessage and MessageTooLarge."""
    return Message(ref, author.user, author.name, _text(text), encode(data), at, trace)


def message_ref(value: object) -> str:
    """Return a ref: 1 to 128 printable characters. Raises InvalidRef."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REF or not is_printable(value):
        raise InvalidRef(f"A ref is text of 1 to {MAX_REF} printable characters, unique for each message.")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidMessage('"message" must be text, and not empty.')
    if len(value) > MAX_TEXT:
        raise MessageTooLarge(f"A message holds {MAX_TEXT} characters at most.")
    if _UNSENDABLE.search(value):
        raise InvalidMessage("A message cannot hold control characters or half characters.")
    if looks_empty(value):
        raise InvalidMessage("A message cannot be of white space and invisible characters alone.")
    return value
