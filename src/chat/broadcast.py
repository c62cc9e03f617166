"""Broadcasts runs of rooms' messages to their members."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chat import frames
from chat.connections import Connections, Member
from chat.gateway import Gateway
from chat.log import Log
from chat.members import Members
from chat.messages import Entry
from chat.outcomes import Delivered, Gone, Outcome
from chat.posting import Post, Poster
from chat.slices import Cursor, Cursors, Doorbell, Doorbells, Slice
from chat.tracing import BroadcastTrace, Sink

# $connect writes its rows before API Gateway opens the socket, and a post in between is answered 410 as if
# the socket were closed. For this long after the connect a 410 may mean that, so it prunes nobody.
CONNECT_GRACE = 10.0  # seconds
_GRACE_WAIT = 0.5  # seconds before the one other try, when everybody else has heard

_WAITS = (0.5, 1.0)  # seconds before each further try of a call that boto3 has given up, at most

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a broadcast came to, in connections."""

    recipients: int = 0
    delivered: int = 0
    gone: int = 0
    shed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


class Broadcaster:
    def __init__(
        self,
        connections: Connections,
        members: Members,
        log: Log,
        gateway: Gateway[Any],
        poster: Poster,
        doorbells: Doorbells,
        cursors: Cursors,
        daemon: Sink,
        *,
        large: int,
        slices: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """A room of more than `large` members is broadcast in so many `slices`."""
        self._connections = connections
        self._members = members
        self._log = log
        self._gateway = gateway
        self._poster = poster
        self._now = now
        self._doorbells = doorbells
        self._cursors = cursors
        self._daemon = daemon
        self._large = large
        self._slices = slices

    async def broadcast_all(self, runs: Mapping[str, Sequence[Entry]]) -> dict[str, Tally | Exception | None]:
        """Broadcasts each room's run, all rooms at once; a room that fails does not stop another.

        Of a large room there is nothing to tell yet: None.
        """
        results = await asyncio.gather(*(self._attempt(room, run) for room, run in runs.items()))
        return dict(zip(runs, results, strict=True))

    async def _attempt(self, room: str, run: Sequence[Entry]) -> Tally | Exception | None:
        try:
            return await self.broadcast(room, run)
        except Exception as error:  # whatever it is, the run must come again
            logger.exception("broadcast failed", room=room)
            return error

    async def broadcast(self, room: str, run: Sequence[Entry]) -> Tally | None:
        """Posts a run, in order, to every member. Settles it first, so that the history has what anyone
        hears.

        A large room's slices are told instead, and nothing is posted here. No connection's failure fails it.
        What raises is ours: DynamoDB could not be read or written.
        """
        with BroadcastTrace(self._daemon, room, _traces(run)) as trace:
            with trace.phase("settle"):
                settled = await _patiently(self._log.settle, room, run)
            slices = settled.slices
            if slices is None:
                with trace.phase("read members"):
                    page = await self._members.page(room)
                if page.estimate <= self._large:
                    return await self._post(
                        room, settled.entries, lambda add: self._members.read(room, add, page=page), trace
                    )
                slices = await asyncio.to_thread(self._log.make_large, room, self._slices)
                logger.info("a large room from now on", room=room, estimate=round(page.estimate))
            with trace.phase("ring"):
                after, to = run[0].seq - 1, run[-1].seq
                doorbells = [Doorbell(Slice(room, number, slices), after, to) for number in range(slices)]
                await asyncio.to_thread(self._doorbells.ring, doorbells)
            return None

    async def answer(self, doorbell: Doorbell, until: float) -> Tally:
        """Posts to a slice what its members have not had; what is left at `until`, in loop time, later.

        Raises what keeps it from posting; the doorbell must then be answered again.
        """
        slice_ = doorbell.slice
        total = Tally()
        cursor = await asyncio.to_thread(self._cursors.read, slice_) or Cursor(doorbell.after)
        while entries := await asyncio.to_thread(self._log.entries, slice_.room, cursor.seq, cursor.to):
            to, reached = entries[-1].seq, cursor.reached

            async def read(add: Callable[[Sequence[Member]], Awaitable[None]]) -> None:
                nonlocal reached
                reached = await self._members.read_in_order(
                    slice_.room, add, slice_.first, slice_.last, after=reached, until=until
                )

            with BroadcastTrace(self._daemon, slice_.room, _traces(entries), slice=slice_.number) as trace:
                total += await self._post(slice_.room, entries, read, trace)
            cursor = Cursor(to) if reached is None else Cursor(cursor.seq, to, reached)
            await asyncio.to_thread(self._cursors.write, slice_, cursor)
            if asyncio.get_running_loop().time() > until:
                again = Doorbell(slice_, cursor.seq, max(to, doorbell.to), doorbell.part + 1)
                await asyncio.to_thread(self._doorbells.ring, [again])
                break
        return total

    async def _post(
        self,
        room: str,
        entries: Sequence[Entry],
        read: Callable[[Callable[[Sequence[Member]], Awaitable[None]]], Awaitable[None]],
        trace: BroadcastTrace,
    ) -> Tally:
        """Posts settled entries to the members that `read` passes on, in order to each."""
        by_protocol: dict[str, list[Any]] = {
            "v1": [self._gateway.frame(text) for text in frames.messages(room, entries)],
            "plain": [self._gateway.frame(text) for text in frames.plain(entries)],
        }
        early: list[Member] = []
        gone: list[str] = []

        def settle(post: Post, outcome: Outcome) -> None:
            member = post.owner
            assert isinstance(member, Member)
            if isinstance(outcome, Gone):
                if self._now() - member.connected_at / 1000 >= CONNECT_GRACE:
                    gone.append(member.connection_id)
                else:
                    early.append(member)
            elif not isinstance(outcome, Delivered):
                logger.warning("shed", room=room, connection=member.connection_id, outcome=str(outcome))

        round_ = self._poster.round(settle)

        async def add(members: Sequence[Member]) -> None:
            await round_.add(
                Post(member.connection_id, to_post, member)
                for member in members
                if (to_post := by_protocol[member.protocol])  # a run of voids is nothing to a plain client
            )

        with trace.phase("post"):
            try:
                with trace.phase("read members"):
                    await read(add)
            finally:
                # Also when a page cannot be read: Lambda freezes the process when the handler returns, and a
                # post that is left under way would go out much later, after newer messages.
                await round_.finish()
            if early:
                round_.outcomes[Gone] -= len(early)
                await asyncio.sleep(_GRACE_WAIT)
                await add(early)
                await round_.finish()
        if gone:
            await asyncio.to_thread(self._forget, room, gone)
        outcomes = round_.outcomes
        tally = Tally(
            recipients=outcomes.total(),
            delivered=outcomes[Delivered],
            gone=outcomes[Gone],
            shed=outcomes.total() - outcomes[Delivered] - outcomes[Gone],
        )
        trace.note(**asdict(tally))
        return tally

    def _forget(self, room: str, connection_ids: Sequence[str]) -> None:
        try:
            self._connections.forget(room, connection_ids)
        except (BotoCoreError, ClientError, TimeoutError):
            # Everybody else has heard: failing now would repeat it all to them. The next broadcast prunes.
            logger.exception("could not prune", room=room)
            return
        logger.info("pruned closed connections", room=room, connections=list(connection_ids)[:100])


def _traces(entries: Sequence[Entry]) -> list[tuple[str | None, str]]:
    return [(entry.message.trace, entry.message.at) for entry in entries if entry.message]


async def _patiently[**P, R](call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Makes a call of boto3's, again after a moment if it fails: given back, a run of the stream brings all
    that follows it again, other rooms' messages too."""
    for wait in _WAITS:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except (BotoCoreError, ClientError, TimeoutError):
            await asyncio.sleep(random.uniform(0, wait))
    return await asyncio.to_thread(call, *args, **kwargs)
