"""Post frames to many connections: as fast as the quota allows, in order per connection, with retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from math import inf
from typing import Self, Unpack

from apigateway.batch import Batch, OnOutcome, Post
from apigateway.client import ApiGateway, ApiGatewayOptions, Client, Frame
from apigateway.outcomes import Outcome
from apigateway.rate import INITIAL_RATE, AdaptiveRate
from apigateway.retries import Retries
from apigateway.scheduler import Scheduler

_PAGE = 1_000  # ids that are queued at a time

type ConnectionIds = Iterable[str] | AsyncIterable[str] | AsyncIterable[Sequence[str]]


@dataclass(frozen=True, slots=True)
class BroadcastResult:
    """The outcomes of one broadcast."""

    delivered: int  # connections that got all frames
    gone: list[str]  # ids of closed connections (410): delete them
    failed: dict[str, Outcome]  # shed connections: their ids, and the last outcome of each


class Poster:
    """Posts frames to the connections of a WebSocket API.

        async with Poster("https://abc123.execute-api.eu-west-1.amazonaws.com/prod") as poster:
            result = await poster.broadcast('{"type": "news"}', to=connection_ids)

    Keep one poster per process: all its broadcasts share one rate and one set of TLS connections. It may be
    made before an event loop runs. It then belongs to the loop of its first broadcast, which may stand still
    for any time between two broadcasts, as Lambda freezes a process between two invocations.
    """

    def __init__(
        self,
        api: str | Client,
        *,
        initial_rate: float = INITIAL_RATE,
        retries: Retries = Retries(),  # noqa: B008  frozen
        **options: Unpack[ApiGatewayOptions],
    ) -> None:
        """`api` is `https://<host>[/<stage>]`, or a client of your own. `options` are those of ApiGateway.

        `initial_rate` is in posts per second. Raises ValueError if the Region of the API is not known.
        """
        self._client = ApiGateway(api, **options) if isinstance(api, str) else api
        self._initial_rate = initial_rate
        self._retries = retries
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduler: Scheduler

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def broadcast(
        self,
        *frames: Frame | str | bytes,
        to: ConnectionIds,
        deadline: float = inf,
    ) -> BroadcastResult:
        """Post the same frames, in order, to each connection, and return when each has its outcome.

        `to` yields ids, or pages of ids if it is asynchronous; each id once. It is read as fast as posts go
        out. `deadline` is a time of the event loop's clock, as for `asyncio.timeout_at`: nothing is posted
        after it.

        Raises what `to` raises, after the posts so far are finished, and what Batch.finish raises.
        """
        if isinstance(to, str):
            raise TypeError("`to` must be connection ids, not a str: pass [connection_id]")
        if not frames:
            raise TypeError("broadcast() needs a frame")
        signed_once = [frame if isinstance(frame, Frame) else Frame(frame) for frame in frames]
        async with self.batch(deadline=deadline) as batch:
            if isinstance(to, AsyncIterable):
                async for page in to:
                    ids = [page] if isinstance(page, str) else page
                    await batch.add(Post(connection_id, signed_once) for connection_id in ids)
            else:
                for ids in batched(to, _PAGE, strict=False):
                    await batch.add(Post(connection_id, signed_once) for connection_id in ids)
        return BroadcastResult(batch.delivered, batch.gone, batch.failed)

    def batch(self, on_outcome: OnOutcome | None = None, *, deadline: float = inf) -> Batch:
        """Begin a batch of posts, with different frames per connection.

            async with poster.batch() as batch:
                await batch.add(Post(connection_id, [text]) for connection_id, text in texts.items())

        Leaving the block waits for all outcomes. `on_outcome` is called with each post and its outcome;
        `deadline` is that of `broadcast`. Raises RuntimeError in another event loop than the first batch's.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            rate = AdaptiveRate(loop.time, self._initial_rate)
            self._scheduler = Scheduler(self._client, self._retries, rate, loop)
        elif self._loop is not loop:
            raise RuntimeError("this Poster belongs to another event loop: make one Poster per loop")
        return Batch(self._scheduler.enqueue, on_outcome, deadline)

    async def close(self) -> None:
        """Close all connections to the API. Posts under way fail."""
        self._client.close()
        await asyncio.sleep(0)  # what is connecting is closed one step of the loop later
