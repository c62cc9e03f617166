"""The wire form of a log's entries: messages, changes and skipped numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from chat.identity.identity import Person
from chat.protocol.frame_builder import FrameBuilder, encode
from chat.protocol.messages import Change, Entry, Message, Reaction

MAX_LISTED = 50  # reactions to one message in a broadcast


def newest_reactions(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries of a broadcast; of very many reactions to one message only the newest are listed.

    The others become skipped numbers: the message has them all, and in a storm of reactions each frame would
    be as large as a frame can be.
    """
    listed: Counter[int] = Counter()

    def shortened(entry: Entry) -> Entry:
        if entry.change is None or entry.change.kind != "react":
            return entry
        listed[entry.change.of] += 1
        return entry if listed[entry.change.of] <= MAX_LISTED else Entry(entry.seq, None)

    return [shortened(entry) for entry in reversed(entries)][::-1]


class EntriesBuilder(FrameBuilder):
    """Build a frame with entries: the messages, then the changes and the skipped numbers.

    A change's number is also a skipped one, for clients that know no changes. Several changes of one message
    have it once, with the last of them. A single entry always fits: text, name, data and reactions together
    stay below 32 KB.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        longest_end = '],"changes":[],"skipped":[],"more":false,"first_seq":999999999999}'
        super().__init__(fields, "messages", longest_end=longest_end)
        self._seqs: list[int] = []  # of the messages
        self._changes: dict[int, tuple[Change, str]] = {}  # by seq, with the message as it is now
        self._reserved: dict[int, int] = {}  # bytes for each message that has changes
        self._skipped: list[int] = []

    @property
    def empty(self) -> bool:
        return not self._seqs and not self._skipped

    def add_entry(self, entry: Entry) -> bool:
        """False if the entry does not fit."""
        if entry.message is None:
            return self._add_skipped(entry.seq)
        message = _encoded_message(entry.change.of if entry.change else entry.seq, entry.message)
        if entry.change:
            return self._add_change(entry.seq, entry.change, message)
        if not self.add(message):
            return False
        self._seqs.append(entry.seq)
        return True

    def _add_skipped(self, seq: int) -> bool:
        if not self.reserve(str(seq)):
            return False
        self._skipped.append(seq)
        return True

    def _add_change(self, seq: int, change: Change, message: str) -> bool:
        size = len(message.encode())
        longer = "." * max(0, size - self._reserved.get(change.of, 0))  # it has perhaps been read in between
        if not self.reserve(_encoded_change(seq, change, longer) + str(seq) + ","):
            return False
        self._changes[seq] = (change, message)
        self._reserved[change.of] = max(size, self._reserved.get(change.of, 0))
        self._skipped.append(seq)
        return True

    def frame(self, **last: Any) -> str:
        """Entries may have come in any order; the frame has them by seq."""
        self._items = [item for _, item in sorted(zip(self._seqs, self._items, strict=True))]
        self._seqs.sort()
        by_seq = sorted(self._changes.items())
        newest = {change.of: seq for seq, (change, _) in by_seq}
        changes = [
            _encoded_change(seq, change, message if newest[change.of] == seq else "")
            for seq, (change, message) in by_seq
        ]
        fields = {"changes": f"[{','.join(changes)}]"} if changes else {}
        if self._skipped:
            fields["skipped"] = encode(sorted(self._skipped))
        return self.frame_of(fields | {name: encode(value) for name, value in last.items()})


def _encoded_message(seq: int, message: Message) -> str:
    fields: dict[str, Any] = {
        "seq": seq,
        "id": message.id,
        "user": message.user,
        "name": message.name,
        "message": message.text,
        "at": message.at,
    }
    for name in ("reply_to", "root"):
        if (other := getattr(message, name)) is not None:
            fields[name] = other
    if message.mentions and not message.deleted:
        fields["mentions"] = message.mentions
    if message.replies:
        fields["replies"] = message.replies
    if message.deleted:
        fields["deleted"] = True
    if message.edited_at is not None:
        fields["edited_at"] = message.edited_at
    if message.revision:
        fields["revision"] = message.revision
    if message.reactions:
        fields["reactions"] = [_reaction(reaction) for reaction in message.reactions]
    encoded = encode(fields)
    # JSON, checked when it was sent: not parsed again.
    return encoded if message.data is None else f'{encoded[:-1]},"data":{message.data}}}'


def _encoded_change(seq: int, change: Change, message: str) -> str:
    """Return a change with `message`, its encoded message as it is now; without if that is empty."""
    fields: dict[str, Any] = {
        "seq": seq,
        "of": change.of,
        "kind": change.kind,
        "user": change.user,
        "name": change.name,
        "at": change.at,
    }
    if change.kind == "react":
        fields |= {"reaction": change.reaction, "on": change.on}
    encoded = encode(fields)
    return f'{encoded[:-1]},"message":{message}}}' if message else encoded


def _reaction(reaction: Reaction) -> dict[str, Any]:
    people = [person_fields(person) for person in reaction.people]
    return {"reaction": reaction.reaction, "count": reaction.count, "people": people}


def person_fields(person: Person) -> dict[str, str]:
    return {"user": person.user, "name": person.name}
