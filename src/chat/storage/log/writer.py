"""Write what follows a commit: the ref and the row of a message or a change, each only once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from chat.protocol.messages import Change, Message
from chat.storage import keys
from chat.storage.dynamodb import old_item
from chat.storage.items import to_row
from chat.storage.log.reader import LogReader

REF_TTL = timedelta(hours=24)  # how long a message or a change can be sent again under its ref


@dataclass(frozen=True, slots=True)
class Ref:
    """What owns a ref: where it is in the log, and the digest of its content."""

    seq: int
    digest: str
    at: str

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Ref:
        return cls(int(item["seq"]), item["digest"], item["at"])


class LogWriter(LogReader):
    """Shared by `Log`, which commits, and `LogRepair`, which writes what a crash left out."""

    def __init__(
        self, dynamodb: Any, table: str, history_days: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(dynamodb, table, now)
        self._history = timedelta(days=history_days)

    def _claim(self, room: str, seq: int, content: Message | Change) -> Ref:
        """Return the owner of the content's ref: this seq, unless another was first."""
        mine = Ref(seq, content.digest, content.at)
        item = {
            "id": content.id,
            "seq": seq,
            "digest": mine.digest,
            "at": mine.at,
            "expires_at": self._expiry(REF_TTL),
        }
        other = self._put_if_absent(keys.ref(room, content.id) | item)
        return mine if other is None else Ref.from_item(other)

    def _write_row(self, room: str, seq: int, content: Message | Change) -> None:
        # Only if absent: the other function may have written the row, and a change have deleted its text.
        self._put_row(room, seq, to_row(content))

    def _write_skipped_row(self, room: str, seq: int, content: Message | Change) -> None:
        self._put_row(room, seq, {"skipped": True, "at": content.at})

    def _put_row(self, room: str, seq: int, attributes: dict[str, Any]) -> None:
        expiry = {"expires_at": self._expiry(self._history)}
        self._put_if_absent(keys.row(room, seq) | attributes | expiry)

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
