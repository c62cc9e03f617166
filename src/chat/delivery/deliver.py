"""Post frames to the members of a room, then deal with those that turn out to be gone or expired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from math import inf

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from apigateway import Batch, Delivered, Frame, Gone, ManagementClient, Outcome, Post, Poster
from chat.expiry import EXPIRED, Expiry, close_sockets
from chat.membership import CONNECT_GRACE, Membership
from chat.protocol import frames
from chat.protocol.entries import newest_reactions
from chat.protocol.messages import Entry
from chat.storage.members import Member
from chat.tracing import BroadcastTrace

_GRACE_WAIT = 0.5  # seconds before the only other try, after the posts to everybody else
# Tokens that were issued together expire together. More than this many must not hold up one broadcast for
# seconds: the others get no frames either, and are disconnected by the next broadcasts.
_MAX_EXPIRED = 200
_CLOSERS = 4  # threads that close sockets

logger = Logger(child=True)

type AddMembers = Callable[[Sequence[Member]], Awaitable[None]]
type ReadMembers = Callable[[AddMembers], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a broadcast came to, in connections. `shed`: given up for now after all retries."""

    recipients: int = 0
    delivered: int = 0
    gone: int = 0
    shed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


type Results = dict[str, Counts | Exception | None]


async def for_each[Items](
    groups: Mapping[str, Items],
    call: Callable[[str, Items], Awaitable[Counts | None]],
    *,
    key: str = "room",
    error_message: str,
) -> Results:
    """Call `call` for all groups at once. One that fails is logged by `key`, and does not stop another.

    The result of a room is None if there is nothing to count yet.
    """

    async def attempt(name: str, items: Items) -> Counts | Exception | None:
        try:
            return await call(name, items)
        except Exception as error:  # whatever it is, the stream must bring the items again
            logger.exception(error_message, extra={key: name})
            return error

    results = await asyncio.gather(*(attempt(name, items) for name, items in groups.items()))
    return dict(zip(groups, results, strict=True))


def stored_traces(entries: Sequence[Entry]) -> list[tuple[str | None, str]]:
    """Return each message's or change's trace header and time, as BroadcastTrace takes them."""
    contents = [entry.change or entry.message for entry in entries]
    return [(content.trace, content.at) for content in contents if content]


@dataclass(slots=True)
class _Unreached:
    """The members of one delivery that no frame reached."""

    room: str | None
    now: Callable[[], float]
    connecting: list[Member] = field(default_factory=list)
    gone: list[Member] = field(default_factory=list)
    expired: list[Member] = field(default_factory=list)

    def record(self, post: Post, outcome: Outcome) -> None:
        member = post.context
        assert isinstance(member, Member)
        if isinstance(outcome, Gone):
            is_new = self.now() - member.connected_at / 1000 < CONNECT_GRACE
            (self.connecting if is_new else self.gone).append(member)
        elif not isinstance(outcome, Delivered):
            logger.warning("shed", room=self.room, connection=member.connection_id, outcome=str(outcome))


class Delivery:
    def __init__(
        self,
        membership: Membership,
        poster: Poster,
        management: Callable[[], ManagementClient],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._membership = membership
        self._poster = poster
        self._management = management
        self._now = now
        self.deadline = inf  # in loop time: nothing is posted after it

    async def deliver_entries(
        self,
        room: str,
        epoch: str | None,
        entries: Sequence[Entry],
        read_members: ReadMembers,
        trace: BroadcastTrace,
    ) -> Counts:
        """Post repaired entries of a log to the members that `read_members` adds, in order to each."""
        by_protocol: dict[str, list[Frame]] = {
            "v1": [Frame(text) for text in frames.messages(room, epoch, newest_reactions(entries))],
            # A plain client gets nothing of a run of skipped numbers.
            "plain": [Frame(text) for text in frames.plain(entries)],
        }

        async def timed(add_members: AddMembers) -> None:
            with trace.phase("read members"):
                await read_members(add_members)

        with trace.phase("post"):
            counts = await self.deliver(room, lambda member: by_protocol[member.protocol], timed)
        trace.annotate(**asdict(counts))
        return counts

    async def deliver_frames(self, room: str, texts: Sequence[str], read_members: ReadMembers) -> Counts:
        """Post the same frames to all members that speak frames and that `read_members` adds."""
        to_post = [Frame(text) for text in texts]
        return await self.deliver(
            room, lambda member: to_post if member.protocol == "v1" else [], read_members
        )

    async def deliver(
        self, room: str | None, frames_for: Callable[[Member], Sequence[Frame]], read_members: ReadMembers
    ) -> Counts:
        """Post to each member that `read_members` adds the frames that `frames_for` returns, in order.

        `room` is None for connections that are posted to because of their user.
        """
        unreached = _Unreached(room, self._now)

        def posts(members: Sequence[Member]) -> Iterator[Post]:
            for member in members:
                if not member.expired and (to_post := frames_for(member)):
                    yield Post(member.connection_id, to_post, member)

        async def add_members(members: Sequence[Member]) -> None:
            unreached.expired.extend(member for member in members if member.expired)
            await batch.add(posts(members))

        async with self._poster.batch(unreached.record, deadline=self.deadline) as batch:
            await read_members(add_members)
        counts = _count(batch)
        if connecting := unreached.connecting:
            counts += Counts(recipients=-len(connecting), gone=-len(connecting))
            await asyncio.sleep(_GRACE_WAIT)
            async with self._poster.batch(unreached.record, deadline=self.deadline) as second_try:
                await second_try.add(posts(connecting))
            counts += _count(second_try)
        if unreached.expired:
            await self._disconnect_expired(room, unreached.expired[:_MAX_EXPIRED])
        if unreached.gone:
            await asyncio.to_thread(self._prune, room, unreached.gone)
        return counts

    async def _disconnect_expired(self, room: str | None, expired: Sequence[Member]) -> None:
        """Post the last frame to expired members, close their sockets and delete their rows."""
        expiry = Expiry({member.connection_id: member.protocol for member in expired})
        last_frame = [Frame(EXPIRED)]
        async with self._poster.batch(deadline=self.deadline) as batch:
            await batch.add(Post(connection_id, last_frame) for connection_id in expiry.to_notify)
        if to_close := expiry.to_close(set(batch.gone)):
            client = self._management()
            parts = (to_close[part::_CLOSERS] for part in range(_CLOSERS))
            await asyncio.gather(*(asyncio.to_thread(close_sockets, client, part) for part in parts))
        await asyncio.to_thread(self._prune, room, expired)

    def _prune(self, room: str | None, members: Sequence[Member]) -> None:
        try:
            self._membership.prune(room, members)
        except (BotoCoreError, ClientError, TimeoutError):
            # Everybody else has the frames: to fail now would repeat them all. The next broadcast prunes.
            logger.exception("prune failed", room=room)
            return
        ids = [member.connection_id for member in members]
        logger.info("pruned connections", room=room, connections=ids[:100])


def _count(batch: Batch) -> Counts:
    delivered, gone, shed = batch.delivered, len(batch.gone), len(batch.failed)
    return Counts(recipients=delivered + gone + shed, delivered=delivered, gone=gone, shed=shed)
