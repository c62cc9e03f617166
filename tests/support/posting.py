"""A poster in virtual time, for the tests of the posting engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from math import inf

from apigateway.batch import Batch, Post
from apigateway.outcomes import Outcome
from apigateway.poster import Poster
from apigateway.rate import INITIAL_RATE
from tests.support.fakes.gateway import FakeGateway


class Posting:
    """A poster in virtual time, and each connection's outcome with its time."""

    def __init__(
        self, virtual: asyncio.Runner, gateway: FakeGateway, *, initial_rate: float = INITIAL_RATE
    ) -> None:
        self.runner = virtual
        self.loop = virtual.get_loop()
        self.gateway = gateway
        self.poster = Poster(gateway, initial_rate=initial_rate)
        self.outcomes: dict[str, Outcome] = {}
        self.times: dict[str, float] = {}

    def batch(self, *, deadline: float = inf) -> Batch:
        return self.poster.batch(self.note, deadline=deadline)

    def note(self, post: Post, outcome: Outcome) -> None:
        assert post.connection_id not in self.outcomes, "two outcomes"
        self.outcomes[post.connection_id] = outcome
        self.times[post.connection_id] = self.loop.time()

    def post(self, *connection_ids: str, frames: Iterable[str] = ("one",), deadline: float = inf) -> Outcome:
        """Post to connections; return the first one's outcome."""
        frames = list(frames)
        self.runner.run(self._post([Post(name, frames) for name in connection_ids], deadline))
        return self.outcomes[connection_ids[0]]

    async def _post(self, posts: list[Post], deadline: float) -> None:
        async with self.batch(deadline=deadline) as batch:
            await batch.add(posts)


def names(room: str, size: int) -> list[str]:
    return [f"{room}-{number}" for number in range(size)]


def posts(connection_ids: Iterable[str]) -> list[Post]:
    return [Post(each, ["one"]) for each in connection_ids]
