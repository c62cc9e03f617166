"""Which connections each user has: one item per user, with the set of their ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import ClientError

from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, old_item


class UserConnections(Table):
    """The users' items in the connections table. A user may have up to `limit` connections."""

    def __init__(
        self, dynamodb: Any, table: str, now: Callable[[], float] = time.time, *, limit: int
    ) -> None:
        super().__init__(dynamodb, table, now)
        self._limit = limit

    def ids(self, user: str) -> frozenset[str]:
        """Return the ids of a user's connections; some may be closed."""
        return frozenset((self._get(keys.user(user)) or {}).get("connections", ()))

    def addition(self, user: str, connection_id: str, expires_at: int) -> dict[str, Any]:
        """Return the update, for a transaction, that adds a connection. Its condition is the limit."""
        return {
            "TableName": self._table,
            "Key": keys.user(user),
            "UpdateExpression": "ADD connections :connection SET expires_at = :end",
            "ConditionExpression": "attribute_not_exists(connections) OR size(connections) < :max",
            "ExpressionAttributeValues": {
                ":connection": {connection_id},
                ":end": expires_at,
                ":max": self._limit,
            },
        }

    def remove(self, user: str, connection_ids: Collection[str]) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=keys.user(user),
                UpdateExpression="DELETE connections :gone",
                ConditionExpression="attribute_exists(pk)",  # else this would make an item that never expires
                ExpressionAttributeValues={":gone": set(connection_ids)},
            )
        except ClientError as error:
            old_item(error)  # the item has expired

    def prune_stale(self, user: str) -> None:
        """Remove the connections that closed without a `$disconnect`, or have expired."""
        ids = self.ids(user)
        wanted = [keys.connection(connection_id) for connection_id in ids]
        found = batch_get(self._dynamodb, self._table, wanted, ["pk", "expires_at"])
        alive = {keys.connection_id_of(item["pk"]) for item in found if item["expires_at"] > self._now()}
        if ids - alive:
            self.remove(user, ids - alive)
