"""Read a room's members as fast as the posting engine can post to them.

botocore takes 30 microseconds to parse a row, as long as the engine takes to post to its connection. So pages
are read through the engine's signed HTTP and parsed as plain JSON, in a tenth of that time.
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
READERS = 4  # ranges of one room's hash space that are read at once
_CONNECTIONS = 16  # pages read at once, for all rooms together; more wait
# Maximum seconds before each further attempt at a page.
_RETRY_DELAYS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


type _Key = dict[str, dict[str, str]]
type _OnPage = Callable[[list[Member]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MemberPage:
    members: list[Member]
    after: _Key | None  # the key after which the next page begins; None after the last page

    @property
    def estimate(self) -> int:
        """An estimate of all members of the room, from its first page: hashes spread evenly."""
        if self.after is None:
            return len(self.members)
        return estimate_members(len(self.members), self.after["sk"]["S"])


def _hash_of(key: _Key) -> int:
    return keys.hash_of(key["sk"]["S"])


class ReadFailed(Exception):
    """DynamoDB returned no page after all retries."""


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
        """Pass the members of a room with a hash from `first` to `last` to `on_page`, page by page.

        The next page is read when `on_page` has returned; the first, `page`, may have been read before.
        A room of more than a page is read in several ranges at once. Raises ReadFailed, or a group of them.

        Pages are strongly consistent: a client that connected before a message was sent must receive it.
        Expired members are included and marked, because DynamoDB deletes them hours later.
        """
        page = page or await self.page(room, first, last)
        await on_page(page.members)
        if page.after is None:
            return
        hash_ = _hash_of(page.after)
        starts = sorted({hash_ + (last + 1 - hash_) * part // READERS for part in range(READERS)})
        async with asyncio.TaskGroup() as readers:
            for low, high in pairwise([*starts, last + 1]):
                after = page.after if low == hash_ else None
                readers.create_task(self._read_range(room, on_page, low, high - 1, after))

    async def read_in_order(
        self, room: str, on_page: _OnPage, first: int, last: int, *, after: str | None, until: float
    ) -> str | None:
        """Pass the members in a range of hashes, after the sk `after`, to `on_page` in order.

        Begin no page after `until`, in loop time. Return the last sk that was read, None at the end.
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
        """Return the first members from the hash `first` on, or those after `after`. Raises ReadFailed."""
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
        reason = ""
        for delay in (0.0, *_RETRY_DELAYS):
            await asyncio.sleep(random.uniform(0, delay))
            answer = await self._pool.request(self._signed(body))
            if answer.status == 200:
                return json.loads(answer.body)
            reason = answer.error or f"status {answer.status}: {answer.body[:200].decode(errors='replace')}"
            if answer.status == 400 and not any(kind in answer.body for kind in _TRANSIENT):
                break
        raise ReadFailed(reason)

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


# Errors with status 400 that are temporary
# (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
_TRANSIENT = (b"ProvisionedThroughputExceeded", b"Throttling", b"RequestLimitExceeded")
