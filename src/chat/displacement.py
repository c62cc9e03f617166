"""How a user who has too many connections gets another one in: the longest silent one makes way.

A phone that changes networks or a laptop that falls asleep leaves a socket behind that looks open for up to
ten minutes, until API Gateway's idle time-out. API Gateway even takes posts to it: only an answer is a sign
of life. So each connection that speaks frames is posted a `check`, which its client answers with `alive`.
That charges the connection, and so moves its `due`: connections that nobody checks cost no write.

A plain client would show a `check` as a message. So it is not asked, and makes way only if every connection
that was asked has answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from apigateway.management import ManagementClient
from apigateway.outcomes import Delivered, Gone
from chat.expiry import close_sockets
from chat.membership import CONNECT_GRACE, Membership
from chat.protocol import frames
from chat.storage.user_connections import LastHeard, UserConnections

# A phone's round trip and a cold start of the message function. The browser waits meanwhile.
ANSWER_WITHIN = 3.0  # seconds
POLL_EVERY = 0.5  # seconds
PAUSE = 10.0  # seconds between two checks of a user: a check costs up to MAX_CHECKED posts and ANSWER_WITHIN
MAX_CHECKED = 25  # connections in one check, the longest silent ones
_POSTERS = 8  # threads

logger = Logger(child=True)
metrics = Metrics()


class Displacement:
    def __init__(
        self,
        users: UserConnections,
        membership: Membership,
        management: ManagementClient,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._users = users
        self._membership = membership
        self._management = management
        self._now = now
        self._sleep = sleep

    def make_way(self, user: str, connections: Sequence[LastHeard]) -> bool:
        """End the connections of a user that are closed, or else the longest silent one without an answer.

        `connections` are those of TooManyConnections. False if the user's connections were checked less than
        PAUSE ago. Takes up to ANSWER_WITHIN.
        """
        if not self._users.begin_check(user, PAUSE):
            return False
        began = self._now()
        silent = [each for each in connections if each.at <= began]
        asked, gone = self._check([each for each in silent if each.protocol == "v1"][:MAX_CHECKED])
        # A new connection may not be open yet: then its post is answered 410, too.
        old = {each.connection_id for each in silent if began - each.connected_at > CONNECT_GRACE}
        if gone & old:
            self._end(gone & old)
            return True
        if asked:
            asked = self._without_answer(asked, began)
        plain = [each.connection_id for each in silent if each.protocol == "plain"]
        for longest in [*asked, *(each for each in plain if each in old)][:1]:
            close_sockets(self._management, [longest])
            self._end([longest])
        return True

    def _check(self, connections: Sequence[LastHeard]) -> tuple[list[str], set[str]]:
        """Post a `check`. Return the ids of those that have it, in order, and of the closed ones."""
        ids = [each.connection_id for each in connections]
        with ThreadPoolExecutor(_POSTERS) as posters:
            outcomes = list(posters.map(lambda each: self._management.post(each, frames.check()), ids))
        answers = list(zip(ids, outcomes, strict=True))
        asked = [each for each, outcome in answers if isinstance(outcome, Delivered)]
        return asked, {each for each, outcome in answers if isinstance(outcome, Gone)}

    def _without_answer(self, asked: Sequence[str], began: float) -> list[str]:
        """Wait for answers, and return the connections that gave none, in order."""
        while True:
            self._sleep(POLL_EVERY)
            silent = {each.connection_id for each in self._users.last_heard(asked) if each.at <= began}
            without = [each for each in asked if each in silent]
            if not without or self._now() - began >= ANSWER_WITHIN:
                return without

    def _end(self, connection_ids: Collection[str]) -> None:
        for connection_id in connection_ids:
            self._membership.disconnect(connection_id)
        metrics.add_metric("Displaced", MetricUnit.Count, len(connection_ids))
        logger.info("displaced connections", connections=sorted(connection_ids))
