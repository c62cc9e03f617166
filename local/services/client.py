"""A client of DynamoDB, its streams and SQS: AWS's JSON protocols over HTTP, unsigned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from local.aws_defaults import ACCOUNT, PARTITION
from local.net.http_client import HttpClient
from local.stack import Queue, Table

TIMEOUT = 30  # seconds per request


class ServiceError(Exception):
    """An error response of DynamoDB or SQS; `code` as in AWS's reference."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ServicesClient:
    """Sends requests to the services at `url`, inside `async with`."""

    def __init__(self, url: str, *, region: str = "us-east-1") -> None:
        self.url = url
        self._region = region
        self._http = HttpClient(url, timeout=TIMEOUT)

    async def __aenter__(self) -> ServicesClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._http.close()

    async def dynamodb(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"DynamoDB_20120810.{action}", request)

    async def streams(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"DynamoDBStreams_20120810.{action}", request)

    async def sqs(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"AmazonSQS.{action}", request)

    async def stream(self, table: Table) -> ServiceStream:
        """Return the stream of a table that has one."""
        described = await self.dynamodb("DescribeTable", {"TableName": table.name})
        return ServiceStream(self, described["Table"]["LatestStreamArn"])

    def queue(self, queue: Queue) -> ServiceQueue:
        arn = f"arn:{PARTITION}:sqs:{self._region}:{ACCOUNT}:{queue.name}"
        return ServiceQueue(self, arn, self.queue_url(queue))

    def queue_url(self, queue: Queue) -> str:
        return f"{self.url}/{ACCOUNT}/{queue.name}"

    async def _call(self, target: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request. Raises ServiceError, also if nothing answers."""
        headers = (("X-Amz-Target", target), ("Content-Type", "application/x-amz-json-1.0"))
        try:
            answer = await self._http.post("/", headers, json.dumps(request).encode())
        except OSError as failure:
            raise ServiceError("ServiceUnavailable", f"{target}: {failure!r}") from failure
        reply: dict[str, Any] = json.loads(answer.body) if answer.body else {}
        if answer.status != 200:
            code = str(reply.get("__type", f"HTTP {answer.status}")).rpartition("#")[2]
            raise ServiceError(code, str(reply.get("message") or reply.get("Message") or reply))
        return reply


class ServiceStream:
    """A table's stream, as the Streams API has it."""

    def __init__(self, client: ServicesClient, arn: str) -> None:
        self.arn = arn
        self._client = client

    async def shards(self) -> list[str]:
        """Return the ids of the shards that can be read."""
        described = await self._client.streams("DescribeStream", {"StreamArn": self.arn})
        return [shard["ShardId"] for shard in described["StreamDescription"]["Shards"]]

    async def iterator(self, shard: str, *, position: str, after: str | None = None) -> str:
        """Return an iterator at TRIM_HORIZON or LATEST, or AT_/AFTER_SEQUENCE_NUMBER the number `after`."""
        request = {"StreamArn": self.arn, "ShardId": shard, "ShardIteratorType": position}
        if after is not None:
            request["SequenceNumber"] = after
        reply = await self._client.streams("GetShardIterator", request)
        return str(reply["ShardIterator"])

    async def records(self, iterator: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Return up to `limit` records and the next iterator: None at the end of a closed shard."""
        reply = await self._client.streams("GetRecords", {"ShardIterator": iterator, "Limit": limit})
        return reply["Records"], reply.get("NextShardIterator")


class ServiceQueue:
    """A queue, as SQS has it."""

    def __init__(self, client: ServicesClient, arn: str, url: str) -> None:
        self.arn = arn
        self._client = client
        self._url = url

    async def receive(self, limit: int, visibility: int | None) -> list[dict[str, Any]]:
        """Return up to `limit` (1 to 10) visible messages, with all their attributes.

        They are then hidden for `visibility` seconds. None: for as long as the queue says.
        """
        request = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": limit,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
            "WaitTimeSeconds": 0,  # overrides the queue's ReceiveMessageWaitTimeSeconds
        }
        if visibility is not None:
            request["VisibilityTimeout"] = visibility
        reply = await self._client.sqs("ReceiveMessage", request)
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        return messages

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete the messages of these receipt handles, 10 at most; a message received again since stays."""
        if receipts:
            entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(receipts)]
            await self._client.sqs("DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
