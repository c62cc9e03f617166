"""Functions die and stall, and the stream gives runs up, at random: what is acknowledged is kept, once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chat.protocol.errors import RateLimited
from chat.protocol.messages import Change, Entry, Message
from chat.protocol.pages import page_after
from chat.protocol.timestamps import iso
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.mortal_dynamodb import Killed
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import NOW, TABLE, items

USERS = ("u1", "u2")
STEPS = 40


class Unreliable:
    """A DynamoDB client whose process dies at a call, before or after it. At another one it stalls."""

    def __init__(self, client: Any, rng: random.Random, deaths: float, stall: Callable[[], None]) -> None:
        self._client, self._stall = client, stall
        self._dies_at = rng.randint(1, 9) if rng.random() < deaths else 0
        self._stalls_at = rng.randint(1, 9) if rng.random() < 0.3 else 0
        self._before = rng.random() < 0.5
        self._calls = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self._calls += 1
            if self._calls == self._stalls_at:
                self._stall()
            if self._calls == self._dies_at and self._before:
                raise Killed
            try:
                return getattr(self._client, operation)(**arguments)
            finally:
                if self._calls == self._dies_at:
                    raise Killed

        return call


@dataclass
class Room:
    """A room, its functions and its clients. `acknowledged` has the seq of each content, by its ref."""

    dynamodb: Any
    stream: Stream
    rng: random.Random
    now: float = NOW
    depth: int = 0  # of functions that wait for others
    waiting: list[Entry] = field(default_factory=list)
    busy: bool = False  # the stream gives a room's records to one fan-out at a time
    contents: dict[str, Message | Change] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    warm: LogRepair | None = None

    def client(self, deaths: float) -> Any:
        return Unreliable(self.dynamodb, self.rng, deaths, self.others)

    def others(self) -> None:
        if self.depth < 2:
            self.depth += 1
            for _ in range(self.rng.randint(1, 5)):
                self.step()
            self.depth -= 1

    def step(self) -> None:
        steps = [self.send, self.send, self.send_again, self.fan_out, self.fan_out, self.read]
        self.rng.choice(steps)()
        self.now += self.rng.choice([0, 0, 1, 40])

    def log(self, client: Any) -> Log:
        rules = RoomRules(client, TABLE, lambda: self.now)
        return Log(client, TABLE, 90, rules, now=lambda: self.now, rate=Rate(10_000, 10_000))

    def send(self) -> None:
        number = len(self.contents)
        ref, user, at = f"r{number}", self.rng.choice(USERS), iso(self.now, "milliseconds")
        of = self.rng.choice([1, 2])
        kinds = ["message", "reply", "edit", "edit", "react", "react", "react", "react", "delete"]
        match self.rng.choice(kinds):
            case "message":
                content: Message | Change = Message(ref, user, user, f"text {number}", None, at)
            case "reply":
                content = Message(ref, user, user, f"text {number}", None, at, reply_to=of, root=of)
            case "edit":
                content = Change("edit", of, ref, user, user, at, text=f"text {number}")
            case "delete" if number > STEPS / 2:
                content = Change("delete", of, ref, user, user, at)
            case _:
                content = Change("react", of, ref, user, user, at, reaction="+", on=self.rng.random() < 0.6)
        self.contents[ref] = content
        self.append(ref, deaths=0.3)

    def send_again(self) -> None:
        unanswered = sorted(self.contents.keys() - self.acknowledged.keys())
        if unanswered:
            self.append(self.rng.choice(unanswered), deaths=0.3)

    def append(self, ref: str, deaths: float) -> None:
        try:
            seq = self.log(self.client(deaths)).append("general", self.contents[ref]).seq
        except (Killed, TimeoutError, RateLimited):  # no answer, or an error: it is sent again
            return
        assert self.acknowledged.setdefault(ref, seq) == seq

    def fan_out(self) -> None:
        if self.busy:
            return
        self.waiting += self.stream.batch().get("general", [])
        if not self.waiting:
            return
        self.busy = True
        size = self.rng.randint(1, len(self.waiting))
        run, self.waiting = self.waiting[:size], self.waiting[size:]
        if self.rng.random() < 0.3 and size > 1:  # Lambda splits a batch that has failed
            self.repair(run, deaths=1)
            cut = self.rng.randint(1, size - 1)
            runs = [run[:cut], run[cut:]]
        else:
            runs = [run]
        hopeless = self.rng.random() < 0.4
        for run in runs:
            for _ in range(5):  # then it is given up
                if self.repair(run, deaths=1 if hopeless else 0.2):
                    break
        self.busy = False

    def repair(self, run: list[Entry], deaths: float) -> bool:
        if self.warm is None or self.rng.random() < 0.3:
            self.warm = LogRepair(self.client(deaths), TABLE, 90, now=lambda: self.now)
        try:
            self.warm.repair("general", run)
        except Killed:
            self.warm = None
            return False
        return True

    def read(self) -> None:
        after = self.rng.choice([0, 0, max(0, len(self.contents) - 3)])
        try:
            page_after(
                after, self.log(self.client(0.3)).rows_after("general", after), lambda _: True, self.now
            )
        except Killed:
            return

    def come_to_rest(self, *, quiet: bool) -> list[Entry]:
        """All clients send again what was not acknowledged; the last run, if any, is broadcast; one reads."""
        while missing := sorted(self.contents.keys() - self.acknowledged.keys()):
            for ref in missing:
                self.append(ref, deaths=0)
        self.waiting += self.stream.batch().get("general", [])
        if self.waiting and not quiet:
            self.repair(self.waiting, deaths=0)
        self.now += 2 * 3600
        return self.read_all()

    def read_all(self) -> list[Entry]:
        """Read the history by pages: one ends before a gap that is final, and the next skips it."""
        entries: list[Entry] = []
        while True:
            after = entries[-1].seq if entries else 0
            rows = self.log(self.dynamodb).rows_after("general", after)
            page = page_after(after, rows, lambda _: True, self.now)
            entries += page.entries
            if not page.more:
                return entries
            assert page.entries, f"nothing can be read after {after}"


def expected(room: Room) -> dict[int, tuple[str, bool, set[str], int]]:
    """Text, deleted, who has reacted and the replies of the two messages, by what was acknowledged."""
    messages = {1: ("one", False, set[str](), 0), 2: ("two", False, set[str](), 0)}
    for ref, _ in sorted(room.acknowledged.items(), key=lambda each: each[1]):
        content = room.contents[ref]
        if isinstance(content, Message):
            if content.root is not None:
                text, deleted, people, replies = messages[content.root]
                messages[content.root] = text, deleted, people, replies + 1
            continue
        text, deleted, people, replies = messages[content.of]
        if deleted:
            continue
        match content.kind:
            case "edit":
                text = content.text
            case "delete":
                text, deleted, people = "", True, set()
            case "react":
                people = people | {content.user} if content.on else people - {content.user}
        messages[content.of] = text, deleted, people, replies
    return messages


@pytest.mark.parametrize("quiet", [False, True], ids=["a next run", "a quiet room"])
@pytest.mark.parametrize("seed", range(12))
def test_what_is_acknowledged_is_kept(dynamodb: Any, stream: Stream, seed: int, quiet: bool) -> None:
    room = Room(dynamodb, stream, random.Random(seed))
    at = "2026-11-23T00:00:00.000Z"
    for seq, text in enumerate(("one", "two"), 1):
        assert room.log(dynamodb).append("general", Message(f"m{seq}", "u1", "u1", text, None, at)).seq == seq
    for _ in range(STEPS):
        room.step()
    entries = room.come_to_rest(quiet=quiet)
    seqs = [entry.seq for entry in entries]
    by_seq = {entry.seq: entry for entry in entries}
    for ref, seq in room.acknowledged.items():
        entry, content = by_seq[seq], room.contents[ref]
        stored = entry.change or entry.message
        assert stored is not None and stored.id == ref
        assert not isinstance(content, Change) or stored == replace(content, text="")
    ids = [stored.id for entry in entries if (stored := entry.change or entry.message)]
    assert len(ids) == len(set(ids)) == len(room.acknowledged) + 2
    assert seqs == sorted(seqs)
    for seq, (text, deleted, people, replies) in expected(room).items():
        message = by_seq[seq].message
        assert message is not None
        reacted = {person.user for reaction in message.reactions for person in reaction.people}
        assert (message.text, message.deleted, reacted, message.replies) == (text, deleted, people, replies)
        assert [reaction.count for reaction in message.reactions] == [len(people)] * bool(people)
    assert not [row for row in items(dynamodb, "LOG#").values() if "pending" in row]
