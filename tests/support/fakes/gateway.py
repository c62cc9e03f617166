"""API Gateway behind the posting engine's client."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable

from apigateway.client import Frame
from apigateway.outcomes import Delivered, Gone, Outcome


class FakeGateway:
    """API Gateway for the posting code. Records frames; tests set which connections are gone or fail.

    It decides about a post when it comes, and says so `latency` seconds later.
    """

    def __init__(self, *, limit: int = 256, latency: float = 0.0) -> None:
        self.frames: defaultdict[str, list[str]] = defaultdict(list)
        self.posts: list[str] = []  # the connection of every post, answered or not
        self.gone: set[str] = set()
        self.closed: list[str] = []  # the connections that were closed from here
        self.troubles: defaultdict[str, list[Outcome]] = defaultdict(list)  # taken first, in this order
        self.on_post: Callable[[str], None] = lambda connection_id: None
        self.under_way = 0
        self.most_under_way = 0
        self.limit = limit
        self._latency = latency
        self._lock = threading.Lock()

    def answer(self, connection_id: str, frame: str) -> Outcome:
        self.on_post(connection_id)
        with self._lock:
            self.posts.append(connection_id)
            if connection_id in self.gone:
                return Gone()
            if self.troubles[connection_id]:
                return self.troubles[connection_id].pop(0)
            self.frames[connection_id].append(frame)
        return Delivered()

    def delete(self, connection_id: str) -> Outcome:
        with self._lock:
            if connection_id in self.gone:
                return Gone()
            if self.troubles[connection_id]:
                return self.troubles[connection_id].pop(0)
            self.closed.append(connection_id)
            self.gone.add(connection_id)
        return Delivered()

    @property
    def free(self) -> int:
        return self.limit - self.under_way

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        outcome = self.answer(connection_id, frame.data.decode())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        asyncio.get_running_loop().call_later(self._latency, self._answered, callback, outcome)

    def _answered(self, callback: Callable[[Outcome], None], outcome: Outcome) -> None:
        self.under_way -= 1
        callback(outcome)

    def close(self) -> None:
        pass
