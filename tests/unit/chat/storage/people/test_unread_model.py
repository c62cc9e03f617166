"""Unread counts beside a plain model, for random histories: changes, resends, crashes and many devices."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from chat.protocol.messages import Entry
from tests.unit.chat.storage.people.conftest import USERS, World

STEPS = 60


class Model:
    """A room as a plain list of what each number is, and how far each person has read."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []  # what it is, and its author
        self.folded = 0  # the fan-out has come so far
        self.followed: int | None = None  # the end of the log when somebody subscribed first
        self.read: dict[str, int] = {}

    @property
    def end(self) -> int:
        """The last number before the first that has no row: a change gets its row when it is folded.

        What was there before anybody followed the room is behind it in any case.
        """
        known = max(self.folded, self.followed or 0)
        waiting = (seq for seq, (kind, _) in enumerate(self.entries, 1) if kind == "change" and seq > known)
        return next(waiting, len(self.entries) + 1) - 1

    def add(self, kind: str, author: str) -> None:
        self.entries.append((kind, author))

    def fan_out(self) -> None:
        for seq in range(self.folded + 1, len(self.entries) + 1):
            kind, author = self.entries[seq - 1]
            if kind == "message" and author in self.read:
                self.read[author] = max(seq, self.read[author])
        self.folded = len(self.entries)

    def unread(self, user: str) -> int:
        read = self.read[user]
        return sum(kind == "message" for kind, _ in self.entries[read : max(read, self.folded)])


class History:
    """Random steps in a room and in its model."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random, self.model = world, Random(seed), Model()
        self.sent: list[tuple[str, str, int]] = []  # author, ref and seq of each message
        self.waiting: list[Entry] = []  # of the stream, not fanned out yet

    def send(self) -> None:
        user, ref = self.random.choice(USERS), f"r{len(self.sent)}"
        self.sent.append((user, ref, self.world.send(user, ref)))
        self.model.add("message", user)

    def send_again(self) -> None:
        if self.sent:
            user, ref, seq = self.random.choice(self.sent)
            assert self.world.send(user, ref) == seq
            self.model.add("skipped", user)

    def change(self) -> None:
        if not self.sent:
            return
        user, _, seq = self.random.choice(self.sent)
        frame: dict[str, Any] = self.random.choice(
            [{"action": "edit", "message": "Ho"}, {"action": "react", "reaction": "+1"}, {"action": "delete"}]
        )
        try:
            self.world.ask(user, **frame, seq=seq, ref=f"c{len(self.model.entries)}")
        except Exception as error:  # it is deleted already
            assert "no such message" in str(error)
        else:
            self.model.add("change", user)

    def fan_out(self) -> None:
        """The stream brings all, in runs of any length; some of them die and come again, some come twice."""
        run = self.world.new_entries()
        while run:
            length = self.random.randint(1, len(run))
            part, run = run[:length], run[length:]
            while self.random.random() < 0.4 and self.world.dies(part, self.random.randint(1, 6)):
                pass
            self.world.fan_out(part)
            if self.random.random() < 0.2:
                self.world.fan_out(part)
        self.model.fan_out()

    def subscribe(self) -> None:
        user = self.random.choice(USERS)
        self.world.subscribe(user)
        if self.model.followed is None:
            self.model.followed = len(self.model.entries)
        self.model.read.setdefault(user, self.model.end)

    def unsubscribe(self) -> None:
        user = self.random.choice(USERS)
        if self.random.random() < 0.3:
            self.world.subscriptions.unsubscribe(user, "general")
            self.model.read.pop(user, None)

    def read(self) -> None:
        """Three devices of a person mark what each of them has shown."""
        if not self.model.read:
            return
        user = self.random.choice(list(self.model.read))
        for _ in range(3):
            seq = self.random.randint(0, len(self.model.entries) + 2)
            place = self.world.read(user, seq)
            self.model.read[user] = max(self.model.read[user], min(seq, self.model.end))
            assert place.subscription.read == self.model.read[user]

    def check(self) -> None:
        for user, read in self.model.read.items():
            place = self.world.place(user)
            assert place is not None and place.subscription.read == read
            assert self.world.unread(user) == self.model.unread(user), user


@pytest.mark.parametrize("seed", range(20))
def test_unread_is_what_a_plain_count_says(world: World, seed: int) -> None:
    history = History(world, seed)
    steps = [history.send, history.send_again, history.change, history.fan_out, history.subscribe]
    steps += [history.unsubscribe, history.read]
    weights = [8, 2, 4, 4, 2, 1, 3]
    for _ in range(STEPS):
        (step,) = history.random.choices(steps, weights)
        step()
        if step == history.fan_out:
            history.check()
    history.fan_out()
    history.check()
    assert len(history.sent) > 5
