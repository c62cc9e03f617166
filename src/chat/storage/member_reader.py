"""Reads a room's members as fast as they can be posted to.

botocore takes 30 microseconds to parse a row, as long as it takes here to post to its connection. Pages are
read through the posting code's own signed HTTP and parsed as plain JSON, in a tenth of that.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apigateway.http import Pool
from apigateway.sigv4 import Credentials, Signer, SigningTime
from chat.storage import keys
from chat.storage.members import Member, estimate_members

PAGE = 1_024  # rows read at a time: about 200 KB
_TIMEOUT = 3.0  # seconds for one page
READERS = 4  # ranges of one room's ring that are read at once
_CONNECTIONS = 16  # pages read at once, for all rooms together; more wait
# Seconds before each further try of a page, at most.
_WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


type _Key = dict[str, dict[str, str]]
type _OnPage = Callable[[list[Member]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MemberPage:
    members: list[Member]
    after: _Key | None  # where the next page begins; None after the last

    @property
    def estimate(self) -> int:
        """How many members the whole ring has, from its first page: the spread is even."""
        if self.after is None:
            return len(self.members)
        return estimate_members(len(self.members), self.after["sk"]["S"])


def _place(key: _Key) -> int:
    return keys.hash_of(key["sk"]["S"])


class ReadFailed(Exception):
    """DynamoDB did not give a page, for all that was tried."""


class MemberReader:
    """The memberships in the connections table. `endpoint` is DynamoDB's URL."""

    def __init__(
        self,
        endpoint: str,
        region: str,
        table: str,
        *,
        now: Callable[[], float] = time.time,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = Pool(endpoint, limit=_CONNECTIONS, timeout=_TIMEOUT, context=context)
        self._signer = Signer("dynamodb", region)
        self._table = table
        self._now = now

    async def read(
        self,
        room: str,
        on_page: _OnPage,
        first: int = 0,
        last: int = keys.HASH_SPACE - 1,
        *,
        page: MemberPage | None = None,
    ) -> None:
        """Passes on the members of a room whose places on the ring are from `first` to `last`, in pages.

        The next page is read once `on_page` has returned; the first may have been read before. Of a room
        that is more than a page, several ranges of the ring are read at once. Raises ReadFailed, or a
        group of them.

        Pages are strongly consistent: whoever had connected when a message was sent must hear it, so none may
        lag behind. Those who have expired are among them, and marked: DynamoDB deletes them hours later.
        """
        page = page or await self.page(room, first, last)
        await on_page(page.members)
        if page.after is None:
            return
        place = _place(page.after)
        starts = sorted({place + (last + 1 - place) * part // READERS for part in range(READERS)})
        async with asyncio.TaskGroup() as readers:
            for low, high in pairwise([*starts, last + 1]):
                after = page.after if low == place else None
                readers.create_task(self._read_range(room, on_page, low, high - 1, after))

    async def read_in_order(
        self, room: str, on_page: _OnPage, first: int, last: int, *, after: str | None, until: float
    ) -> str | None:
        """Passes on the members in a range of the ring, in its order, those after the key `after`.

        Begins no page after `until`, in loop time, and returns the key that it has come to; None when it has
        come to the end.
        """
        loop = asyncio.get_running_loop()
        key = None if after is None else keys.membership_json(room, after)
        while True:
            page = await self.page(room, first, last, key)
            await on_page(page.members)
            key = page.after
            if key is None or loop.time() > until:
                return None if key is None else key["sk"]["S"]

    async def _read_range(
        self,
        room: str,
        on_page: _OnPage,
        first: int,
        last: int,
        after: _Key | None,
    ) -> None:
        more = True
        while more:
            page = await self.page(room, first, last, after)
            await on_page(page.members)
            after, more = page.after, page.after is not None

    async def page(
        self,
        room: str,
        first: int = 0,
        last: int = keys.HASH_SPACE - 1,
        after: _Key | None = None,
        limit: int = PAGE,
    ) -> MemberPage:
        """The first members from `first` on, or those after an earlier page. Raises ReadFailed."""
        first_sk, last_sk = keys.membership_bounds(first, last)
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :room AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":room": {"S": keys.room_pk(room)},
                ":first": {"S": first_sk},
                ":last": {"S": last_sk},
            },
            "ProjectionExpression": "sk, protocol, connected_at, expires_at, #user, #name",
            "ExpressionAttributeNames": {"#user": "user", "#name": "name"},  # reserved words
            "ConsistentRead": True,
            "Limit": limit,
        }
        if after is not None:
            request["ExclusiveStartKey"] = after
        page = await self._query(request)
        now = self._now()
        members = [
            Member.from_attributes(
                keys.member_id_of(item["sk"]["S"]),
                item["protocol"]["S"],
                item["connected_at"]["N"],
                item["user"]["S"],
                item["name"]["S"],
                item["expires_at"]["N"],
                now,
            )
            for item in page["Items"]
        ]
        return MemberPage(members, page.get("LastEvaluatedKey"))

    async def _query(self, request: dict[str, Any]) -> Any:
        body = json.dumps(request).encode()
        why = ""
        for wait in (0.0, *_WAITS):
            await asyncio.sleep(random.uniform(0, wait))
            answer = await self._pool.request(self._signed(body))
            if answer.status == 200:
                return json.loads(answer.body)
            why = answer.error or f"status {answer.status}: {answer.body[:200].decode(errors='replace')}"
            if answer.status == 400 and not any(kind in answer.body for kind in _TRANSIENT):
                break
        raise ReadFailed(why)

    def _signed(self, body: bytes) -> bytes:
        headers = self._signer.headers(
            Credentials.from_environment(),
            SigningTime.at(time.time()),
            method="POST",
            path="/",
            headers={
                "host": self._pool.host,
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": "DynamoDB_20120810.Query",
            },
            body=body,
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST / HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body

    def close(self) -> None:
        self._pool.close()


# Errors with status 400 that pass
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
_TRANSIENT = (b"ProvisionedThroughputExceeded", b"Throttling", b"RequestLimitExceeded")
