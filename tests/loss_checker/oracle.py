"""What a room owes its members, held against what they received. It knows no socket and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Refusals that a client makes up itself: the message may be stored all the same.
_UNDECIDED = {"closed", "left", "expired"}


@dataclass(frozen=True, slots=True)
class Message:
    seq: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that a client wanted sent.

    `began` is when: a number that grows with everything that begins. `outcome` is the seq that the client was
    told, or the code of the refusal, or None when it was told nothing.
    """

    client: str
    id: str
    text: str
    began: int
    outcome: int | str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """What a client received in a room from one join on, in the order in which it received it.

    `began` is when the join was answered. `left` says that the client left, or was gone, before the end.
    `gaps` are the ranges of seqs that the client was told are lost, `resets` how often it was told that the
    room began anew.
    """

    client: str
    began: int
    left: bool
    received: Sequence[Message]
    gaps: Sequence[tuple[int, int]] = ()
    resets: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a room once everything has calmed down.

    `history` is what its pages say; `rows` what its table holds by seq, if one can see that, None for a void.
    """

    room: str
    sendings: Sequence[Sending]
    visits: Sequence[Visit]
    history: Sequence[Message]
    rows: Mapping[int, Message | None] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken: the kind of it in a word, where it met, and which message."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.where}: {self.what}"


def check(record: Record) -> list[Finding]:
    """Everything that is not as it should be; nothing, if each acknowledged message is in the history once,
    was received once and in the history's order by every member that stayed, and nothing else was.
    """
    findings = [*_history(record), *_rows(record), *_sendings(record), *_order_of_sending(record)]
    for number, visit in enumerate(record.visits, 1):
        where = f"visit {number} of {visit.client} to {record.room}"
        findings += _visit(record, visit, where)
    return findings


def _history(record: Record) -> Iterator[Finding]:
    where = f"the history of {record.room}"
    yield from _repeats_and_order(record.history, where)
    sent = {sending.id: sending for sending in record.sendings}
    for message in record.history:
        sending = sent.get(message.id)
        if sending is None:
            yield Finding("invented", where, _named(message))
        elif sending.text != message.text:
            yield Finding("altered", where, _named(message))


def _rows(record: Record) -> Iterator[Finding]:
    """Each row is a page's message, each page's message a row, and no place is without one."""
    if record.rows is None:
        return
    where = f"the table of {record.room}"
    rows = {row for row in record.rows.values() if row is not None}
    for message in record.history:
        if message not in rows:
            yield Finding("not stored", where, _named(message))
    for row in sorted(rows - set(record.history), key=lambda row: row.seq):
        yield Finding("not in the history", where, _named(row))
    for seq in range(1, max(record.rows, default=0) + 1):
        if seq not in record.rows:
            yield Finding("gap", where, str(seq))


def _sendings(record: Record) -> Iterator[Finding]:
    stored = {message.id: message.seq for message in record.history}
    for sending in record.sendings:
        where = f"{sending.client} in {record.room}"
        what = f"{sending.id} {_short(sending.text)}"
        match sending.outcome:
            case None:
                yield Finding("unanswered", where, what)
            case int(seq) if sending.id not in stored:
                yield Finding("lost", f"the history of {record.room}", f"{what}, acknowledged as {seq}")
            case int(seq) if stored[sending.id] != seq:
                yield Finding("misplaced", where, f"{what}: told {seq}, stored {stored[sending.id]}")
            case str(code) if sending.id in stored and code not in _UNDECIDED:
                yield Finding("rejected but stored", where, f"{what}: {code}")


def _order_of_sending(record: Record) -> Iterator[Finding]:
    """A client's messages are stored in the order in which it sent them."""
    stored = {message.id: message.seq for message in record.history}
    for client in sorted({sending.client for sending in record.sendings}):
        own = [sending for sending in record.sendings if sending.client == client and sending.id in stored]
        own.sort(key=lambda sending: sending.began)
        for earlier, later in pairwise(own):
            if stored[earlier.id] > stored[later.id]:
                what = f"{earlier.id} is {stored[earlier.id]}, {later.id} is {stored[later.id]}"
                yield Finding("overtaken", f"{client} in {record.room}", what)


def _visit(record: Record, visit: Visit, where: str) -> Iterator[Finding]:
    yield from _repeats_and_order(visit.received, where)
    for first, last in visit.gaps:
        yield Finding("given up", where, f"{first} to {last}")
    if visit.resets:
        yield Finding("reset", where, f"{visit.resets} times")
    stored, ids = set(record.history), {message.id for message in record.history}
    for message in visit.received:
        if message not in stored:
            yield Finding("altered" if message.id in ids else "invented", where, _named(message))
    received = {message.id for message in visit.received}
    for message in _owed(record, visit):
        if message.id not in received:
            yield Finding("lost", where, _named(message))


def _owed(record: Record, visit: Visit) -> Iterable[Message]:
    """What a visit must have received: all from its first message on, and whatever was sent after its join.

    To the end of the history, or for one that left, to the last that it received.
    """
    sent_after = {sending.id for sending in record.sendings if sending.began > visit.began}
    firsts = [message.seq for message in record.history if message.id in sent_after]
    seqs = [message.seq for message in visit.received]
    if visit.left and not seqs:
        return []
    first = min(firsts + seqs, default=0)
    last = max(seqs) if visit.left else max((message.seq for message in record.history), default=0)
    return [message for message in record.history if first <= message.seq <= last]


def _repeats_and_order(messages: Sequence[Message], where: str) -> Iterator[Finding]:
    seqs: set[int] = set()
    ids: set[str] = set()
    for message in messages:
        if message.seq in seqs or message.id in ids:
            yield Finding("repeated", where, _named(message))
        seqs.add(message.seq)
        ids.add(message.id)
    for earlier, later in pairwise(messages):
        if earlier.seq > later.seq:
            yield Finding("out of order", where, f"{_named(later)} after {earlier.seq}")


def _named(message: Message) -> str:
    return f"{message.seq} {message.id} {_short(message.text)}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
