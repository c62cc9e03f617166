"""Send a message to all connections: `sendmessage` of aws-samples/simple-websockets-chat-app, in Python.

That function posts with one call per connection, and fails as a whole when one of them fails. This one posts
thousands per second over kept connections, as fast as the account's quota allows, and reads all pages of the
table. It needs src/apigateway and httptools in its folder or in a layer, and the sample's own permissions.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import boto3

from apigateway import Poster

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
runner = asyncio.Runner()  # one loop, so that connections to API Gateway outlive an invocation
poster_of = cache(Poster)  # one per endpoint


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request = event["requestContext"]
    poster = poster_of(f"https://{request['domainName']}/{request['stage']}")
    # Stop posting before Lambda stops this function.
    deadline = runner.get_loop().time() + 0.9 * context.get_remaining_time_in_millis() / 1000
    data = json.loads(event["body"])["data"]
    result = runner.run(poster.broadcast(data, to=connection_ids(), deadline=deadline))
    with table.batch_writer() as batch:
        for connection_id in result.gone:
            batch.delete_item(Key={"connectionId": connection_id})
    print(json.dumps({"delivered": result.delivered, "gone": len(result.gone), "failed": len(result.failed)}))
    return {"statusCode": 200, "body": "Data sent."}


async def connection_ids() -> AsyncIterator[list[str]]:
    """Yield the ids of all connections, page by page: one page is posted to while the next is read."""
    scan = table.meta.client.get_paginator("scan")
    pages = iter(scan.paginate(TableName=table.name, ProjectionExpression="connectionId"))
    while page := await asyncio.to_thread(next, pages, None):
        yield [item["connectionId"] for item in page["Items"]]
