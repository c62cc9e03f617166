"""Which connections each user has: one item per user, with the set of their ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Protocol
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, write_if


@dataclass(frozen=True, slots=True)
class LastHeard:
    """When a connection last connected or was charged, in seconds since 1970; nothing else leaves a trace.

    A connection that was charged too fast was heard in the future: `due` is when its next use would be due.
    """

    connection_id: str
    protocol: Protocol
    connected_at: float  # seconds since 1970
    at: float


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
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.user(user),
            UpdateExpression="DELETE connections :gone",
            ConditionExpression="attribute_exists(pk)",  # an expired one would be made again, for good
            ExpressionAttributeValues={":gone": set(connection_ids)},
        )

    def last_heard(self, connection_ids: Iterable[str]) -> list[LastHeard]:
        """Return when each of these connections was heard, unless it has closed or expired.

        The longest silent one comes first.
        """
        wanted = [keys.connection(connection_id) for connection_id in connection_ids]
        attributes = ["pk", "protocol", "connected_at", "due", "expires_at"]
        heard = []
        for item in batch_get(self._dynamodb, self._table, wanted, attributes):
            if item["expires_at"] <= self._now():
                continue
            connected_at, due = int(item["connected_at"]) / 1000, int(item["due"]) / 1_000_000
            connection_id = keys.connection_id_of(item["pk"])
            heard.append(LastHeard(connection_id, item["protocol"], connected_at, max(connected_at, due)))
        return sorted(heard, key=lambda each: each.at)

    def begin_check(self, user: str, pause: float) -> bool:
        """Note that a user's connections are checked now. False if that began less than `pause` seconds ago.

        One write, in all instances: whoever connects again and again makes no more checks.
        """
        now = self._now()
        return write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.user(user),
            UpdateExpression="SET checked_at = :now",
            ConditionExpression=(
                "attribute_exists(pk) AND (attribute_not_exists(checked_at) OR checked_at <= :before)"
            ),
            ExpressionAttributeValues={":now": int(now), ":before": int(now - pause)},
        )

    def prune_stale(self, user: str) -> list[LastHeard]:
        """Remove the connections that closed without a `$disconnect`, or have expired. Return the others.

        The longest silent one comes first.
        """
        ids = self.ids(user)
        alive = self.last_heard(ids)
        if stale := ids - {each.connection_id for each in alive}:
            self.remove(user, stale)
        return alive
