"""Ways to broadcast to one room, members read too, each measured in a new process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bench.fakes.table import NAME, room_of
from bench.worker import answer, cpu_seconds, peak_memory

REGION = "us-east-1"
THREADS = 50
PAUSE = 1.0  # seconds between two broadcasts: the bucket of posts is full again


def ours(gateway: str, ca: str, table: str, size: int) -> Callable[[int], dict[str, int]]:
    from bench.peers.engine import Engine, message

    loop = asyncio.new_event_loop()
    engine = Engine.over_tls(gateway, ca, table)

    def broadcast(seq: int) -> dict[str, int]:
        result = loop.run_until_complete(engine.broadcast(room_of(size), [message(seq)]))
        return {"Delivered": result.delivered, "Gone": len(result.gone), "Failed": len(result.failed)}

    return broadcast


def boto3_threads(gateway: str, ca: str, table: str, size: int) -> Callable[[int], dict[str, int]]:
    """Broadcast with a Query and a pool of threads, with boto3's own retries: the usual way."""
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    from botocore.config import Config

    from bench.peers.engine import EPOCH, message
    from chat.protocol import frames
    from chat.storage import keys

    members = boto3.client("dynamodb", endpoint_url=table, region_name=REGION)
    config = Config(max_pool_connections=THREADS)
    posts = boto3.client("apigatewaymanagementapi", endpoint_url=gateway, verify=ca, config=config)
    pool = ThreadPoolExecutor(THREADS)

    def broadcast(seq: int) -> dict[str, int]:
        (frame,) = frames.messages(room_of(size), EPOCH, [message(seq)])
        data = frame.encode()

        def post(connection_id: str) -> int:
            try:
                posts.post_to_connection(ConnectionId=connection_id, Data=data)
            except posts.exceptions.ClientError:
                return 0
            return 1

        pages = members.get_paginator("query").paginate(
            TableName=NAME,
            KeyConditionExpression="pk = :room",
            ExpressionAttributeValues={":room": {"S": keys.room_pk(room_of(size))}},
            ConsistentRead=True,
        )
        ids = (keys.member_id_of(item["sk"]["S"]) for page in pages for item in page["Items"])
        posting = [pool.submit(post, connection_id) for connection_id in ids]
        delivered = sum(future.result() for future in posting)
        return {"Delivered": delivered, "Failed": size - delivered}

    return broadcast


CLIENTS = {"ours": ours, "boto3": boto3_threads}


def work(client: str, gateway: str, ca: str, table: str, size: int, broadcasts: int) -> dict[str, Any]:
    broadcast = CLIENTS[client](gateway, ca, table, size)
    times = []
    for seq in range(1, broadcasts + 1):
        if seq > 1:
            time.sleep(PAUSE)
        cpu, began = cpu_seconds(), time.monotonic()
        outcomes = broadcast(seq)
        times.append({"wall": time.monotonic() - began, "cpu": cpu_seconds() - cpu, "outcomes": outcomes})
    return {"broadcasts": times, "peak_memory": peak_memory()}


if __name__ == "__main__":
    answer(work)
