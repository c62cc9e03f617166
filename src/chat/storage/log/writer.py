"""Write what follows a commit: the ref and the row of a message or a change, each only once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.messages import Change, Message
from chat.storage import keys
from chat.storage.dynamodb import old_item, write_if
from chat.storage.items import to_item
from chat.storage.log.reader import LogReader

REF_TTL = timedelta(hours=24)  # how long a message or a change can be sent again under its ref


@dataclass(frozen=True, slots=True)
class Ref:
    """What owns a ref: where it is in the log, and the digest of its content."""

    seq: int
    digest: str
    at: str
    expires_at: int

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Ref:
        return cls(int(item["seq"]), item["digest"], item["at"], int(item["expires_at"]))


def changes_another(content: Message | Change) -> bool:
    """True of a change, and of a reply, which its root counts: they are done in the log's order."""
    return isinstance(content, Change) or content.root is not None


class LogWriter(LogReader):
    """Shared by `Log`, which commits, and `LogRepair`, which writes what a crash left out."""

    def __init__(
        self, dynamodb: Any, table: str, history_days: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(dynamodb, table, now)
        self._history = timedelta(days=history_days)

    def _claim(self, room: str, seq: int, content: Message | Change) -> Ref:
        """Return the owner of the content's ref: this seq, unless another was first."""
        mine = self._ref(seq, content)
        other = self._put_if_absent(_ref_item(room, content, mine))
        return mine if other is None else Ref.from_item(other)

    def _inherit(self, room: str, seq: int, content: Message | Change, ref: Ref) -> Ref:
        """Return the owner of a ref whose seq was skipped: now this seq, unless another was first.

        A number whose content nobody had stored was skipped when the room went on without it. Nobody was told
        that it is kept, so whoever sends it again gets another number.
        """
        mine = self._ref(seq, content)
        inherited = write_if(
            self._dynamodb.put_item,
            TableName=self._table,
            Item=_ref_item(room, content, mine),
            ConditionExpression="seq = :seq",
            ExpressionAttributeValues={":seq": ref.seq},
        )
        if inherited:
            return mine
        other = self._get(keys.ref(room, content.id))
        return mine if other is None else Ref.from_item(other)

    def _ref(self, seq: int, content: Message | Change) -> Ref:
        return Ref(seq, content.digest, content.at, self._expiry(REF_TTL))

    def _store(
        self, room: str, seq: int, content: Message | Change, changed_before: int | None = None
    ) -> bool:
        """Do the same as `_store_row`. False if the number is skipped."""
        other = self._store_row(room, seq, content, changed_before)
        return other is None or "skipped" not in other

    def _store_row(
        self, room: str, seq: int, content: Message | Change, changed_before: int | None
    ) -> dict[str, Any] | None:
        """Write the row of a message, or of a change that is pending, or return the one that is there.

        `changed_before` is the seq of the newest change or reply before this one, if it is known.
        """
        # Only if absent: the other function may have written the row, and a change have deleted its text.
        row = to_item(content)
        if isinstance(content, Change):
            row["pending"] = int(self._now())
        before = changed_before if changes_another(content) else None
        return self._put_row(room, seq, row, before)

    def _skip(self, room: str, seq: int, at: str, before: int | None = None) -> dict[str, Any] | None:
        """Write the row of a skipped number, or return the row that is there already."""
        return self._put_row(room, seq, {"skipped": True, "at": at}, before)

    def _put_row(
        self, room: str, seq: int, attributes: dict[str, Any], before: int | None
    ) -> dict[str, Any] | None:
        return self._put_if_absent(self._row(room, seq, attributes, before))

    def _row(self, room: str, seq: int, attributes: dict[str, Any], before: int | None) -> dict[str, Any]:
        """Return a row. `before` is the seq of the newest change or reply before it, if it is to say so."""
        chain = {} if before is None else {"changed_before": before}
        return keys.row(room, seq) | attributes | chain | {"expires_at": self._expiry(self._history)}

    def _put_if_absent(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Write an item, or return the one that is there already."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return old_item(error)
        return None

    def _expiry(self, after: timedelta) -> int:
        return int(self._now() + after.total_seconds())


def _ref_item(room: str, content: Message | Change, ref: Ref) -> dict[str, Any]:
    return keys.ref(room, content.id) | {"id": content.id} | asdict(ref)
