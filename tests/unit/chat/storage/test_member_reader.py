"""Reading members from a DynamoDB that answers Queries over HTTP, as it likes.

Over 300 lines, because all tests share one fake DynamoDB.
"""

from __future__ import annotations

import asyncio
import json
import random
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from chat.identity.identity import Identity
from chat.storage.connections import Connection, Connections
from chat.storage.keys import HASH_SPACE
from chat.storage.member_reader import PAGE, READERS, MemberPage, MemberReader, ReadFailed
from chat.storage.members import Member
from tests.support.fakes.dynamodb_server import DynamoDBServer
from tests.support.waiting import until
from tests.support.web_host import Host, Visit, ok

NOW = 1_795_500_000.0
TABLE = "ConnectionsTable"


def failure(status: int, kind: str) -> bytes:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": "no"}).encode()
    return b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


class Table:
    """Memberships by sort key. A page ends where DynamoDB likes, at the asked limit at the latest."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.expired: set[str] = set()
        self.rows_a_page: Callable[[], int] = lambda: PAGE
        self.troubles: list[bytes] = []  # answered first
        self.asked: list[dict[str, Any]] = []
        self.may_answer: Callable[[], bool] = lambda: True
        self.under_way = 0
        self.most_under_way = 0

    async def behave(self, visit: Visit, body: bytes) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.001)
        await until(self.may_answer)
        self.under_way -= 1
        if self.troubles:
            visit.write(self.troubles.pop(0))
            return
        visit.write(ok(json.dumps(self.query(json.loads(body))).encode()))

    def query(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        values = asked["ExpressionAttributeValues"]
        assert values[":room"] == {"S": "ROOM#a%23b"}
        start = bisect_left(self.keys, values[":first"]["S"])
        end = bisect_right(self.keys, values[":last"]["S"])
        if "ExclusiveStartKey" in asked:
            after = asked["ExclusiveStartKey"]["sk"]["S"]
            # An error of DynamoDB: a start that the condition does not hold for.
            assert values[":first"]["S"] <= after <= values[":last"]["S"]
            start = bisect_right(self.keys, after)
        limit = min(asked["Limit"], self.rows_a_page())
        keys = self.keys[start : min(end, start + limit)]
        items = [
            {
                "sk": {"S": key},
                "protocol": {"S": "v1"},
                "connected_at": {"N": "7"},
                "user": {"S": "u1"},
                "name": {"S": "Ada"},
                "expires_at": {"N": str(int(NOW) + (0 if key in self.expired else 1))},
            }
            for key in keys
        ]
        page: dict[str, Any] = {"Items": items, "Count": len(items)}
        if len(keys) == limit:  # also where nothing follows, as DynamoDB
            page["LastEvaluatedKey"] = {"pk": values[":room"], "sk": {"S": keys[-1]}}
        return page


class Room:
    """A room `a#b` in a table, and its reader."""

    def __init__(self, table: Table, members: MemberReader) -> None:
        self.table = table
        self.members = members

    async def read(
        self, first: int = 0, last: int = HASH_SPACE - 1, page: MemberPage | None = None
    ) -> list[str]:
        """The ids of the members as they were passed on."""
        found: list[str] = []

        async def use(members: Sequence[Member]) -> None:
            found.extend(member.connection_id for member in members)

        await self.members.read("a#b", use, first, last, page=page)
        return found


@pytest.fixture
async def room(aws: None) -> AsyncIterator[Room]:
    table = Table()
    async with Host(table.behave) as host:
        members = MemberReader(host.url, "us-east-1", TABLE, now=lambda: NOW)
        yield Room(table, members)
        members.close()
        await asyncio.sleep(0)


def keys_at(places: Sequence[int]) -> list[str]:
    return sorted(f"{place:04x}c{number}=" for number, place in enumerate(places))


def ids(keys: Sequence[str]) -> list[str]:
    return sorted(key[4:] for key in keys)


async def test_a_member_is_what_a_broadcast_needs_to_know(dynamodb: Any, aws: None) -> None:
    connections = Connections(dynamodb, TABLE, now=lambda: NOW)
    connections.add(Connection("c1=", Identity("u1", "Ada", "v1"), 1_795_499_990_456), ["general", "a#b"])
    connections.add(Connection("c2=", Identity("u2", "Bo", "plain"), 1_795_499_990_457), ["a"])
    server = DynamoDBServer()
    members = MemberReader(server.url, "us-east-1", TABLE, now=lambda: NOW)
    read = {room: (await members.page(room)).members for room in ("general", "a#b", "a", "empty")}
    members.close()
    await asyncio.to_thread(server.close)
    ada = Member("c1=", "v1", 1_795_499_990_456, "u1", "Ada")
    bo = Member("c2=", "plain", 1_795_499_990_457, "u2", "Bo")
    assert read == {"general": [ada], "a#b": [ada], "a": [bo], "empty": []}


async def test_an_empty_room_is_one_page_of_nobody(room: Room) -> None:
    pages: list[Sequence[Member]] = []

    async def use(members: Sequence[Member]) -> None:
        pages.append(members)

    await room.members.read("a#b", use)
    assert pages == [[]]
    assert len(room.table.asked) == 1


async def test_pages_are_strongly_consistent_and_hold_no_more_than_is_needed(room: Room) -> None:
    await room.read()
    (asked,) = room.table.asked
    assert (asked["TableName"], asked["ConsistentRead"], asked["Limit"]) == (TABLE, True, PAGE)
    assert asked["ProjectionExpression"] == ("sk, protocol, connected_at, expires_at, #user, #name")


async def test_expired_members_are_marked(room: Room) -> None:
    room.table.keys = keys_at(range(10))
    room.table.expired = set(room.table.keys[::2])
    page = await room.members.page("a#b")
    assert [member.expired for member in page.members] == [True, False] * 5


DISTRIBUTIONS: dict[str, Callable[[random.Random], list[int]]] = {
    "even": lambda dice: [dice.randrange(HASH_SPACE) for _ in range(3_000)],
    "all in one place": lambda dice: [dice.randrange(HASH_SPACE)] * 500,
    "all in the first place": lambda dice: [0] * 500,
    "all in the last place": lambda dice: [HASH_SPACE - 1] * 500,
    "at both ends": lambda dice: [0, HASH_SPACE - 1] * 300,
    "in the last quarter": lambda dice: [dice.randrange(HASH_SPACE * 3 // 4, HASH_SPACE) for _ in range(500)],
    "in two places side by side": lambda dice: [0x7FFF, 0x8000] * 300,
    "a few": lambda dice: [dice.randrange(HASH_SPACE) for _ in range(dice.randint(1, 5))],
    "one": lambda dice: [dice.choice([0, 1, 255, HASH_SPACE - 1])],
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
async def test_everyone_is_read_once_however_they_are_spread(
    room: Room, distribution: str, seed: int
) -> None:
    dice = random.Random(seed)
    room.table.keys = keys_at(DISTRIBUTIONS[distribution](dice))
    longest = dice.choice([7, 40, 1_000])
    room.table.rows_a_page = lambda: dice.randint(1, longest)
    assert sorted(await room.read()) == ids(room.table.keys)
    # And in slices: each member is in one of them.
    count = dice.choice([2, 3, 16])
    bounds = [HASH_SPACE * number // count for number in range(count + 1)]
    slices = [await room.read(bounds[number], bounds[number + 1] - 1) for number in range(count)]
    assert sorted(one for slice_ in slices for one in slice_) == ids(room.table.keys)


async def test_a_page_that_was_read_before_is_not_read_again(room: Room) -> None:
    room.table.keys = keys_at(range(0, HASH_SPACE, 20))
    page = await room.members.page("a#b")
    asked = len(room.table.asked)
    assert sorted(await room.read(page=page)) == ids(room.table.keys)
    assert all(
        "ExclusiveStartKey" in each or each["ExpressionAttributeValues"][":first"] != {"S": "0000"}
        for each in room.table.asked[asked:]
    )


async def test_a_first_page_tells_how_large_the_room_is(room: Room) -> None:
    dice = random.Random(1)
    for size in (0, 10, 999, 5_000, 30_000):
        room.table.keys = keys_at([dice.randrange(HASH_SPACE) for _ in range(size)])
        estimate = (await room.members.page("a#b")).estimate
        assert estimate == size if size < PAGE else abs(estimate - size) < 0.15 * size


async def test_a_large_rooms_ranges_are_read_at_once(room: Room) -> None:
    room.table.keys = keys_at(range(0, HASH_SPACE, 5))
    # After the first page, none is answered before all of them are asked for.
    room.table.may_answer = lambda: not room.table.asked or room.table.most_under_way == READERS
    await room.read()
    assert room.table.most_under_way == READERS


async def test_the_next_page_is_read_when_the_one_before_has_been_used(room: Room) -> None:
    room.table.keys = keys_at(range(100))  # all in one of the ranges
    room.table.rows_a_page = lambda: 10
    used = 0

    def further_pages() -> int:
        """Of that range: the others have one page each, whenever it comes."""
        return sum("ExclusiveStartKey" in asked for asked in room.table.asked)

    async def use(members: Sequence[Member]) -> None:
        nonlocal used
        if members:
            read = further_pages()
            await room.members.page("a#b")  # takes as long as a page would that is read too early
            assert further_pages() == read == used // 10
            used += len(members)

    await room.members.read("a#b", use)
    assert used == 100


async def test_in_order_is_in_order_and_goes_on_from_where_it_came_to(room: Room) -> None:
    room.table.keys = keys_at(range(0, HASH_SPACE, 30))
    room.table.rows_a_page = lambda: 100
    found: list[str] = []
    reached: str | None = None
    calls = 0

    async def use(members: Sequence[Member]) -> None:
        found.extend(member.connection_id for member in members)

    while calls == 0 or reached is not None:
        calls += 1
        # No time at all: a page for each call.
        reached = await room.members.read_in_order("a#b", use, 0x1000, 0x8FFF, after=reached, until=0.0)
    inside = [key[4:] for key in room.table.keys if "1000" <= key[:4] <= "8fff"]
    assert found == inside
    assert calls == len(inside) // 100 + 1
    found.clear()
    until = asyncio.get_running_loop().time() + 60
    assert await room.members.read_in_order("a#b", use, 0x1000, 0x8FFF, after=None, until=until) is None
    assert found == inside


@pytest.mark.parametrize(
    "trouble",
    [
        failure(500, "InternalServerError"),
        failure(503, "ServiceUnavailable"),
        failure(400, "ProvisionedThroughputExceededException"),
        failure(400, "ThrottlingException"),
        failure(400, "RequestLimitExceeded"),
        b"garbled\r\n\r\n",
    ],
    ids=["500", "503", "throughput", "throttling", "limit", "garbled"],
)
async def test_trouble_that_passes_is_not_noticed(room: Room, trouble: bytes) -> None:
    room.table.keys = keys_at(range(100))
    room.table.troubles = [trouble] * 3
    assert sorted(await room.read()) == ids(room.table.keys)


@pytest.mark.parametrize(
    "kind",
    ["ValidationException", "ResourceNotFoundException", "AccessDeniedException", "ExpiredTokenException"],
)
async def test_what_will_not_pass_is_raised_at_once(room: Room, kind: str) -> None:
    room.table.troubles = [failure(400, kind)] * 2
    with pytest.raises(ReadFailed, match=kind):
        await room.read()
    assert len(room.table.troubles) == 1


async def test_retries_have_an_end(room: Room) -> None:
    room.table.troubles = [failure(500, "InternalServerError")] * 100
    with pytest.raises(ReadFailed, match="status 500"):
        await room.read()
    assert len(room.table.troubles) == 93


async def test_a_failure_in_one_range_ends_the_reading_and_the_next_goes_well(room: Room) -> None:
    room.table.keys = keys_at(range(0, HASH_SPACE, 5))
    page = await room.members.page("a#b")
    room.table.troubles = [failure(400, "ValidationException")]
    with pytest.RaisesGroup(ReadFailed):
        await room.read(page=page)
    # Those that were cancelled are still under way, and keep their places until they are answered.
    readers = [room.read() for _ in range(8)]
    for found in await asyncio.gather(*readers):
        assert sorted(found) == ids(room.table.keys)


async def test_many_rooms_at_once_wait_for_a_free_connection(room: Room) -> None:
    room.table.keys = keys_at(range(0, HASH_SPACE, 50))
    for found in await asyncio.gather(*(room.read() for _ in range(40))):
        assert sorted(found) == ids(room.table.keys)
    assert room.table.most_under_way == 16
