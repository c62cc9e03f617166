"""Post a message that comes alone, or who is typing, in a small room, from the function that accepts it.

Lambda polls a stream four times a second (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html), so by
the stream it comes 20 to 270 ms after it is committed. That hardly matters where many come at a time.
Whatever happens here, the stream stays the guarantee: only a message that every member has is marked as
posted, and the fan-out posts all others. Clients drop by its number what they receive twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Sequence

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from apigateway import Delivered, Frame, Outcome, Post, Poster, Retries
from chat.identity.identity import Person
from chat.protocol import frames
from chat.protocol.messages import Entry
from chat.storage.lru import LRU
from chat.storage.members import Member

POST_SECONDS = 0.3  # how long the posts may take
# Seconds that it may take to begin: a cold instance makes its poster, and the members are read. With the
# posts it is less than the half second that the fan-out waits, so the lane posts nothing after it.
BEGIN_SECONDS = 0.1
_CONNECTIONS = 32  # with one post at a time on each: 50 members are two rounds
# Seconds in which a room that is too large, or has plain clients, is not looked at again: each look reads it.
_STAYS_OUT = 30.0
# What fails comes by the stream, and there it is tried again.
NO_RETRIES = Retries(failed=(), throttled=(), timed_out=(), quota_exhausted=0, max_quota_wait=0, shed_for=0)

logger = Logger(child=True)

# Reads the members of a room, as `Connections.members` does.
type ReadMembers = Callable[[str, int], tuple[list[Member], int | None]]


def poster_to(endpoint: str) -> Poster:
    return Poster(
        endpoint,
        region=os.environ["AWS_REGION"],
        retries=NO_RETRIES,
        timeout=POST_SECONDS,
        connect_timeout=POST_SECONDS,
        max_connections=_CONNECTIONS,
    )


class FastLane:
    def __init__(
        self,
        make_poster: Callable[[], Poster],
        read_members: ReadMembers,
        *,
        max_members: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """A room with more than `max_members` connections is left to the stream."""
        self._make_poster = make_poster
        self._poster = make_poster()
        self._read_members = read_members
        self._max_members = max_members
        self._now = now
        self._loop = asyncio.new_event_loop()
        self._out_until: LRU[float] = LRU()  # by room

    def post(self, room: str, epoch: str | None, entry: Entry, *, began: float) -> bool:
        """Post an entry of a log to all members of its room. True if each of them has it.

        False if the room is too large or has plain clients. Also if DynamoDB fails, a member cannot be
        reached or is no longer allowed to read, the posts take too long, or more than `BEGIN_SECONDS` have
        passed since `began`, in the time of `now`.
        """
        members = self._members(room, began)
        if members is None:
            return False
        failed = self._post_to(members, frames.messages(room, epoch, [entry]))
        logger.info("fast lane", room=room, seq=entry.seq, recipients=len(members), failed=failed)
        return not failed

    def prepare_typing(self, room: str, person: Person, *, began: float) -> Callable[[], bool] | None:
        """Return what posts to the others in a room that a person types. None where `post` would not post.

        Called within a moment, it returns True if each of them has the frame.
        """
        members = self._members(room, began)
        if members is None:
            return None
        others = [member for member in members if member.user != person.user]

        def post() -> bool:
            failed = self._post_to(others, [frames.typing(room, person)])
            if failed:
                logger.info("fast lane", room=room, typing=True, recipients=len(others), failed=failed)
            return not failed

        return post

    def _members(self, room: str, began: float) -> list[Member] | None:
        """Return a room's members, None if it is not to be posted to from here."""
        if self._now() < self._out_until.get(room, 0):
            return None
        try:
            members, estimate = self._read_members(room, self._max_members)
        except (BotoCoreError, ClientError) as error:
            logger.warning("members not read", room=room, reason=str(error))
            return None
        if estimate is not None or any(member.protocol == "plain" for member in members):
            self._out_until.set(room, self._now() + _STAYS_OUT)
            return None
        if any(member.expired for member in members) or self._now() - began > BEGIN_SECONDS:
            return None
        return members

    def _post_to(self, members: Sequence[Member], texts: Iterable[str]) -> int:
        """Return how many members have not got all frames."""
        return self._loop.run_until_complete(self._post(members, [Frame(text) for text in texts]))

    async def _post(self, members: Sequence[Member], to_post: Sequence[Frame]) -> int:
        missing = len(members)

        def count(post: Post, outcome: Outcome) -> None:
            nonlocal missing
            missing -= isinstance(outcome, Delivered)

        try:
            async with asyncio.timeout(POST_SECONDS), self._poster.batch(count) as batch:
                await batch.add(Post(member.connection_id, to_post) for member in members)
        except TimeoutError:
            # Lambda freezes the process now, and what is under way would go out with the next message.
            await self._poster.close()
            self._poster = self._make_poster()
        return missing
