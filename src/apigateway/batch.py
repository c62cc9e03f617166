"""The posts of one broadcast, and their outcomes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from types import TracebackType
from typing import Self

from apigateway.client import Frame
from apigateway.outcomes import Delivered, Failed, Gone, Outcome
from apigateway.rate import QuotaMark

MAX_QUEUED = 1_000  # posts in a batch's queue, above which `add` waits


class Post:
    """The frames for one connection, in order."""

    __slots__ = ("connection_id", "context", "frames", "next", "quota_mark", "tried_since", "tries")

    def __init__(
        self, connection_id: str, frames: Sequence[Frame | str | bytes], context: object = None
    ) -> None:
        """`context` is the caller's own: `on_outcome` finds it on the post.

        A text is signed for this connection alone. Use one Frame in many posts to sign it once for all.
        """
        self.connection_id = connection_id
        self.frames = frames
        self.context = context
        self.next = 0  # index of the frame to post
        self.tries = 0  # failed tries of that frame
        self.tried_since = 0.0  # when that frame was first posted; 0 before
        self.quota_mark: QuotaMark | None = None  # at the last 429; None before the first


type OnOutcome = Callable[[Post, Outcome], None]


class Batch:
    """Posts that are begun and finished together. A poster takes posts from its batches in turn.

    `delivered` counts, `gone` lists the ids of connections that are closed (410), and `failed` maps the id of
    each connection that was shed to its last outcome.
    """

    def __init__(
        self, enqueue: Callable[[Batch], None], on_outcome: OnOutcome | None, deadline: float
    ) -> None:
        self._enqueue = enqueue
        self._on_outcome = on_outcome
        self._unfinished = 0
        self._error: Exception | None = None  # the first of our own
        self._has_room = asyncio.Event()
        self._is_finished = asyncio.Event()
        self.deadline = deadline
        self.queue: deque[Post] = deque()
        self.queued = False  # among the poster's batches
        self.delivered = 0
        self.gone: list[str] = []
        self.failed: dict[str, Outcome] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an error: Lambda freezes the process when the handler returns, and a post that is still
        # under way would go out minutes later, after newer frames.
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self._cancel()
        await self.finish()

    async def add(self, posts: Iterable[Post]) -> None:
        """Queue posts, and return when there is room for more. Name each connection in one post only."""
        added = list(posts)
        self.queue.extend(added)
        self._unfinished += len(added)
        self._enqueue(self)
        if len(self.queue) > MAX_QUEUED:
            self._has_room.clear()
            await self._has_room.wait()

    async def finish(self) -> None:
        """Return when each added post has its outcome. Cancelled, begin no more posts.

        Raises the first error that is not a connection's: credentials are missing, or `on_outcome` raised.
        """
        if self._unfinished:
            self._is_finished.clear()
            try:
                await self._is_finished.wait()
            except asyncio.CancelledError:
                self._cancel()
                raise
        if self._error is not None:
            raise self._error

    def _cancel(self) -> None:
        self.deadline = -inf
        self._enqueue(self)

    # called by the scheduler

    def _take(self) -> Post:
        post = self.queue.popleft()
        if len(self.queue) == MAX_QUEUED:
            self._has_room.set()
        return post

    def _finish(self, post: Post, outcome: Outcome) -> None:
        kind = type(outcome)
        if kind is Delivered:
            self.delivered += 1
        elif kind is Gone:
            self.gone.append(post.connection_id)
        else:
            self.failed[post.connection_id] = outcome
        self._unfinished -= 1
        if self._on_outcome is not None:
            try:
                self._on_outcome(post, outcome)
            except Exception as error:  # raised from here it would reach only the event loop
                self._error = self._error or error
        if not self._unfinished:
            self._is_finished.set()

    def _fail(self, post: Post, error: Exception) -> None:
        self._error = self._error or error
        self._finish(post, Failed(type(error).__name__))
