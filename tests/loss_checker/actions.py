"""What a member of a changing room does next, at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

PAUSE = 2.0  # seconds between the actions of a member, on average
MARKS = 0.25  # of the actions of a person who reads are reading marks
EMOJI = ("👍", "🎉", "❤️")


@dataclass(frozen=True, slots=True)
class Action:
    """`kind` is send, reply, edit, delete or react; `of` the message that is answered or changed, 0 for none.

    `text` is the new text, or the reaction, which is taken back if it is not `on`.
    """

    kind: str
    of: int
    text: str
    on: bool = True


def next_action(rng: random.Random, text: str, shown: Sequence[int], mine: Sequence[int]) -> Action:
    """`shown` are the seqs of messages to answer and react to, `mine` of those to edit and delete."""
    kinds = ["send", "send"] + ["react", "react", "reply"] * bool(shown) + ["edit", "delete"] * bool(mine)
    kind = rng.choice(kinds)
    match kind:
        case "send":
            return Action(kind, 0, text)
        case "react":
            return Action(kind, rng.choice(shown), rng.choice(EMOJI), rng.random() < 0.6)
    return Action(kind, rng.choice(shown if kind == "reply" else mine), text)


def marked(rng: random.Random, newest: int) -> int:
    """Return the seq of a reading mark: mostly the newest message."""
    return newest if rng.random() < 0.6 else rng.randint(1, newest)
