from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chat.protocol.messages import Entry, Message
from chat.storage.log.log import Log
from chat.storage.log.repair import LogRepair
from chat.storage.rate_limits import Rate
from chat.storage.rules import RoomRules
from tests.support.fakes.stream import Stream

TABLE = "MessagesTable"
NOW = 1_795_500_000.0
DAY = 24 * 3600


def message(ref: str, text: str = "Hi", at: str = "at", data: str | None = None, user: str = "u1") -> Message:
    return Message(ref, user, "Ada", text, data, at)


def log_of(dynamodb: Any) -> Log:
    rules = RoomRules(dynamodb, TABLE, lambda: NOW)
    return Log(dynamodb, TABLE, 90, rules, now=lambda: NOW, rate=Rate(10_000, 10_000))


def repair_of(dynamodb: Any) -> LogRepair:
    return LogRepair(dynamodb, TABLE, 90, now=lambda: NOW)


@pytest.fixture
def log(dynamodb: Any) -> Log:
    return log_of(dynamodb)


@pytest.fixture
def log_repair(dynamodb: Any) -> LogRepair:
    return repair_of(dynamodb)


def broadcast(stream: Stream, log_repair: LogRepair) -> list[Entry]:
    """What the fan-out posts of what was committed since the last time."""
    return log_repair.repair("general", stream.batch()["general"]).entries


def items(dynamodb: Any, kind: str) -> dict[str, dict[str, Any]]:
    """The items of a kind, by sort key (by partition key for those that share one)."""
    found = [item for item in dynamodb.scan(TableName=TABLE)["Items"] if item["pk"].startswith(kind)]
    return {item["pk"] if kind == "REF#" else item["sk"]: item for item in found}


def history(dynamodb: Any) -> dict[int, str | None]:
    """The text of every row, by seq; None for a skipped number."""
    return {int(seq): row.get("message") for seq, row in items(dynamodb, "LOG#").items()}


def change_rules(dynamodb: Any, **rules: Any) -> None:
    RoomRules(dynamodb, TABLE, lambda: NOW).change("general", lambda old: replace(old, **rules))


class Sleeps:
    """Passes the time of a fan-out that waits. `then` happens in one of its pauses."""

    def __init__(self) -> None:
        self.pauses = 0
        self.then: dict[int, Callable[[], object]] = {}

    def __call__(self, seconds: float) -> None:
        self.pauses += 1
        self.then.get(self.pauses, lambda: None)()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()
