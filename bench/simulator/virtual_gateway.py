"""What the posting engine talks to in virtual time: API Gateway by the simulator's rules, rooms of members.

A room's memberships are in one partition of DynamoDB, which has so many read units per second for all.

Each post takes CPU time of the instance's one vCPU, as measured in real time on the same machine: an engine
that is too slow there is too slow here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from apigateway.client import MAX_CONNECTIONS, TIMEOUT, Frame
from apigateway.outcomes import TIMED_OUT, Delivered, Outcome, from_status
from bench.simulator import NEVER, Answer, Gateway, Record, Report, Settings, member_id
from chat.storage.keys import HASH_SPACE
from chat.storage.member_reader import PAGE, READERS
from chat.storage.members import Member

CPU_PER_POST = 40e-6  # seconds, reading the member included; `rooms` measures some 30 to 50
PAGE_LATENCY = 0.015  # seconds that DynamoDB takes per page of members
# Per second, of one partition, and no burst above it:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_READ_UNITS = 3_000.0
UNITS_PER_MEMBER = 0.0293  # strongly consistent; `rooms` measures 2,931 for 100,000 members
_DELIVERED = Delivered()


@dataclass(slots=True)
class Account:
    """One AWS account's API Gateway, to which any number of instances post."""

    rules: Gateway
    record: Record
    last: float = 0.0  # when the last frame was accepted

    @classmethod
    def open(cls, settings: Settings, now: float) -> Account:
        return cls(Gateway(settings, now), Record(settings.numbers))

    def answer(self, now: float, connection_id: str, frame: bytes) -> Answer:
        answer = self.rules.answer(now, connection_id, frame)
        self.record.note(now, connection_id, frame, answer)
        if answer.accepted:
            self.last = now
        return answer

    def report(self) -> Report:
        return self.record.report()


class VirtualGateway:
    """One instance's client of it, with the real client's connections and time-out, and one vCPU."""

    def __init__(self, account: Account, loop: asyncio.AbstractEventLoop, cpu_per_post: float) -> None:
        self._account = account
        self._loop = loop
        self._cpu = cpu_per_post
        self._cpu_is_free = 0.0
        self._open_posts = 0
        self.posts = 0

    @property
    def free(self) -> int:
        return MAX_CONNECTIONS - self._open_posts

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        self._open_posts += 1
        self.posts += 1
        self._cpu_is_free = max(self._cpu_is_free, self._loop.time()) + self._cpu
        self._loop.call_at(self._cpu_is_free, self._arrive, frame.data, connection_id, callback)

    def _arrive(self, data: bytes, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        now = self._loop.time()
        answer = self._account.answer(now, connection_id, data)
        if answer.latency == NEVER or not answer.status:
            outcome: Outcome = TIMED_OUT
        else:
            outcome = _DELIVERED if answer.status == 200 else from_status(answer.status)
        self._loop.call_at(now + min(answer.latency, TIMEOUT), self._answered, callback, outcome)

    def _answered(self, callback: Callable[[Outcome], None], outcome: Outcome) -> None:
        self._open_posts -= 1
        callback(outcome)

    def close(self) -> None:
        pass


class Partition:
    """The partition with a room's memberships, for all instances: each page waits for its read units."""

    def __init__(self) -> None:
        self._free_at = 0.0

    async def read(self, members: int) -> None:
        now = asyncio.get_running_loop().time()
        begins = max(now, self._free_at)
        self._free_at = begins + members * UNITS_PER_MEMBER / PARTITION_READ_UNITS
        await asyncio.sleep(begins - now + PAGE_LATENCY)


def read_bound(members: int) -> float:
    """Return the seconds that the read units of a room's one partition alone take."""
    return members * UNITS_PER_MEMBER / PARTITION_READ_UNITS


class VirtualMembers:
    """Rooms by name, each a range of member numbers, read in pages with their latency.

    `partitions` are those of rooms that other instances read, too.
    """

    def __init__(self, rooms: dict[str, range], partitions: Mapping[str, Partition] | None = None) -> None:
        self._rooms = rooms
        self._partitions = {room: Partition() for room in rooms} | dict(partitions or {})

    async def read(
        self,
        room: str,
        use: Callable[[list[Member]], Awaitable[None]],
        first: int = 0,
        last: int = HASH_SPACE - 1,
    ) -> None:
        """Read the whole room. The members of a slice are a room of their own here."""
        numbers, partition = self._rooms[room], self._partitions[room]
        pages = [numbers[start : start + PAGE] for start in range(0, len(numbers), PAGE)]
        await self._page(pages[0], use, partition)
        remaining = iter(pages[1:])

        async def reader() -> None:
            for page in remaining:
                await self._page(page, use, partition)

        await asyncio.gather(*(reader() for _ in range(READERS)))

    async def _page(
        self, numbers: Sequence[int], use: Callable[[list[Member]], Awaitable[None]], partition: Partition
    ) -> None:
        await partition.read(len(numbers))
        await use([Member(member_id(number), "v1", 0) for number in numbers])
