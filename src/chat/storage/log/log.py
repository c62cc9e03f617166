"""A room's log: its head, its refs and its rows.

The head is the log. One update of it gives a message its seq and commits it, and the table's stream carries
it to the fan-out in the order of the seqs. A crash may cut short what is written after it, the ref and the
row. The fan-out repairs every run before it broadcasts it (`repair.py`), so whatever was broadcast is in the
history.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.errors import Forbidden, InvalidRef, RateLimited
from chat.protocol.messages import Entry, Message
from chat.storage import keys
from chat.storage.dynamodb import old_item
from chat.storage.items import from_item, new_epoch, to_item
from chat.storage.log.writer import LogWriter, Ref
from chat.storage.lru import LRU
from chat.storage.rate_limits import ConditionFailed, Rate, RateLimiter
from chat.storage.rules import NO_RULES, RoomRules, Rules, expected_version


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message is in its room's log."""

    seq: int
    at: str


class _RulesChanged(Exception):
    """A room's rules have changed since they were read."""


class Log(LogWriter):
    """The logs in the messages table, for those who send and delete messages."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        history_days: int,
        rules: RoomRules,
        now: Callable[[], float] = time.time,
        rate: Rate = Rate(50, 50),  # noqa: B008 - frozen
    ) -> None:
        """A room takes messages at `rate`."""
        super().__init__(dynamodb, table, history_days, now)
        self._rules = rules
        self._limiter = RateLimiter(rate, now, spread=random.random)
        self._known: LRU[Rules] = LRU()  # by room, as this instance read them last

    def append(self, room: str, message: Message, *, moderator: bool = False) -> Receipt:
        """Commit a message and return where it is.

        A message that is sent again with its ref and its text stays where it is. No rule and no slow mode
        holds for a moderator. Raises InvalidRef if the ref was used by somebody else or for another text,
        RateLimited if the room takes no more now, and Forbidden or RateLimited if its rules say so.
        """
        try:
            seq = self._commit(room, message, moderator)
        except (Forbidden, RateLimited):
            # An earlier attempt may have been committed: then its sender must not be told that it failed.
            if receipt := self._committed_before(room, message):
                return receipt
            raise
        ref = self._claim(room, seq, message)
        self._write_row(room, seq, message, skipped=ref.seq != seq)
        if ref.digest != message.digest:
            raise InvalidRef("This ref was used for another message: each message needs its own.")
        return Receipt(ref.seq, ref.at)

    def delete(self, room: str, seq: int) -> Entry | None:
        """Delete a message's text and data; its entry stays. None if there is no such message."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=keys.row(room, seq),
                UpdateExpression="SET message = :nothing, deleted = :deleted REMOVE #data",
                ConditionExpression="attribute_exists(message)",
                ExpressionAttributeNames={"#data": "data"},
                ExpressionAttributeValues={":nothing": "", ":deleted": True},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            old_item(error)
            return None
        message = from_item(answer["Attributes"])
        self._redact_head(room, seq, message)
        return Entry(seq, message)

    def _redact_head(self, room: str, seq: int, message: Message) -> None:
        """Delete the text from the head, too, which holds the newest message whole."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=keys.head(room),
                UpdateExpression="SET #last = :message, not_a_message = :not_a_message",
                ConditionExpression="seq = :seq",
                ExpressionAttributeNames={"#last": "last"},
                ExpressionAttributeValues={
                    ":message": to_item(message),
                    ":not_a_message": True,
                    ":seq": seq,
                },
            )
        except ClientError as error:
            old_item(error)  # the head has a newer message

    def _commit(self, room: str, message: Message, moderator: bool) -> int:
        """Commit a message under the rules as they are at that moment, and return its seq."""
        rules = self._known.get(room, NO_RULES)
        if not moderator and rules.restricts(message.user, self._now()):
            rules = self._read_rules(room)  # what is remembered may have ended since
        cooling = False
        while True:
            if not moderator:
                rules.require_may_post(message.user, self._now())
                if rules.slow_mode and not cooling:
                    self._rules.start_cooldown(room, message.user, rules.slow_mode)
                    cooling = True
            try:
                return self._commit_once(room, message, rules.version)
            except _RulesChanged:
                rules = self._read_rules(room)
            except RateLimited:
                if cooling:
                    self._rules.refund_cooldown(room, message.user)
                raise

    def _read_rules(self, room: str) -> Rules:
        rules = self._rules.read(room)
        self._known.set(room, rules)
        return rules

    def _commit_once(self, room: str, message: Message, version: int) -> int:
        """Raises _RulesChanged if the rules have another version, RateLimited if the room takes no more."""
        unchanged, expected = expected_version(version)
        for attempt in self._limiter.attempts(room):
            with attempt:
                try:
                    answer = self._dynamodb.update_item(
                        TableName=self._table,
                        Key=keys.head(room),
                        UpdateExpression=(
                            f"SET #last = :message, due = {attempt.due}, epoch = if_not_exists(epoch, :epoch)"
                            " ADD seq :one REMOVE not_a_message"
                        ),
                        ConditionExpression=f"{unchanged} AND {attempt.condition}",
                        ExpressionAttributeNames={"#last": "last"},
                        ExpressionAttributeValues={
                            ":message": to_item(message),
                            ":epoch": new_epoch(),
                            ":one": 1,
                            **attempt.values,
                            **expected,
                        },
                        ReturnValues="UPDATED_NEW",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
                except ClientError as error:
                    head = old_item(error) or {}
                    if int(head.get("rules_version", 0)) != version:
                        raise _RulesChanged from None
                    raise ConditionFailed(int(head["due"]) if "due" in head else None) from None
                return int(answer["Attributes"]["seq"])
        raise AssertionError("the attempts end with RateLimited")

    def _committed_before(self, room: str, message: Message) -> Receipt | None:
        """Return where this very message is already, None if it is not in the log."""
        item = self._get(keys.ref(room, message.id))
        if item is None or item["digest"] != message.digest:
            return None
        ref = Ref.from_item(item)
        return Receipt(ref.seq, ref.at)
