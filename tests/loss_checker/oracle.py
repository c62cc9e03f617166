"""Check what the members of a room received against what they should have. No sockets, no clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

# Error codes that the library sets by itself. The message may be stored or not.
_UNDECIDED = {"closed", "left", "expired"}


@dataclass(frozen=True, slots=True)
class Message:
    seq: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that a client has sent.

    `began` is the moment, a number. `outcome` is the acknowledged seq, or the code of the error, or None
    without an answer.
    """

    client: str
    id: str
    text: str
    began: int
    outcome: int | str | None


@dataclass(frozen=True, slots=True)
class Visit:
    """What a client received in a room since one join, in order.

    `began` is the moment of the answer to the join, which asked for the last `history` messages. `left` is
    true if the client left or ended before the end of the run. `gaps` are the ranges of its `lost` events,
    `resets` the number of its `reset` events.
    """

    client: str
    began: int
    left: bool
    received: Sequence[Message]
    gaps: Sequence[tuple[int, int]] = ()
    resets: int = 0
    history: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of a room after the run.

    `history` are the messages of its pages. `rows` are the rows of its table by seq, None for a skipped
    number; it is None as a whole if the table cannot be read.
    """

    room: str
    sendings: Sequence[Sending]
    visits: Sequence[Visit]
    history: Sequence[Message]
    rows: Mapping[int, Message | None] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise: its kind, where it was found, and the message."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.where}: {self.what}"


def check(record: Record) -> list[Finding]:
    """Return all findings.

    There are none if each acknowledged message is in the history once, and every member that stayed has
    received the history, in its order, and nothing else.
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
    """The rows are the messages of the pages, and no number is missing."""
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
                yield Finding(
                    "misplaced", where, f"{what}: acknowledged as {seq}, stored as {stored[sending.id]}"
                )
            case str(code) if sending.id in stored and code not in _UNDECIDED:
                yield Finding("rejected but stored", where, f"{what}: {code}")


def _order_of_sending(record: Record) -> Iterator[Finding]:
    """The messages of a client are stored in the order in which it sent them."""
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
    for message in owed(record.history, record.sendings, visit):
        if message.id not in received:
            yield Finding("lost", where, _named(message))


def owed(history: Sequence[Message], sendings: Iterable[Sending], visit: Visit) -> list[Message]:
    """Return what a visit must have received: what its join asked for, all since its first message, and all
    sent after its join.

    Up to the end of the history. If the client left, up to the last message that it received.
    """
    sent_after = {sending.id for sending in sendings if sending.began > visit.began}
    # The last ones now are no earlier than those at the join.
    asked_for = history[-visit.history :] if visit.history else []
    firsts = [message.seq for message in history if message.id in sent_after]
    firsts += [message.seq for message in [*asked_for, *visit.received]]
    if not firsts or (visit.left and not visit.received):
        return []
    last = max(message.seq for message in (visit.received if visit.left else [*history, *visit.received]))
    return [message for message in history if min(firsts) <= message.seq <= last]


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
