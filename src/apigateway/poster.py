"""Posts frames to many sockets: at the quota's pace, in order on each, patient with what may pass."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from apigateway.client import Client
from apigateway.outcomes import TIMED_OUT, Delivered, Failed, Gone, Outcome, Throttled
from apigateway.rate import AdaptiveRate

MAX_QUEUED = 1_000  # connections that may wait in a round before its reader has to
# Seconds before each further try of one frame, at most: full jitter takes any part of them (AWS Architecture
# Blog, "Exponential Backoff And Jitter"). After the last a connection is shed.
_WAITS = (0.1, 0.2, 0.4)
_THROTTLED_WAITS = (0.1, 0.2, 0.2, 0.2, 0.2, 0.2)  # the same for 429s, which take no time to come
_TIMED_OUT_WAITS = (0.05,)  # the same for posts that are not answered, which is known late
_EXCUSED_WAIT = 0.3  # the same while everybody is throttled, which is no connection's fault, for at most
_PATIENCE = 15.0  # seconds
_A_GOOD_PART = 0.25  # refused posts for each that passes: everybody's trouble. At the quota's edge it is less
_SHED_FOR = 5.0  # seconds for which who was shed is left alone, so as to hold up nobody again
_MOST_SHED = 10_000  # of them that are remembered before those are forgotten whose time has passed
_SHED_LATELY = Failed("shed lately")
_NO_TIME = Failed("no time left")


class Post:
    """One connection's frames, the next of them first."""

    __slots__ = ("began", "connection_id", "frames", "next", "owner", "passed", "refused", "tries")

    def __init__(self, connection_id: str, frames: Sequence[Any], owner: object = None) -> None:
        """`owner` is the caller's own, to know the post by."""
        self.connection_id = connection_id
        self.frames = frames
        self.owner = owner
        self.next = 0
        self.tries = 0
        self.began = 0.0
        self.passed = 0  # how many posts had passed, and
        self.refused = -1  # been refused, when this one last was; it has not been yet


class Batch:
    """The posts of one broadcast. Other batches are posted at the same time, turn by turn."""

    def __init__(self, poster: Poster, settled: Callable[[Post, Outcome], None]) -> None:
        self._poster = poster
        self._settled = settled
        self._unsettled = 0
        self._error: Exception | None = None  # the first of ours
        self._has_room = asyncio.Event()
        self._is_done = asyncio.Event()
        self.waiting: deque[Post] = deque()
        self.takes_turns = False
        self.outcomes: Counter[type[Outcome]] = Counter()

    async def add(self, posts: Iterable[Post]) -> None:
        """Adds posts, and returns when there is room for more."""
        batch = list(posts)
        self.waiting.extend(batch)
        self._unsettled += len(batch)
        self._poster._turn(self)
        if len(self.waiting) > MAX_QUEUED:
            self._has_room.clear()
            await self._has_room.wait()

    async def finish(self) -> None:
        """Returns when all that was added is settled.

        Raises the first error that was ours: a post that could not even be made, or what `settled` raised.
        """
        if self._unsettled:
            self._is_done.clear()
            await self._is_done.wait()
        if self._error is not None:
            raise self._error

    def _take(self) -> Post:
        post = self.waiting.popleft()
        if len(self.waiting) == MAX_QUEUED:
            self._has_room.set()
        return post

    def _settle(self, post: Post, outcome: Outcome) -> None:
        self.outcomes[type(outcome)] += 1
        self._unsettled -= 1
        try:
            self._settled(post, outcome)
        except Exception as error:  # raised here it would end in the event loop, and the round never
            self._error = self._error or error
        if not self._unsettled:
            self._is_done.set()

    def _fail(self, post: Post, error: Exception) -> None:
        self._error = self._error or error
        self._settle(post, Failed(type(error).__name__))


class Poster:
    """All posts of a process go through one, and so share its pace and its connections."""

    def __init__(self, gateway: Client[Any], rate: AdaptiveRate, loop: asyncio.AbstractEventLoop) -> None:
        self._gateway = gateway
        self._rate = rate
        self._loop = loop
        self.until = inf  # in loop time: nothing is posted any more, what still waits is shed
        self._turns: deque[Batch] = deque()  # batches with posts that wait
        self._paused: asyncio.TimerHandle | None = None
        self._shed_until: dict[str, float] = {}  # connections that are left alone for a while
        self._passed = 0  # posts that were answered otherwise than 429, and
        self._refused = 0  # those that were

    def batch(self, settled: Callable[[Post, Outcome], None] = lambda post, outcome: None) -> Batch:
        """Begins a round; `settled` is told each connection's outcome."""
        return Batch(self, settled)

    def frame(self, text: str) -> Any:
        """A frame, made ready to be posted to any number of connections."""
        return self._gateway.frame(text)

    def _turn(self, batch: Batch) -> None:
        if batch.waiting and not batch.takes_turns:
            batch.takes_turns = True
            self._turns.append(batch)
        self._pump()

    def _pump(self) -> None:
        """Begins as many posts as the pace and the connections allow, one from each round in turn."""
        if self._paused is not None:
            return
        while self._turns and self._gateway.free > 0:
            batch = self._turns[0]
            now = self._loop.time()
            unposted = self._unposted(batch.waiting[0], now)
            # What is not posted needs no leave: when time runs out, it must not wait for a throttled pace.
            if unposted is None and (wait := self._rate.acquire()):
                self._paused = self._loop.call_later(wait, self._resume)
                return
            self._turns.popleft()
            post = batch._take()
            if batch.waiting:
                self._turns.append(batch)
            else:
                batch.takes_turns = False
            if unposted is not None:
                batch._settle(post, unposted)
                continue
            if not post.began:
                post.began = now
            try:
                self._gateway.post(
                    post.frames[post.next],
                    post.connection_id,
                    lambda outcome, batch=batch, post=post: self._answered(batch, post, outcome),  # type: ignore[misc]
                )
            except Exception as error:  # no credentials, or a bug
                batch._fail(post, error)

    def _unposted(self, post: Post, now: float) -> Outcome | None:
        """Why a post is not to be made at all, if it is not."""
        if now >= self.until:
            return _NO_TIME
        return _SHED_LATELY if now < self._shed_until.get(post.connection_id, 0.0) else None

    def _resume(self) -> None:
        self._paused = None
        self._pump()

    def _answered(self, batch: Batch, post: Post, outcome: Outcome) -> None:
        if isinstance(outcome, Delivered):
            self._rate.on_success()
            self._passed += 1
            post.next += 1
            post.tries, post.began = 0, 0.0
            if post.next == len(post.frames):
                batch._settle(post, outcome)
            else:
                self._put_back(batch, post)
        elif isinstance(outcome, Gone):
            self._rate.on_success()
            self._passed += 1
            batch._settle(post, outcome)
        else:
            self._try_again(batch, post, outcome)
        self._pump()

    def _try_again(self, batch: Batch, post: Post, outcome: Outcome) -> None:
        if isinstance(outcome, Throttled):
            waits: tuple[float, ...] = _THROTTLED_WAITS
            excused = self._is_everybodys(post) and self._loop.time() - post.began < _PATIENCE
        else:
            waits = _TIMED_OUT_WAITS if outcome == TIMED_OUT else _WAITS
            excused = False
        if excused:
            wait = _EXCUSED_WAIT
        elif post.tries < len(waits):
            wait = waits[post.tries]
            post.tries += 1
        else:
            self._shed(batch, post, outcome)
            return
        self._loop.call_later(random.uniform(0, wait), self._put_back, batch, post)

    def _shed(self, batch: Batch, post: Post, outcome: Outcome) -> None:
        now = self._loop.time()
        if len(self._shed_until) >= _MOST_SHED:  # the first are the oldest
            self._shed_until = {each: until for each, until in self._shed_until.items() if until > now}
        self._shed_until[post.connection_id] = now + _SHED_FOR
        batch._settle(post, outcome)

    def _is_everybodys(self, post: Post) -> bool:
        """Whether a connection is refused because posts are, and not for its own reading too slowly.

        It is, where a good part of the others' posts since its last refusal were refused too. The first time
        nobody knows.
        """
        passed, refused = self._passed - post.passed, self._refused - post.refused
        known = post.refused >= 0
        if not post.tries:
            # One that has been refused by itself says nothing of the others, and nothing of the pace.
            self._refused += 1
            self._rate.on_throttled()
        post.passed, post.refused = self._passed, self._refused
        return not known or refused > passed * _A_GOOD_PART

    def _put_back(self, batch: Batch, post: Post) -> None:
        batch.waiting.appendleft(post)
        self._turn(batch)
