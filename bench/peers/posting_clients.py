"""Ways to post one frame to many connections, each measured in a new process.

Each client is imported where it is used: .venv-bench has the packages of some, .venv those of the others.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.simulator.members import member_id
from bench.worker import answer, cpu_seconds

REGION = "us-east-1"
THREADS = 50

type Post = Callable[[Sequence[str]], None]


def ours(endpoint: str, ca: str, frame: str) -> Post:
    return _ours(endpoint, ca, frame, None)


def ours_traced(endpoint: str, ca: str, frame: str) -> Post:
    """Post with one trace per 1,000 posts: each is a broadcast whose message X-Ray samples."""
    header = "Root=1-" + "5" * 8 + "-" + "6" * 24 + ";Parent=" + "7" * 16 + ";Sampled=1"
    return _ours(endpoint, ca, frame, header)


def _ours(endpoint: str, ca: str, frame: str, header: str | None) -> Post:
    from apigateway import Frame, Poster
    from apigateway import Post as PostTo
    from chat.tracing import BroadcastTrace, XRayDaemon

    loop = asyncio.new_event_loop()
    context = ssl.create_default_context(cafile=ca)
    poster = Poster(endpoint, region=REGION, initial_rate=1e9, context=context)
    daemon = XRayDaemon("127.0.0.1:2000")

    async def post(ids: Sequence[str]) -> None:
        to_post = [Frame(frame)]
        async with poster.batch() as batch:
            for members in itertools.batched(ids, 1_000, strict=False):
                run = [(header, "2026-11-24T06:20:01.123Z")]
                with BroadcastTrace(daemon, "general", run) as trace:
                    with trace.phase("repair"):
                        pass
                    with trace.phase("post"), trace.phase("read members"):
                        await batch.add(PostTo(connection_id, to_post) for connection_id in members)
                    trace.annotate(recipients=len(members), delivered=len(members), gone=0, shed=0)

    return lambda ids: loop.run_until_complete(post(ids))


def boto3_sequential(endpoint: str, ca: str, frame: str) -> Post:
    client = _boto3_client(endpoint, ca)
    data = frame.encode()

    def post(ids: Sequence[str]) -> None:
        for connection_id in ids:
            client.post_to_connection(ConnectionId=connection_id, Data=data)

    return post


def boto3_threads(endpoint: str, ca: str, frame: str) -> Post:
    from concurrent.futures import ThreadPoolExecutor

    client = _boto3_client(endpoint, ca)
    data = frame.encode()
    pool = ThreadPoolExecutor(THREADS)

    def post_one(connection_id: str) -> None:
        client.post_to_connection(ConnectionId=connection_id, Data=data)

    def post(ids: Sequence[str]) -> None:
        for _ in pool.map(post_one, ids):
            pass

    return post


def aiobotocore_tasks(endpoint: str, ca: str, frame: str) -> Post:
    from aiobotocore.config import AioConfig  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from aiobotocore.session import get_session  # type: ignore[import-not-found, import-untyped, unused-ignore]

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # at the end aiohttp reports each connection as not closed
    data = frame.encode()
    config = AioConfig(max_pool_connections=THREADS)

    async def enter() -> Any:
        create = get_session().create_client
        return await create(
            "apigatewaymanagementapi", endpoint_url=endpoint, region_name=REGION, verify=ca, config=config
        ).__aenter__()

    client = loop.run_until_complete(enter())

    async def post(ids: Sequence[str]) -> None:
        remaining = iter(ids)

        async def task() -> None:
            for connection_id in remaining:
                await client.post_to_connection(ConnectionId=connection_id, Data=data)

        await asyncio.gather(*(task() for _ in range(THREADS)))

    return lambda ids: loop.run_until_complete(post(ids))


def awscrt(endpoint: str, ca: str, frame: str) -> Post:
    from bench.peers.awscrt_client import AwsCrtClient

    client = AwsCrtClient(endpoint, ca, REGION, connections=THREADS)
    return lambda ids: client.post(frame, ids)


def _boto3_client(endpoint: str, ca: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=THREADS)
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, verify=ca, config=config)


CLIENTS = {
    client.__name__: client
    for client in (ours, ours_traced, boto3_sequential, boto3_threads, aiobotocore_tasks, awscrt)
}


def work(client: str, endpoint: str, ca: str, frame: str, posts: int) -> dict[str, Any]:
    """Measure posts to so many connections, after a tenth as many to warm up."""
    ids = [member_id(number) for number in range(posts)]
    post = CLIENTS[client](endpoint, ca, frame)
    post(ids[: max(posts // 10, 100)])
    cpu, wall = cpu_seconds(), time.perf_counter()
    post(ids)
    return {"posts": posts, "cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}


if __name__ == "__main__":
    answer(work)
