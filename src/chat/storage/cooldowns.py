"""Cooldowns: what a person may do again only after some seconds. Slow mode and typing signals use them."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chat.protocol.errors import RateLimited
from chat.storage.dynamodb import Table, old_item
from chat.storage.keys import Key

_KEPT = 60  # seconds after its end when DynamoDB may delete a cooldown


class Cooldowns(Table):
    """The cooldowns in the messages table: items with `until`, in milliseconds since 1970."""

    def start(self, key: Key, seconds: float, detail: str, **attributes: str | bool) -> None:
        """Start a cooldown in one conditional write, with more attributes for its item.

        Raises RateLimited with `detail` and the remaining seconds if it is still running.
        """
        now = self._milliseconds()
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(key, now + int(seconds * 1_000)) | attributes,
                ConditionExpression="attribute_not_exists(pk) OR #until <= :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": now},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            old = old_item(error)
            assert old is not None, "the condition holds if there is no item"
            # Another instance may have begun it since `now`: from then on, more than all of it would remain.
            remaining = max(1, int(old["until"]) - self._milliseconds())
            raise RateLimited(detail, retry_after=remaining / 1_000) from None

    def refund(self, key: Key) -> None:
        """End a cooldown now."""
        self._dynamodb.put_item(TableName=self._table, Item=_item(key, self._milliseconds()))

    def _milliseconds(self) -> int:
        return int(self._now() * 1_000)


def _item(key: Key, until: int) -> dict[str, str | int]:
    return {**key, "until": until, "expires_at": until // 1_000 + _KEPT}
