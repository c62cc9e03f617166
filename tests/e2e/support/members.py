"""Members of a room without connections: to open hundreds of them would take long."""

from __future__ import annotations

import time

from local.engine import Engine


async def write_members(engine: Engine, room: str, number: int) -> None:
    """Write so many members into a room, as if they had connected just now."""
    rows = [
        {
            "pk": {"S": f"ROOM#{room}"},
            "sk": {"S": f"{index * 65_536 // number:04x}ghost-{index}"},
            "user": {"S": f"ghost-{index}"},
            "name": {"S": "Ghost"},
            "protocol": {"S": "v1"},
            "connected_at": {"N": str(int(time.time() * 1_000) + 60_000)},
            "expires_at": {"N": str(int(time.time()) + 3_600)},
        }
        for index in range(number)
    ]
    table = engine.stack.tables["ConnectionsTable"].name
    for start in range(0, number, 25):
        puts = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
        await engine.services.dynamodb("BatchWriteItem", {"RequestItems": {table: puts}})
