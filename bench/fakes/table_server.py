"""Answer DynamoDB's Query for members of rooms from memory, over HTTP.

Its pages are as DynamoDB sends them, so benchmarks measure reading and parsing members, and no database. It
counts the capacity that DynamoDB would charge. Other operations get the answers of an empty table.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from typing import Any

import httptools
import uvloop

from bench.simulator.members import member_id
from chat.storage import keys

# A Query reads at most 1 MB:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
PAGE_BYTES = 1 << 20
_UNIT = 4096  # bytes per strongly consistent read unit
_CONNECTED_AT = 1_764_000_000_000
_EXPIRES_AT = 4_000_000_000
# The size of an item: UTF-8 of names and values; for a number, one byte per two digits, and one more.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
_NUMBERS = len("connected_at") + 8 + len("expires_at") + 6
_USER = "0123456789abcdef"
_NAME = "Member"


class Room:
    """Members 0 to `size` - 1 of a simulated room, in the order of their sort keys."""

    def __init__(self, name: str, size: int) -> None:
        self.pk = keys.room_pk(name)
        self.sks = sorted(keys.membership(name, member_id(number))["sk"] for number in range(size))
        self.item_bytes = len(f"pk{self.pk}sk{self.sks[0]}user{_USER}name{_NAME}protocolv1") + _NUMBERS

    def query(self, request: dict[str, Any]) -> tuple[bytes, float]:
        """Return the answer to a Query, and the read units it took."""
        values = request["ExpressionAttributeValues"]
        start, end = 0, len(self.sks)
        if ":first" in values:
            start = bisect_left(self.sks, values[":first"]["S"])
            end = bisect_right(self.sks, values[":last"]["S"])
        if "ExclusiveStartKey" in request:
            start = bisect_right(self.sks, request["ExclusiveStartKey"]["sk"]["S"])
        limit = min(request.get("Limit", end), PAGE_BYTES // self.item_bytes)
        sks = self.sks[start : min(end, start + limit)]
        rest = self._rest_of_item(with_pk="ProjectionExpression" not in request)
        items = ",".join([f'{{"sk":{{"S":"{sk}"}},{rest}' for sk in sks])
        page = f'{{"Items":[{items}],"Count":{len(sks)},"ScannedCount":{len(sks)}'
        # As in DynamoDB: a page that reached the limit has a LastEvaluatedKey even if nothing follows.
        if len(sks) == limit:
            page += f',"LastEvaluatedKey":{{"pk":{{"S":"{self.pk}"}},"sk":{{"S":"{sks[-1]}"}}}}'
        units = max(1, math.ceil(len(sks) * self.item_bytes / _UNIT))
        return f"{page}}}".encode(), units * (1 if request.get("ConsistentRead") else 0.5)

    def _rest_of_item(self, *, with_pk: bool) -> str:
        """Return the JSON of an item after its sk: formatted once per page, because it is always the same."""
        pk = f'"pk":{{"S":"{self.pk}"}},' if with_pk else ""
        return (
            f'"protocol":{{"S":"v1"}},"user":{{"S":"{_USER}"}},"name":{{"S":"{_NAME}"}},{pk}'
            f'"connected_at":{{"N":"{_CONNECTED_AT}"}},"expires_at":{{"N":"{_EXPIRES_AT}"}}}}'
        )


class Table:
    def __init__(self, sizes: list[int]) -> None:
        rooms = [Room(f"members-{size}", size) for size in sizes]
        self.rooms = {room.pk: room for room in rooms}
        self.calls: Counter[str] = Counter()
        self.units = 0.0

    def answer(self, operation: str, body: bytes) -> bytes:
        self.calls[operation] += 1
        match operation:
            case "Query":
                request = json.loads(body)
                values = [value["S"] for value in request["ExpressionAttributeValues"].values()]
                room = next((self.rooms[value] for value in values if value in self.rooms), None)
                if room is None:
                    return b'{"Items":[],"Count":0,"ScannedCount":0}'
                page, units = room.query(request)
                self.units += units
                return page
            case "UpdateItem":
                return b'{"Attributes":{"seq":{"N":"1"}}}'
            case "BatchGetItem":
                return b'{"Responses":{},"UnprocessedKeys":{}}'
            case "BatchWriteItem":
                return b'{"UnprocessedItems":{}}'
        return b"{}"


class _Connection(asyncio.Protocol):
    def __init__(self, table: Table) -> None:
        self._table = table
        self._parser = httptools.HttpRequestParser(self)
        self._operation = ""
        self._body = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amz-target":
            self._operation = value.decode().rpartition(".")[2]

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = self._table.answer(self._operation, self._body)
        self._body = b""
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
        head += f"Content-Length: {len(answer)}\r\n\r\n"
        self._transport.write(head.encode() + answer)


async def _serve(sizes: list[int]) -> None:
    table = Table(sizes)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(table), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"endpoint": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():  # each line asks for the usage since the last
        print(json.dumps({"calls": table.calls, "units": table.units}), flush=True)
        table.calls.clear()
        table.units = 0.0


if __name__ == "__main__":
    uvloop.run(_serve(json.loads(sys.argv[1])))
