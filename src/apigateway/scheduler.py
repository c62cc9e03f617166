"""Decide which post goes next, and when: batches in turn, at the adaptive rate, failed posts again."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from functools import partial

from apigateway.batch import Batch, Post
from apigateway.client import Client, Frame
from apigateway.outcomes import TIMED_OUT, Delivered, Failed, Gone, Outcome, Throttled
from apigateway.rate import AdaptiveRate, QuotaWatch
from apigateway.retries import Retries

MAX_SHED = 10_000  # shed connections that are remembered before the expired ones are dropped
_RECENTLY_SHED = Failed("recently shed")
_DEADLINE_PASSED = Failed("deadline passed")


class Scheduler:
    """All posts of a poster, in one event loop."""

    def __init__(
        self, client: Client, retries: Retries, rate: AdaptiveRate, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._client = client
        self._retries = retries
        self._rate = rate
        self._quota = QuotaWatch()
        self._loop = loop
        self._batches: deque[Batch] = deque()  # those with queued posts, the next one first
        self._pump_is_due = False
        self._paused: asyncio.TimerHandle | None = None
        self._shed_until: dict[str, float] = {}  # by connection id, the oldest first

    def enqueue(self, batch: Batch) -> None:
        """Let a batch have its turns while it has queued posts."""
        if batch.queue and not batch.queued:
            batch.queued = True
            self._batches.append(batch)
        self._pump_soon()

    def _pump_soon(self) -> None:
        """Pump once for all answers that have come together: in the next step of the loop."""
        if not self._pump_is_due:
            self._pump_is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Begin as many posts as rate and connections allow, one from each batch in turn."""
        self._pump_is_due = False
        self._rate.evaluate()
        if self._paused is not None or not self._batches:
            return
        now = self._loop.time()
        self._rate.refill()
        free = self._client.free
        while free > 0 and self._batches:
            batch = self._batches[0]
            unposted = self._unposted(batch, now)
            # Without a post there is no need of a token: past a deadline nothing waits for a throttled rate.
            if unposted is None and (wait := self._rate.acquire()):
                self._paused = self._loop.call_later(wait, self._resume)
                return
            self._batches.popleft()
            post = batch._take()
            if batch.queue:
                self._batches.append(batch)
            else:
                batch.queued = False
            if unposted is None:
                free -= 1
                self._begin(batch, post, now)
            else:
                batch._finish(post, unposted)

    def _begin(self, batch: Batch, post: Post, now: float) -> None:
        if not post.tried_since:
            post.tried_since = now
        try:
            frame = post.frames[post.next]
            self._client.post(
                frame if isinstance(frame, Frame) else Frame(frame),
                post.connection_id,
                partial(self._answered, batch, post),
            )
        except Exception as error:  # no credentials, or a bug
            batch._fail(post, error)
            self._pump_soon()  # no answer will

    def _unposted(self, batch: Batch, now: float) -> Outcome | None:
        """Return the outcome of a batch's next post if it is not to be made at all."""
        if now >= batch.deadline:
            return _DEADLINE_PASSED
        if self._shed_until and now < self._shed_until.get(batch.queue[0].connection_id, 0.0):
            return _RECENTLY_SHED
        return None

    def _resume(self) -> None:
        self._paused = None
        self._pump()

    def _answered(self, batch: Batch, post: Post, outcome: Outcome) -> None:
        if isinstance(outcome, Delivered):
            self._rate.on_success()
            self._quota.accepted += 1
            post.next += 1
            post.tries, post.tried_since = 0, 0.0
            if post.next == len(post.frames):
                batch._finish(post, outcome)
            else:
                self._put_back(batch, post)
        elif isinstance(outcome, Gone):
            self._rate.on_success()
            self._quota.accepted += 1
            batch._finish(post, outcome)
        else:
            self._retry(batch, post, outcome)
        self._pump_soon()

    def _retry(self, batch: Batch, post: Post, outcome: Outcome) -> None:
        retries = self._retries
        if isinstance(outcome, Throttled):
            delays = retries.throttled
            waited = self._loop.time() - post.tried_since
            if self._quota_exhausted(post) and waited < retries.max_quota_wait:
                self._put_back_later(batch, post, retries.quota_exhausted)
                return
        else:
            delays = retries.timed_out if outcome == TIMED_OUT else retries.failed
        if post.tries < len(delays):
            post.tries += 1
            self._put_back_later(batch, post, delays[post.tries - 1])
        else:
            self._shed(post)
            batch._finish(post, outcome)

    def _quota_exhausted(self, post: Post) -> bool:
        """Count a 429. True if the account's quota causes it, and not this client, which reads too slowly.

        The first 429 of a connection counts as the quota's, because we cannot tell yet.
        """
        exhausted = post.quota_mark is None or self._quota.exhausted_since(post.quota_mark)
        if not post.tries:
            # A connection that is known to be slow says nothing about the others and the rate.
            self._quota.throttled += 1
            self._rate.on_throttled()
        post.quota_mark = self._quota.mark()
        return exhausted

    def _shed(self, post: Post) -> None:
        now = self._loop.time()
        if len(self._shed_until) >= MAX_SHED:
            self._shed_until = {id_: until for id_, until in self._shed_until.items() if until > now}
        self._shed_until[post.connection_id] = now + self._retries.shed_for

    def _put_back_later(self, batch: Batch, post: Post, max_delay: float) -> None:
        self._loop.call_later(random.uniform(0, max_delay), self._put_back, batch, post)

    def _put_back(self, batch: Batch, post: Post) -> None:
        batch.queue.appendleft(post)
        self.enqueue(batch)
