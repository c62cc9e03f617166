"""Unread counts beside a plain model, for random histories: changes, resends, crashes and many devices."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.unit.chat.storage.people.conftest import USERS, World

STEPS = 60


class Model:
    """A room as a plain list of what each number is, and how far each person has read."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []  # what it is, and its author
        self.folded = 0  # the fan-out has come so far
        self.followed: int | None = None  # the end of the log when somebody subscribed first
        self.read: dict[str, int] = {}

    def end(self, user: str) -> int:
        """The last number that a person can mark.

        That is the last before the first that has no row: a change, and a reply that is sent again, get one
        when they are folded. What was there before anybody followed the room is behind it in any case. And
        behind the last message the changes need no rows, so the mark may be above some of them already.
        """
        known = max(self.folded, self.followed or 0, self.read.get(user, 0))
        rowless = ("change", "skipped reply")
        waiting = (seq for seq, (kind, _) in enumerate(self.entries, 1) if kind in rowless and seq > known)
        if all(kind == "change" for kind, _ in self.entries[known:]):
            return len(self.entries)
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
        self.replies: dict[int, int | None] = {}  # what a message answers, by its seq

    def send(self) -> None:
        user, ref = self.random.choice(USERS), f"r{len(self.sent)}"
        reply_to = self.random.choice([*(seq for _, _, seq in self.sent), None, None])
        seq = self.world.send(user, ref, reply_to=reply_to)
        self.sent.append((user, ref, seq))
        self.replies[seq] = reply_to
        self.model.add("message", user)

    def send_again(self) -> None:
        if self.sent:
            user, ref, seq = self.random.choice(self.sent)
            assert self.world.send(user, ref, reply_to=self.replies[seq]) == seq
            self.model.add("skipped" if self.replies[seq] is None else "skipped reply", user)

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
        if not run:
            return
        while run:
            length = self.random.randint(1, len(run))
            part, run = run[:length], run[length:]
            while self.random.random() < 0.4 and self.world.dies(part, self.random.randint(1, 6)):
                pass
            self.world.fan_out(part)
            if self.random.random() < 0.2:
                self.world.fan_out(part)
            if self.random.random() < 0.2:
                self.world.new_instance()
        self.model.fan_out()

    def give_up(self) -> None:
        """The stream gives up what it has: the next run, of whatever kind, finds that."""
        self.world.new_entries()

    def subscribe(self) -> None:
        user = self.random.choice(USERS)
        self.world.subscribe(user)
        if self.model.followed is None:
            self.model.followed = len(self.model.entries)
        self.model.read.setdefault(user, self.model.end(user))

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
            self.model.read[user] = max(self.model.read[user], min(seq, self.model.end(user)))
            assert place.subscription.read == self.model.read[user]

    def check(self) -> None:
        for user, read in self.model.read.items():
            place = self.world.place(user)
            assert place is not None and place.subscription.read == read
            assert self.world.unread(user) == self.model.unread(user), user


@pytest.mark.parametrize("seed", range(25))
def test_unread_is_what_a_plain_count_says(world: World, seed: int) -> None:
    history = History(world, seed)
    steps = [history.send, history.send_again, history.change, history.fan_out, history.subscribe]
    steps += [history.unsubscribe, history.read, history.give_up]
    weights = [8, 2, 6, 5, 2, 1, 3, 1]
    for _ in range(STEPS):
        (step,) = history.random.choices(steps, weights)
        step()
        if step == history.fan_out:
            history.check()
    history.send()
    history.fan_out()
    history.check()
    assert len(history.sent) > 5
