"""Check what people are told of their rooms against the room's history. No sockets, no clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.loss_checker.changes_oracle import Form
from tests.loss_checker.oracle import Finding

MAX_SHOWN = 200  # characters of the newest message in a list of rooms
MAX_MENTIONS = 100  # as many, or more


@dataclass(frozen=True, slots=True)
class Reading:
    """A mark that one of a person's devices sent until it was answered.

    `answered` is the `read` of the reply, or the code of the error, or None without an answer: then the mark
    may have been taken or not.
    """

    asked: int
    answered: int | str | None


@dataclass(frozen=True, slots=True)
class Reader:
    """What a person did, and the `rooms` that each device was told after the run.

    `began` is the `read` of the reply to `subscribe`, None if the person has unsubscribed since.
    """

    user: str
    began: int | None
    readings: Sequence[Reading] = ()
    lists: Sequence[Sequence[Mapping[str, Any]]] = ()
    notices: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class PeopleRoom:
    """All that is known of a room: its readers, the messages of its history, and where a text may be left.

    `secrets` are texts of messages that were deleted, and `readable` all places where nobody may read them.
    """

    room: str
    readers: Sequence[Reader]
    messages: Mapping[int, Form]
    secrets: Iterable[str] = ()
    readable: Mapping[str, str] = field(default_factory=dict)


def check_people(record: PeopleRoom) -> list[Finding]:
    """Return all findings.

    There are none if each list has the room once, with the mark, the unread messages and the mentions that
    follow from the history, and nothing that was deleted is readable.
    """
    findings = [*_deleted(record)]
    for reader in record.readers:
        where = f"the rooms of {reader.user}"
        for places in reader.lists:
            mine = [place for place in places if place["room"] == record.room]
            if len(mine) != (reader.began is not None):
                findings.append(Finding("listed", where, f"{record.room} {len(mine)} times"))
            for place in mine:
                findings += _place(record, reader, place, where)
        findings += _notices(record, reader)
    return findings


def _place(record: PeopleRoom, reader: Reader, place: Mapping[str, Any], where: str) -> Iterator[Finding]:
    read = int(place["read"])
    lowest, highest = marks(record, reader)
    if not lowest <= read <= highest:
        yield Finding("mark", where, f"{read}, not from {lowest} to {highest}")
    last = max(record.messages, default=0)
    if place["seq"] < last:
        yield Finding("not counted", where, f"up to {place['seq']}, not {last}")
    # A deleted message counts, as its place is shown; a change and a skipped number are no messages.
    unread = sum(seq > read for seq in record.messages)
    if place["unread"] != unread:
        yield Finding("unread", where, f"{place['unread']}, not {unread}, after {read}")
    mentions = len(_mentions(record, reader, read))
    if place["mentions"] != min(mentions, MAX_MENTIONS):
        yield Finding("mentions", where, f"{place['mentions']}, not {mentions}, after {read}")
    newest = place.get("newest", {})
    shown = {name: newest.get(name) for name in ("seq", "user", "message")}
    if record.messages and shown != _newest(record.messages[last]):
        yield Finding("newest", where, f"{newest}, not {record.messages[last]}")
    if record.messages and ("deleted" in newest) != ("deleted" in record.messages[last]):
        yield Finding("newest", where, f"{newest}, not {record.messages[last]}")


def marks(record: PeopleRoom, reader: Reader) -> tuple[int, int]:
    """Return the lowest and the highest mark that a person can have.

    They are the same, unless a mark was not answered.
    """
    own = [seq for seq, message in record.messages.items() if message["user"] == reader.user]
    answered = [each.answered for each in reader.readings if isinstance(each.answered, int)]
    lowest = max([reader.began or 0, *own, *answered])
    # A frame of which the first try was slow may be taken after its second one was answered.
    asked = [each.asked for each in reader.readings if not isinstance(each.answered, str)]
    return lowest, max([lowest, *asked])


def _mentions(record: PeopleRoom, reader: Reader, after: int) -> list[int]:
    # Own ones need no rule: whoever writes has read so far.
    return [
        seq
        for seq, message in record.messages.items()
        if seq > after and "deleted" not in message and reader.user in message.get("mentions", [])
    ]


def _newest(message: Form) -> dict[str, Any]:
    return {"seq": message["seq"], "user": message["user"], "message": message["message"][:MAX_SHOWN]}


def _notices(record: PeopleRoom, reader: Reader) -> Iterator[Finding]:
    """No notice told a mark that the person never had, or a mention that there never was."""
    _, highest = marks(record, reader)
    for notice in reader.notices:
        if notice.get("read", 0) > highest and reader.began is not None:
            yield Finding("notice", f"a device of {reader.user}", f"{notice}: never read so far")
        told = notice.get("mention", {}).get("seq")
        message = record.messages.get(told, {}) if told else {}
        mentioned = "deleted" in message or reader.user in message.get("mentions", [])
        if told and not mentioned:
            yield Finding("notice", f"a device of {reader.user}", f"{notice}: no such mention")


def _deleted(record: PeopleRoom) -> Iterator[Finding]:
    for secret in record.secrets:
        for place, text in record.readable.items():
            if secret in text:
                yield Finding("readable", f"{place} of {record.room}", secret)
