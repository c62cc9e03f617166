"""Messages and their changes: fields, limits, and the entries of a room's log."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from unicodedata import normalize

from chat.identity.characters import is_printable, looks_empty
from chat.identity.identity import Identity, Person, is_user
from chat.protocol.data import canonical, encode
from chat.protocol.errors import InvalidMessage, InvalidRef, MessageTooLarge

MAX_TEXT = 4_000  # characters
MAX_REF = 128  # characters
MAX_MENTIONS = 50  # people that a message mentions
# Of all users that a message mentions, as JSON: with text, data and reactions it must fit into a frame.
MAX_MENTIONS_BYTES = 2 * 1024
MAX_REACTION = 32  # characters: the longest emoji have some ten
MAX_REACTION_BYTES = 64  # in UTF-8: a message with all its reactions fits into a frame
# An emoji of several, such as a family, has joiners; the flags of England and others have tags.
_IN_EMOJI = re.compile("[\u200d\U000e0020-\U000e007f]")
# A lone surrogate has no UTF-8 form, and control characters would control a reader's terminal.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


# A "reply" changes the number of replies of its root. It is no entry of its own: the message that replies is.
type ChangeKind = Literal["edit", "delete", "react", "reply"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """How many people have reacted to a message in one way, and the first of them."""

    reaction: str
    count: int
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a room, as it is now. `id` is the ref it was sent with; `data` is JSON as text, or None.

    `mentions` are users, each once; those of a deleted message are kept only until they are taken back.
    `revision` is the seq of its newest change, 0 if it has none. Of a reply, `reply_to` is the seq of the
    message that it answers, and `root` that of the first message of the chain, which counts its `replies`.
    """

    id: str
    user: str
    name: str
    text: str
    data: str | None
    at: str  # UTC, ISO 8601 with milliseconds
    trace: str | None = None  # the trace header of its sending; None if it is not traced
    deleted: bool = False  # with its text, data and reactions
    edited_at: str | None = None
    revision: int = 0
    reactions: tuple[Reaction, ...] = ()
    reply_to: int | None = None
    root: int | None = None
    replies: int = 0
    mentions: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for two messages with the same ref if they are one message sent twice."""
        return _digest(self.user, self.text, _canonical(self.data), str(self.reply_to), *self.mentions)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the message `of`. `id` is its ref.

    `text` and `data` are those of an edit, `reaction` and `on` those of a reaction.
    """

    kind: ChangeKind
    of: int
    id: str
    user: str
    name: str
    at: str
    trace: str | None = None
    text: str = ""
    data: str | None = None
    reaction: str = ""
    on: bool = True  # False: the reaction is taken back

    @property
    def digest(self) -> str:
        """As that of a message; never equal to one."""
        content = (self.text, _canonical(self.data), self.reaction, str(self.on))
        return _digest(self.user, self.kind, str(self.of), *content)

    @property
    def person(self) -> Person:
        return Person(self.user, self.name)


def _canonical(data: str | None) -> str:
    return canonical(data) if data else ""


def _digest(*parts: str) -> str:
    """A ref belongs to the user who used it, so the user is a part."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


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
    """One number of a room's log: a message, or a change with its message as it is now.

    Without a message it is a skipped number: what was sent twice, or a change of a message that is gone. Only
    a head and a run that is not repaired yet have a change without its message.

    `changed_before` is the seq of the newest change or reply before it, as its head says, and
    `messaged_before` that of the newest message, skipped or not. 0 if there is none, or if the entry does not
    come from a head.
    """

    seq: int
    message: Message | None
    change: Change | None = None
    changed_before: int = field(default=0, compare=False)
    messaged_before: int = field(default=0, compare=False)


def compose(
    *,
    author: Identity,
    ref: str,
    text: object,
    data: object,
    at: str,
    trace: str | None = None,
    reply_to: int | None = None,
    mentions: object = None,
) -> Message:
    """Check the fields of a message and return it. Raises InvalidMessage and MessageTooLarge."""
    return Message(
        ref,
        author.user,
        author.name,
        _text(text),
        encode(data),
        at,
        trace,
        reply_to=reply_to,
        mentions=_mentions(mentions),
    )


def compose_edit(
    *, author: Identity, ref: str, of: int, text: object, data: object, at: str, trace: str | None = None
) -> Change:
    """Check the new content of a message and return the change. Raises as `compose` does."""
    return Change("edit", of, ref, author.user, author.name, at, trace, _text(text), encode(data))


def compose_deletion(*, author: Identity, ref: str, of: int, at: str, trace: str | None = None) -> Change:
    return Change("delete", of, ref, author.user, author.name, at, trace)


def compose_reaction(
    *, author: Identity, ref: str, of: int, reaction: object, on: bool, at: str, trace: str | None = None
) -> Change:
    """Check a reaction and return the change: it is added, or taken back. Raises InvalidMessage."""
    text = normalize("NFC", reaction) if isinstance(reaction, str) and len(reaction) <= MAX_REACTION else ""
    if not 1 <= len(text) <= MAX_REACTION or looks_empty(text) or not is_printable(_IN_EMOJI.sub("", text)):
        raise InvalidMessage(f'"reaction" is an emoji, or text of 1 to {MAX_REACTION} printable characters.')
    if len(text.encode()) > MAX_REACTION_BYTES:
        raise InvalidMessage(f'"reaction" has {MAX_REACTION_BYTES} bytes at most.')
    return Change("react", of, ref, author.user, author.name, at, trace, reaction=text, on=on)


def message_ref(value: object) -> str:
    """Return a ref: 1 to 128 printable characters. Raises InvalidRef."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REF or not is_printable(value):
        raise InvalidRef(f"A ref is text of 1 to {MAX_REF} printable characters, unique for each message.")
    return value


def mentions_size(mentions: Sequence[str]) -> int:
    """Return the bytes that mentions take in a frame."""
    return len(json.dumps(mentions, ensure_ascii=False).encode()) if mentions else 0


def _mentions(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_MENTIONS or not all(map(is_user, value)):
        raise InvalidMessage(f'"mentions" is a list of {MAX_MENTIONS} users at most.')
    if len(set(value)) < len(value):
        raise InvalidMessage('"mentions" names each user once.')
    if mentions_size(value) > MAX_MENTIONS_BYTES:
        raise InvalidMessage(f'"mentions" holds {MAX_MENTIONS_BYTES} bytes at most.')
    return tuple(value)


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
