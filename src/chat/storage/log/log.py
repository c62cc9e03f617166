"""A room's log: its head, its refs and its rows.

The head is the log. One update of it gives a message or a change its seq and commits it, and the table's
stream carries it to the fan-out in the order of the seqs. A crash may cut short what is written after it, the
ref and the row. The fan-out repairs every run before it broadcasts it (`repair.py`), so whatever was
broadcast is in the history. It also folds changes into their messages, once and in that order (`fold.py`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.errors import ChatError, Forbidden, InvalidRef, RateLimited
from chat.protocol.messages import Change, Entry, Message
from chat.protocol.timestamps import seconds
from chat.storage import keys
from chat.storage.dynamodb import old_item, write_if
from chat.storage.items import epoch_of, new_epoch, to_item
from chat.storage.log.takeover import LogTakeover
from chat.storage.log.writer import Ref, changes_another
from chat.storage.lru import LRU
from chat.storage.rate_limits import ConditionFailed, Rate, RateLimiter
from chat.storage.rules import NO_RULES, RoomRules, Rules, expected_version

# What the head also says of a change and of a reply. Each operand is as it was before the update, so this one
# has the number `seq` + 1.
_CHAIN = ", changed_before = if_not_exists(changed, :zero), changed = if_not_exists(seq, :zero) + :one"
# The same of a message: whoever counts messages passes over the changes between two of them.
_MESSAGED = ", messaged_before = if_not_exists(messaged, :zero), messaged = if_not_exists(seq, :zero) + :one"
# Seconds since the entry before, after which a message comes alone. Until then that entry may not have come
# out of the stream, and the two would be one frame. Reactions may wait for each other a second longer.
_ALONE_AFTER, _ALONE_AFTER_REACTION = 0.5, 1.5

# Posts a message to all members of its room: (room, epoch, entry). True if each has it.
type PostAtOnce = Callable[[str, str | None, Entry], bool]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message or a change is in its room's log."""

    seq: int
    at: str


class _RulesChanged(Exception):
    """A room's rules have changed since they were read."""


@dataclass(frozen=True, slots=True)
class _Committed:
    """The number of an entry, and its log's epoch.

    `changed_before` is the newest change or reply before a change or a reply. `alone`: for a while nothing
    came before it.
    """

    seq: int
    epoch: str | None
    changed_before: int | None
    alone: bool


class Log(LogTakeover):
    """The logs in the messages table, for those who send and change messages, and who read them."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        history_days: int,
        rules: RoomRules,
        now: Callable[[], float] = time.time,
        rate: Rate = Rate(50, 50),  # noqa: B008 - frozen
        post_at_once: PostAtOnce | None = None,
    ) -> None:
        """A room takes messages at `rate`. A message that comes alone is passed to `post_at_once`."""
        super().__init__(dynamodb, table, history_days, now)
        self._rules = rules
        self._limiter = RateLimiter(rate, now, spread=random.random)
        self._post_at_once = post_at_once
        self._known: LRU[Rules] = LRU()  # by room, as this instance read them last

    def append(self, room: str, content: Message | Change, *, exempt: bool = False) -> Receipt:
        """Commit a message or a change and return where it is.

        One that is sent again with its ref and its content stays where it is. No rule and no slow mode holds
        for an `exempt` one. Raises InvalidRef if the ref was used by somebody else or for something else,
        RateLimited if the room takes no more now, and Forbidden or RateLimited if its rules say so.
        """
        try:
            committed = self._commit(room, content, exempt)
        except (Forbidden, RateLimited) as error:
            return self.committed_before(room, content, error)
        ref = self._claim(room, committed.seq, content)
        if ref.digest == content.digest:
            ref = self._keep(room, committed, content, ref)
        # That of a change is skipped by the fan-out, in the log's order: then all before it are done.
        if ref.seq != committed.seq and not changes_another(content):
            self._skip(room, committed.seq, content.at)
        if ref.digest != content.digest:
            raise InvalidRef("This ref was used for something else: each message and change needs its own.")
        return Receipt(ref.seq, ref.at)

    def _keep(self, room: str, committed: _Committed, content: Message | Change, ref: Ref) -> Ref:
        """Return the owner of the content's ref, whose row is stored.

        Raises TimeoutError if this took so long that the number was skipped.
        """
        while ref.seq != committed.seq:
            if self._is_stored(room, content, ref):
                return ref
            ref = self._inherit(room, committed.seq, content, ref)
        if committed.alone and isinstance(content, Message):
            is_kept = self._store_and_post(room, committed, content)
        else:
            is_kept = self._store(room, ref.seq, content, committed.changed_before)
        if not is_kept:
            raise TimeoutError("the number was skipped before its content was stored")
        return ref

    def _store_and_post(self, room: str, committed: _Committed, message: Message) -> bool:
        """Store a message, and post it if the fan-out was not first. False if its number is skipped.

        The row comes first: so whoever is posted to finds the message in the history, and whoever joins
        after the members were read. Meanwhile it says that the fan-out should wait. A reply is counted later,
        by the fan-out: clients count those that their form of the root does not know.
        """
        assert self._post_at_once is not None
        row = to_item(message) | {"posting": True}
        if (other := self._put_row(room, committed.seq, row, committed.changed_before)) is not None:
            return "skipped" not in other
        posted = self._post_at_once(room, committed.epoch, Entry(committed.seq, message))
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.row(room, committed.seq),
            UpdateExpression=f"{'SET posted = posting ' if posted else ''}REMOVE posting",
            ConditionExpression="attribute_exists(posting)",
        )
        return True

    def _is_stored(self, room: str, content: Message | Change, ref: Ref) -> bool:
        """True if a ref's owner has a row. One that a function which died has left out is written."""
        if ref.expires_at <= self._now():  # so may be the row, and what is deleted must not come back
            return True
        return self._store(room, ref.seq, replace(content, at=ref.at))

    def _commit(self, room: str, content: Message | Change, exempt: bool) -> _Committed:
        """Commit under the rules as they are at that moment, and return the number."""
        rules = self._known.get(room, NO_RULES)
        if not exempt and rules.restricts(content.user, self._now()):
            rules = self._read_rules(room)  # what is remembered may have ended since
        cooling = False
        while True:
            if not exempt:
                rules.require_may_post(content.user, self._now())
                if rules.slow_mode and not cooling and isinstance(content, Message):
                    self._rules.start_cooldown(room, content.user, rules.slow_mode)
                    cooling = True
            try:
                return self._commit_once(room, content, rules.version)
            except _RulesChanged:
                rules = self._read_rules(room)
            except RateLimited:
                if cooling:
                    self._rules.refund_cooldown(room, content.user)
                raise

    def _read_rules(self, room: str) -> Rules:
        rules = self._rules.read(room)
        self._known.set(room, rules)
        return rules

    def _commit_once(self, room: str, content: Message | Change, version: int) -> _Committed:
        """Raises _RulesChanged if the rules have another version, RateLimited if the room takes no more."""
        unchanged, expected = expected_version(version)
        chain = _CHAIN if changes_another(content) else ""
        messaged = _MESSAGED if isinstance(content, Message) else ""
        new = new_epoch()
        for attempt in self._limiter.attempts(room):
            with attempt:
                try:
                    answer = self._dynamodb.update_item(
                        TableName=self._table,
                        Key=keys.head(room),
                        UpdateExpression=(
                            f"SET #last = :content, due = {attempt.due}, epoch = if_not_exists(epoch, :epoch)"
                            f"{chain}{messaged} ADD seq :one REMOVE not_a_message"
                        ),
                        ConditionExpression=f"{unchanged} AND {attempt.condition}",
                        ExpressionAttributeNames={"#last": "last"},
                        ExpressionAttributeValues={
                            ":content": to_item(content),
                            ":epoch": new,
                            ":one": 1,
                            ":zero": 0,  # each content is a message or changes one, or both
                            **attempt.values,
                            **expected,
                        },
                        ReturnValues="UPDATED_OLD",  # which message was the last one before
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
                except ClientError as error:
                    head = old_item(error) or {}
                    if int(head.get("rules_version", 0)) != version:
                        raise _RulesChanged from None
                    raise ConditionFailed(int(head["due"]) if "due" in head else None) from None
                return self._committed(answer.get("Attributes", {}), new, content)
        raise AssertionError("the attempts end with RateLimited")

    def _committed(self, before: Mapping[str, Any], new_epoch: str, content: Message | Change) -> _Committed:
        """Return what a head's update has come to, from the attributes that it had before."""
        seq, epoch = int(before.get("seq", 0)) + 1, epoch_of({"epoch": new_epoch, **before}, self._table)
        changed_before = int(before.get("changed", 0)) if changes_another(content) else None
        return _Committed(seq, epoch, changed_before, self._is_alone(before))

    def _is_alone(self, before: Mapping[str, Any]) -> bool:
        if self._post_at_once is None:  # nobody asks
            return False
        if (last := before.get("last")) is None:
            return True
        after = _ALONE_AFTER_REACTION if last.get("kind") == "react" else _ALONE_AFTER
        return self._now() - seconds(last["at"]) > after

    def committed_before(self, room: str, content: Message | Change, error: ChatError) -> Receipt:
        """Return where this very message or change is already. Raises `error` if it is not in the log.

        Whoever sends again what was committed must not be told that it failed, whatever has changed since.
        """
        item = self._get(keys.ref(room, content.id))
        if item is None or item["digest"] != content.digest:
            raise error
        ref = Ref.from_item(item)
        if not self._is_stored(room, content, ref):
            raise error
        return Receipt(ref.seq, ref.at)
