"""Broadcasts a run of a room's messages to its members."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from chat import frames
from chat.connections import Connections, Member
from chat.log import Log
from chat.messages import Entry
from chat.posting import Delivered, Gone, Outcome, Poster

# $connect writes its rows before API Gateway opens the socket, and a post in between is answered 410 as if
# the socket were closed. For this long after the connect a 410 may mean that, so it prunes nobody.
CONNECT_GRACE = 10.0  # seconds
_GRACE_WAIT = 0.5  # seconds before the one other try, when everybody else has heard
MAX_ROOMS_AT_ONCE = 32  # rooms of one batch that are read at the same time

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Tally:
    """What a broadcast came to, in connections."""

    recipients: int
    delivered: int
    gone: int
    shed: int


class Broadcaster:
    def __init__(
        self,
        connections: Connections,
        log: Log,
        poster: Poster,
        executor: Executor,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`executor` runs the posts, and bounds how many are in flight over all rooms."""
        self._connections = connections
        self._log = log
        self._poster = poster
        self._executor = executor
        self._now = now
        self._sleep = sleep

    def broadcast_all(self, runs: Mapping[str, Sequence[Entry]]) -> dict[str, Tally | Exception]:
        """Broadcasts each room's run, all rooms at once; a room that fails does not stop another."""
        with ThreadPoolExecutor(min(len(runs), MAX_ROOMS_AT_ONCE) or 1, thread_name_prefix="room") as rooms:
            return dict(zip(runs, rooms.map(self._attempt, runs, runs.values()), strict=True))

    def _attempt(self, room: str, run: Sequence[Entry]) -> Tally | Exception:
        try:
            return self.broadcast(room, run)
        except Exception as error:  # whatever it is, the run must come again
            logger.exception("broadcast failed", room=room)
            return error

    def broadcast(self, room: str, run: Sequence[Entry]) -> Tally:
        """Posts a run, in order, to every member. Settles it first, so that the history has what anyone
        hears.

        No connection's failure fails it. What raises is ours: DynamoDB could not be read or written.
        """
        settled = self._log.settle(room, run)
        texts = {"v1": list(frames.messages(room, settled)), "plain": list(frames.plain(settled))}
        outcomes: Counter[type[Outcome]] = Counter()
        early: list[Member] = []
        posting: list[tuple[Member, Future[Outcome]]] = []

        def collect() -> None:
            for member, post in posting:
                outcome = post.result()
                if isinstance(outcome, Gone) and self._may_be_early(member):
                    early.append(member)
                else:
                    outcomes[type(outcome)] += 1

        try:
            for page in self._connections.members(room):
                # One page is posted to while the next is read; no more than two are in memory.
                collect()
                posting = [
                    (member, self._executor.submit(self._post, room, member, texts[member.protocol]))
                    for member in page
                    if texts[member.protocol]  # a void is nothing to a plain client
                ]
        finally:
            # Also when a page cannot be read: Lambda freezes the process when the handler returns, and a post
            # that is left under way would go out much later, after newer messages.
            collect()
        if early:
            self._sleep(_GRACE_WAIT)
        for member in early:
            outcomes[type(self._post(room, member, texts[member.protocol]))] += 1
        return Tally(
            recipients=outcomes.total(),
            delivered=outcomes[Delivered],
            gone=outcomes[Gone],
            shed=outcomes.total() - outcomes[Delivered] - outcomes[Gone],
        )

    def _post(self, room: str, member: Member, texts: Sequence[str]) -> Outcome:
        outcome = self._poster.post(member.connection_id, texts)
        if isinstance(outcome, Gone):
            if not self._may_be_early(member):
                self._prune(room, member)
        elif not isinstance(outcome, Delivered):
            logger.warning("shed", room=room, connection=member.connection_id, outcome=str(outcome))
        return outcome

    def _may_be_early(self, member: Member) -> bool:
        return self._now() - member.connected_at / 1000 < CONNECT_GRACE

    def _prune(self, room: str, member: Member) -> None:
        try:
            # The membership too, not only what the connection's item says: it may be all that is left.
            self._connections.leave(room, member.connection_id)
            self._connections.close(member.connection_id)
        except (BotoCoreError, ClientError):
            # Everybody else has heard: failing now would repeat it all to them. The next broadcast prunes.
            logger.exception("could not prune", room=room, connection=member.connection_id)
            return
        logger.info("pruned a closed connection", room=room, connection=member.connection_id)
