"""Shortcuts for the tests of the connections table."""

from __future__ import annotations

from typing import Any

from chat.identity.identity import Identity, Person
from chat.storage.connections import (
    Connection,
    Connections,
    Limits,
)
from chat.storage.members import Member

TABLE = "ConnectionsTable"
NOW = 1_795_500_000.0
ADA = Identity("u1", "Ada", "v1")
PERSON = Person("u1", "Ada")
EVE = Identity("u#2", "Eve", "v1")
THREE = Limits(rooms=3, connections=3)


def opened(
    connections: Connections, connection_id: str, *rooms: str, who: Identity = ADA, end: int | None = None
) -> None:
    connections.add(Connection(connection_id, who, 1_795_499_990_456, end), rooms)


def rows(dynamodb: Any) -> list[dict[str, Any]]:
    """Return all items but the users' own, which expire by themselves."""
    items: list[dict[str, Any]] = dynamodb.scan(TableName=TABLE)["Items"]
    return [item for item in items if item["sk"] != "USER"]


def members(dynamodb: Any, room: str) -> set[str]:
    return {item["sk"][4:] for item in rows(dynamodb) if item["pk"] == f"ROOM#{room}"}


def sent(dynamodb: Any, connection_id: str) -> int:
    item = dynamodb.get_item(TableName=TABLE, Key={"pk": f"CONN#{connection_id}", "sk": "CONN"})["Item"]
    return int(item["sent"])


def found(*connection_ids: str) -> list[Member]:
    return [Member(each, "v1", 0, "u1", "Ada") for each in connection_ids]
