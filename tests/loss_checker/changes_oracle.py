"""Check what is left of a room's messages after their changes against what was acknowledged. No sockets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.loss_checker.oracle import Finding

type Form = Mapping[str, Any]  # a message as it is now, as frames have it
type Look = Mapping[str, Any]  # the same as the library shows it: text, reactions with their counts, deleted


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message or a change that a member has sent until it had an answer.

    `kind` is send, reply, edit, delete or react; `of` the message that is changed or answered. `outcome` is
    the acknowledged seq, or the code of the error, or None without an answer.
    """

    user: str
    kind: str
    of: int
    text: str
    on: bool
    outcome: int | str | None

    @property
    def is_message(self) -> bool:
        return self.kind in {"send", "reply"}


@dataclass(frozen=True, slots=True)
class ChangedRoom:
    """All that is known of a room: its history, the messages of each member, and what is stored, as text.

    Members by the library have `looks`, from the first message that they have shown.
    """

    room: str
    attempts: Sequence[Attempt]
    messages: Mapping[int, Form]
    changes: Sequence[Mapping[str, Any]]
    members: Mapping[str, Mapping[int, Form]]
    stored: str | None
    looks: Mapping[str, Mapping[int, Look]] = field(default_factory=dict)


def check_changes(record: ChangedRoom) -> list[Finding]:
    """Return all findings.

    There are none if each acknowledged change is in the history, once and with its effect, each reply is in
    its chain and counted, every member has the messages of the history, and nothing that was deleted can be
    read anywhere.
    """
    findings = [*_acknowledged(record), *_effects(record), *_chains(record)]
    return [*findings, *_members(record), *_deleted(record)]


def _acknowledged(record: ChangedRoom) -> Iterator[Finding]:
    where = f"the history of {record.room}"
    listed = {change["seq"]: (change["kind"], change["of"], change["user"]) for change in record.changes}
    asked = {}
    for attempt in record.attempts:
        what = f"{attempt.kind} of {attempt.of} by {attempt.user}: {attempt.outcome}"
        if attempt.outcome is None:
            yield Finding("unanswered", where, what)
        elif isinstance(attempt.outcome, int) and attempt.is_message:
            if attempt.outcome not in record.messages:
                yield Finding("lost", where, what)
        elif isinstance(attempt.outcome, int):
            if attempt.outcome in asked:
                yield Finding("two changes with one number", where, what)
            asked[attempt.outcome] = attempt
            if listed.get(attempt.outcome) != (attempt.kind, attempt.of, attempt.user):
                yield Finding("lost", where, what)
    for seq in sorted(listed.keys() - asked.keys()):
        yield Finding("invented", where, f"{seq} {listed[seq]}")
    sent = {attempt.outcome for attempt in record.attempts if attempt.is_message}
    for seq in sorted(record.messages.keys() - sent):
        yield Finding("invented", where, f"message {seq}")


def _effects(record: ChangedRoom) -> Iterator[Finding]:
    """Apply what was acknowledged, by seq, and compare."""
    texts, deleted, reacted = {}, set[int](), dict[int, set[tuple[str, str]]]()
    done = [attempt for attempt in record.attempts if isinstance(attempt.outcome, int)]
    for attempt in sorted(done, key=lambda attempt: int(attempt.outcome or 0)):
        of = attempt.of
        match attempt.kind:
            case "send" | "reply":
                texts[int(attempt.outcome or 0)] = attempt.text
            case "edit":
                texts[of] = attempt.text
            case "delete":
                deleted.add(of)
            case "react" if of not in deleted:
                people = reacted.setdefault(of, set())
                (people.add if attempt.on else people.discard)((attempt.text, attempt.user))
    for seq, message in record.messages.items():
        text = "" if seq in deleted else texts.get(seq)
        people = set() if seq in deleted else reacted.get(seq, set())
        counts = {reaction["reaction"]: reaction["count"] for reaction in message.get("reactions", [])}
        expected = {name: sum(each == name for each, _ in people) for name in {each for each, _ in people}}
        if (message["message"], "deleted" in message, counts) != (text, seq in deleted, expected):
            yield Finding("wrong", f"the history of {record.room}", f"{message}, not {text!r} {expected}")


def _chains(record: ChangedRoom) -> Iterator[Finding]:
    """Each message answers what was asked, has the first message of its chain, and counts its replies."""
    done = [each for each in record.attempts if each.is_message and isinstance(each.outcome, int)]
    answered = {int(attempt.outcome or 0): attempt.of for attempt in done if attempt.of}
    roots: dict[int, int] = {}
    for seq, of in sorted(answered.items()):  # what a reply answers has a lower number
        roots[seq] = roots.get(of, of)
    replies = Counter(roots.values())
    for seq, message in record.messages.items():
        found = (message.get("reply_to"), message.get("root"), message.get("replies", 0))
        expected = (answered.get(seq), roots.get(seq), replies[seq])
        if found != expected:
            yield Finding("wrong chain", f"the history of {record.room}", f"{message}, not {expected}")


def _members(record: ChangedRoom) -> Iterator[Finding]:
    for name, shown in record.members.items():
        for seq in sorted(shown.keys() | record.messages.keys()):
            if shown.get(seq) != record.messages.get(seq):
                what = f"{shown.get(seq)}, not {record.messages.get(seq)}"
                yield Finding("shown otherwise", f"{name} in {record.room}", what)

    expected = {seq: _look(message) for seq, message in record.messages.items()}
    for name, looks in record.looks.items():
        first = min(looks, default=0)
        for seq in sorted(looks.keys() | {seq for seq in expected if seq >= first}):
            if looks.get(seq) != expected.get(seq):
                what = f"{looks.get(seq)}, not {expected.get(seq)}, as message {seq}"
                yield Finding("shown otherwise", f"{name} in {record.room}", what)


def _look(message: Form) -> Look:
    reactions = {reaction["reaction"]: reaction["count"] for reaction in message.get("reactions", [])}
    return {"text": message["message"], "reactions": reactions, "deleted": "deleted" in message}


def _deleted(record: ChangedRoom) -> Iterator[Finding]:
    deleted = {
        attempt.of
        for attempt in record.attempts
        if attempt.kind == "delete" and isinstance(attempt.outcome, int)
    }
    readable = f"{list(record.messages.values())} {list(record.changes)} {record.stored or ''}"
    for attempt in record.attempts:
        of = attempt.outcome if attempt.is_message else attempt.of
        if (attempt.is_message or attempt.kind == "edit") and of in deleted and attempt.text in readable:
            yield Finding("readable", f"the tables of {record.room}", f"{attempt.text} of {of}")
