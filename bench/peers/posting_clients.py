"""Ways to post one frame to many connections, each measured in a process of its own.

Every client is imported where it is used: some are not in the environment that the others run in.
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

FRAME = '{"type":"messages","room":"general","messages":[{"seq":42,"id":"' + "3" * 36 + '","user":"ada",'
FRAME += '"name":"Ada","message":"' + "Hi! " * 12 + '","at":"2026-11-24T06:20:01.123Z"}]}'
REGION = "us-east-1"
THREADS = 50

type Post = Callable[[Sequence[str]], None]


def ours(endpoint: str, ca: str, frame: str) -> Post:
    return _ours(endpoint, ca, frame, None)


def ours_traced(endpoint: str, ca: str, frame: str) -> Post:
    """A trace for each thousand posts: a broadcast to a room of that size whose message is sampled."""
    return _ours(
        endpoint, ca, frame, "Root=1-" + "5" * 8 + "-" + "6" * 24 + ";Parent=" + "7" * 16 + ";Sampled=1"
    )


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
            for some in itertools.batched(ids, 1_000, strict=False):
                run = [(header, "2026-11-24T06:20:01.123Z")]
                with BroadcastTrace(daemon, "general", run) as trace:
                    with trace.phase("repair"):
                        pass
                    with trace.phase("post"), trace.phase("read members"):
                        await batch.add(PostTo(connection_id, to_post) for connection_id in some)
                    trace.annotate(recipients=len(some), delivered=len(some), gone=0, shed=0)

    return lambda ids: loop.run_until_complete(post(ids))


def boto3_sequential(endpoint: str, ca: str, frame: str) -> Post:
    client = _boto3_client(endpoint, ca)
    data = frame.encode()

    def post(ids: Sequence[str]) -> None:
        for each in ids:
            client.post_to_connection(ConnectionId=each, Data=data)

    return post


def boto3_threads(endpoint: str, ca: str, frame: str) -> Post:
    from concurrent.futures import ThreadPoolExecutor

    client = _boto3_client(endpoint, ca)
    data = frame.encode()
    pool = ThreadPoolExecutor(THREADS)

    def post(ids: Sequence[str]) -> None:
        for _ in pool.map(lambda each: client.post_to_connection(ConnectionId=each, Data=data), ids):
            pass

    return post


def aiobotocore_tasks(endpoint: str, ca: str, frame: str) -> Post:
    from aiobotocore.config import AioConfig  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from aiobotocore.session import get_session  # type: ignore[import-not-found, import-untyped, unused-ignore]

    loop = asyncio.new_event_loop()
    data = frame.encode()
    config = AioConfig(max_pool_connections=THREADS)

    async def enter() -> Any:
        create = get_session().create_client
        return await create(
            "apigatewaymanagementapi", endpoint_url=endpoint, region_name=REGION, verify=ca, config=config
        ).__aenter__()

    client = loop.run_until_complete(enter())

    async def post(ids: Sequence[str]) -> None:
        each = iter(ids)

        async def task() -> None:
            for one in each:
                await client.post_to_connection(ConnectionId=one, Data=data)

        await asyncio.gather(*(task() for _ in range(THREADS)))

    return lambda ids: loop.run_until_complete(post(ids))


def awscrt(endpoint: str, ca: str, frame: str) -> Post:
    """The AWS Common Runtime's HTTP client with our signer: what we would use if we had not our own."""
    import os
    import threading
    from urllib.parse import quote, urlsplit

    from awscrt.http import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        HttpClientConnection,
        HttpHeaders,
        HttpRequest,
    )
    from awscrt.io import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
        ClientBootstrap,
        ClientTlsContext,
        DefaultHostResolver,
        EventLoopGroup,
        InputStream,
        TlsContextOptions,
    )

    from apigateway.sigv4 import Credentials, Signer, SigningTime

    group = EventLoopGroup(1)
    bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
    parts = urlsplit(endpoint)
    assert parts.hostname is not None and parts.port is not None
    options = TlsContextOptions()
    options.override_default_trust_store_from_path(None, ca)
    tls = ClientTlsContext(options).new_connection_options()
    tls.set_server_name(parts.hostname)
    connections = [
        HttpClientConnection.new(
            host_name=parts.hostname, port=parts.port, bootstrap=bootstrap, tls_connection_options=tls
        ).result(10)
        for _ in range(THREADS)
    ]
    signer = Signer("execute-api", REGION)
    credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], None)
    body = frame.encode()
    prefix = f"{parts.path}/@connections/"
    names = ("host", "x-amz-date", "content-length", "authorization")

    def post(ids: Sequence[str]) -> None:
        template = signer.template(
            credentials, SigningTime.at(time.time()), host=parts.netloc, prefix=prefix, body=body
        )
        waiting = iter(ids)
        left = len(ids)
        done = threading.Event()

        def begin(connection: Any) -> None:
            each = next(waiting, None)
            if each is None:
                return
            head = template.request(each).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) for line in head)
            request = HttpRequest(
                "POST",
                prefix + quote(each, safe="-._~"),
                HttpHeaders([(name, headers[name]) for name in names]),
                InputStream(_bytes_io(body)),
            )
            stream = connection.request(request)
            stream.completion_future.add_done_callback(lambda future: finished(connection))
            stream.activate()

        def finished(connection: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()
            begin(connection)

        for connection in connections:
            begin(connection)
        done.wait()

    return post


def _bytes_io(body: bytes) -> Any:
    import io

    return io.BytesIO(body)


def _boto3_client(endpoint: str, ca: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=THREADS)
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, verify=ca, config=config)


CLIENTS = {
    each.__name__: each
    for each in (ours, ours_traced, boto3_sequential, boto3_threads, aiobotocore_tasks, awscrt)
}


def work(client: str, endpoint: str, ca: str, posts: int) -> dict[str, Any]:
    """Posts to so many connections, after a tenth of them to warm up."""
    ids = [member_id(number) for number in range(posts)]
    post = CLIENTS[client](endpoint, ca, FRAME)
    post(ids[: max(posts // 10, 100)])
    cpu, wall = cpu_seconds(), time.perf_counter()
    post(ids)
    return {"posts": posts, "cpu": cpu_seconds() - cpu, "wall": time.perf_counter() - wall}


if __name__ == "__main__":
    answer(work)
