"""What the tests of given-up runs share: a change of each kind, and a reader some seconds later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.messages import Change, Message
from chat.protocol.pages import Page, page_after, page_before
from chat.protocol.timestamps import iso
from chat.storage.log.log import Log
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.stream import Stream
from tests.unit.chat.storage.log.conftest import NOW, TABLE, items, message

AT = iso(NOW, "milliseconds")
ROOT = message("r1", "teh", AT)
CHANGES: dict[str, Message | Change] = {
    "edit": Change("edit", 1, "c1", "u1", "Ada", AT, text="the"),
    "delete": Change("delete", 1, "c1", "u1", "Ada", AT),
    "react": Change("react", 1, "c1", "u1", "Ada", AT, reaction="+"),
    "reply": replace(message("c1", "so", AT), reply_to=1, root=1),
}
of_every_kind = pytest.mark.parametrize("kind", CHANGES)


def is_changed(message: Message | None, kind: str) -> bool:
    """True if a message was changed so, and once."""
    assert message is not None
    match kind:
        case "edit":
            return message.text == "the" and message.edited_at == AT
        case "delete":
            return message.text == "" and message.deleted
        case "react":
            return [(each.count, len(each.people)) for each in message.reactions] == [(1, 1)]
    return message.replies == 1


def give_up(stream: Stream) -> None:
    """What the fan-out was to do with what was committed since the last time is not done."""
    stream.batch()


def pending(dynamodb: Any) -> list[int]:
    return [int(seq) for seq, row in items(dynamodb, "LOG#").items() if "pending" in row]


class Reader:
    """A reader of the history, so many seconds after the messages."""

    def __init__(self, dynamodb: Any, seconds: float) -> None:
        self._now = NOW + seconds
        rules = RoomRules(dynamodb, TABLE)
        self._log = Log(dynamodb, TABLE, 90, rules, now=lambda: self._now, rate=Rate(10_000, 10_000))

    def after(self, seq: int) -> Page:
        return page_after(seq, self._log.rows_after("general", seq), lambda _: True, self._now)

    def before(self, seq: int) -> Page:
        return page_before(self._log.rows_before("general", seq), lambda _: True)
