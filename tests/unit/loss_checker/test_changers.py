"""A member shows each message as the protocol page says, in whatever order frames come."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

from tests.loss_checker.changers import Changer


def test_replies_are_counted_once_in_whatever_order_they_and_the_forms_of_their_root_come() -> None:
    root: dict[str, Any] = {"seq": 1, "user": "u1", "message": "Hi"}
    replies = [{"seq": seq, "user": "u1", "message": "Ho", "reply_to": 1, "root": 1} for seq in (2, 4)]
    edited = {**root, "message": "Hi all", "revision": 3, "replies": 1}
    frames = [
        {"messages": [root]},
        *({"messages": [reply]} for reply in replies),
        {"changes": [{"seq": 3, "of": 1, "kind": "edit", "message": edited}], "skipped": [3]},
    ]
    for order in permutations(frames):
        member = Changer("ws://127.0.0.1:1", "general", "ada", random.Random(1))
        for frame in (*order, *order):
            member._apply(frame)
        assert member.shown[1] == {**edited, "replies": 2, "revision": 4}
