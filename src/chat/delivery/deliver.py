"""Posts frames to members, and sees to those who turn out to be gone or to have expired."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import inf

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from apigateway import Batch, Delivered, Frame, Gone, ManagementClient, Outcome, Post, Poster
from chat.protocol import frames
from chat.storage.connections import Connections, Member
from chat.storage.signals import Signals

# $connect writes its rows before API Gateway opens the socket, and a post in between is answered 410 as if
# the socket were closed. For this long after the connect a 410 may mean that, so it prunes nobody.
CONNECT_GRACE = 10.0  # seconds
_GRACE_WAIT = 0.5  # seconds before the one other try, when everybody else has heard
# Tokens that were issued together end together. The others hear nothing either, and their turn comes with the
# next broadcasts: it must not hold up this one for seconds.
_DISMISSED = 200
_CLOSERS = 4  # threads that close sockets

logger = Logger(child=True)

type Add = Callable[[Sequence[Member]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a broadcast came to, in connections."""

    recipients: int = 0
    delivered: int = 0
    gone: int = 0
    shed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


type Results = dict[str, Counts | Exception | None]


async def for_each_room[News](
    news: Mapping[str, News], tell: Callable[[str, News], Awaitable[Counts | None]], failed: str
) -> Results:
    """Tells each room its news, all rooms at once; a room that fails does not stop another.

    None where there is nothing to count yet. `failed` is what the log says of an error.
    """

    async def attempt(room: str, its: News) -> Counts | Exception | None:
        try:
            return await tell(room, its)
        except Exception as error:  # whatever it is, the news must come again
            logger.exception(failed, room=room)
            return error

    results = await asyncio.gather(*(attempt(room, its) for room, its in news.items()))
    return dict(zip(news, results, strict=True))


class Delivery:
    def __init__(
        self,
        connections: Connections,
        signals: Signals,
        poster: Poster,
        sockets: Callable[[], ManagementClient],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._signals = signals
        self._poster = poster
        self._sockets = sockets
        self._now = now
        self.deadline = inf  # in loop time: nothing is posted after it

    async def deliver_frames(
        self, room: str, texts: Sequence[str], read: Callable[[Add], Awaitable[None]]
    ) -> Counts:
        """Posts the same frames to all members that `read` passes on and who speak frames."""
        to_post = [Frame(text) for text in texts]
        return await self.deliver(room, lambda member: to_post if member.protocol == "v1" else [], read)

    async def deliver(
        self,
        room: str,
        frames_for: Callable[[Member], Sequence[Frame]],
        read: Callable[[Add], Awaitable[None]],
    ) -> Counts:
        """Posts to the members that `read` passes on the frames that each is to have, in order to each."""
        early: list[Member] = []
        gone: list[Member] = []
        expired: list[Member] = []

        def note(post: Post, outcome: Outcome) -> None:
            member = post.context
            assert isinstance(member, Member)
            if isinstance(outcome, Gone):
                if self._now() - member.connected_at / 1000 >= CONNECT_GRACE:
                    gone.append(member)
                else:
                    early.append(member)
            elif not isinstance(outcome, Delivered):
                logger.warning("shed", room=room, connection=member.connection_id, outcome=str(outcome))

        def posts(members: Sequence[Member]) -> Iterator[Post]:
            for member in members:
                if not member.expired and (to_post := frames_for(member)):
                    yield Post(member.connection_id, to_post, member)

        async def add(members: Sequence[Member]) -> None:
            expired.extend(member for member in members if member.expired)
            await batch.add(posts(members))

        async with self._poster.batch(note, deadline=self.deadline) as batch:
            await read(add)
        counts = _counted(batch)
        if early:
            counts += Counts(recipients=-len(early), gone=-len(early))
            await asyncio.sleep(_GRACE_WAIT)
            async with self._poster.batch(note, deadline=self.deadline) as second_try:
                await second_try.add(posts(early))
            counts += _counted(second_try)
        if expired:
            await self._dismiss(room, expired[:_DISMISSED])
        if gone:
            await asyncio.to_thread(self._forget, room, gone)
        return counts

    async def _dismiss(self, room: str, expired: Sequence[Member]) -> None:
        """Says goodbye to those whose time, or whose token's, is over, and closes their sockets.

        Most are sockets that API Gateway closed after two hours without a word: those are only forgotten.
        """
        open_: list[str] = []

        def note(post: Post, outcome: Outcome) -> None:
            if not isinstance(outcome, Gone):
                open_.append(post.connection_id)

        disconnect = [Frame(frames.disconnect("token_expired", reconnect=True))]
        async with self._poster.batch(note, deadline=self.deadline) as batch:
            await batch.add(
                Post(member.connection_id, disconnect) for member in expired if member.protocol == "v1"
            )
        open_ += [member.connection_id for member in expired if member.protocol == "plain"]
        if open_:
            close = self._sockets().close
            parts = (open_[part::_CLOSERS] for part in range(_CLOSERS))
            await asyncio.gather(*(asyncio.to_thread(close, part) for part in parts))
        await asyncio.to_thread(self._forget, room, expired)

    def _forget(self, room: str, members: Sequence[Member]) -> None:
        try:
            for closed in self._connections.prune(room, members):
                for left in closed.rooms:
                    self._signals.presence_changed(left, closed.person)
        except (BotoCoreError, ClientError, TimeoutError):
            # Everybody else has heard: failing now would repeat it all to them. The next broadcast prunes.
            logger.exception("could not prune", room=room)
            return
        ids = [member.connection_id for member in members]
        logger.info("pruned closed connections", room=room, connections=ids[:100])


def _counted(batch: Batch) -> Counts:
    delivered, gone, shed = batch.delivered, len(batch.gone), len(batch.failed)
    return Counts(recipients=delivered + gone + shed, delivered=delivered, gone=gone, shed=shed)
