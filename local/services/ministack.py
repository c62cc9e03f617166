"""The AWS services that functions use, on this machine: ministack, and a client of their JSON protocols."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from local.errors import LocalError
from local.net.ports import free_port, hidden_address
from local.services.scratch import Scratch
from local.stack import Queue, Stack, Table
from local.template.intrinsics import ACCOUNT, PARTITION

CHILD = Path(__file__).parents[1] / "child.py"
READY = 15.0  # seconds that it may take to answer; it takes 0.2
GRACE = 5.0  # seconds to save what it holds
_ATTEMPTS = 3  # a free port may be taken by another before ministack binds it


class ServiceError(Exception):
    """An answer of DynamoDB or SQS that is an error; `code` as in AWS's reference."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class LocalServices:
    """One ministack process. With `data`, what it holds is kept in that folder.

    `url` is where it listens: at an address that is hard to find, because it answers whoever asks. Only what
    this engine has started is told of it.

    It keeps regions apart by the region in a request's signature, and accounts by the access key, if that
    is twelve digits: all other keys see the same tables.
    """

    def __init__(self, *, region: str = "us-east-1", data: Path | None = None) -> None:
        self.address, self.port = hidden_address(), 0
        self._region = region
        self._data = data
        self._scratch: Scratch | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Returns when it answers. Raises LocalError if it does not come up, with the end of its log."""
        if self._data is not None:
            try:
                self._data.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LocalError(f"{self._data}: {error.strerror}") from error
        self._scratch = Scratch()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            self.port = (self._kept_port() if attempt == 1 else None) or free_port(self.address)
            await self._launch()
            if await self._ready():
                break
            if attempt == _ATTEMPTS:
                raise LocalError(f"ministack did not start on port {self.port}: {self._end_of_log()}")
        if self._data is not None:
            (self._data / "port").write_text(f"{self.port}\n")
        self._session = aiohttp.ClientSession(
            self.url,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=30),
            auto_decompress=False,
        )

    def _kept_port(self) -> int | None:
        """The port that what is kept was made at: ministack knows its queues by URLs with that port."""
        try:
            port = int((self._data / "port").read_text()) if self._data is not None else 0
        except (OSError, ValueError):
            return None
        return port if 0 < port < 65536 else None

    async def _launch(self) -> None:
        assert self._scratch is not None
        with open(self._scratch.path / "log", "wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(CHILD),
                "ministack",
                cwd=self._scratch.path,
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        assert self._scratch is not None
        folder = self._scratch.path
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": self.address,
            "IOT_MTLS_ENABLED": "0",  # it would open port 8883
            "SERVICES": "dynamodb,dynamodbstreams,secretsmanager,sqs,ssm",
            "LOG_LEVEL": "WARNING",
            "DOCKER_HOST": f"unix://{folder}/none",  # it would look for containers of its own to end
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self._region,
            "TMPDIR": str(folder),  # it leaves folders behind
            "PERSIST_STATE": "1" if self._data else "0",
            "STATE_DIR": str((self._data or folder / "state").resolve()),
        }

    async def _ready(self) -> bool:
        """Waits for it to answer; False if it ends instead, or takes too long."""
        assert self._process is not None
        exited = asyncio.ensure_future(self._process.wait())
        deadline = asyncio.get_running_loop().time() + READY
        try:
            async with aiohttp.ClientSession(self.url) as session:
                while not exited.done() and asyncio.get_running_loop().time() < deadline:
                    with contextlib.suppress(aiohttp.ClientError, OSError):
                        async with session.get("/_ministack/health") as answer:
                            # Whoever else listens there would have made ministack end.
                            if answer.status == 200 and not exited.done():
                                return True
                    await asyncio.wait([exited], timeout=0.02)
        finally:
            exited.cancel()
        return False

    async def ended(self) -> None:
        """Waits for it to end by itself, which it should not; then raises LocalError."""
        assert self._process is not None
        status = await self._process.wait()
        raise LocalError(f"ministack has ended (status {status}): {self._end_of_log()}")

    def _end_of_log(self) -> str:
        assert self._scratch is not None
        return " / ".join((self._scratch.path / "log").read_text(errors="replace").strip().splitlines()[-3:])

    async def stop(self) -> None:
        """Ends it, saving what it holds if that is to be kept, and removes its temporary folder."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), GRACE)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    async def __aenter__(self) -> LocalServices:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def dynamodb(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"DynamoDB_20120810.{action}", request)

    async def streams(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"DynamoDBStreams_20120810.{action}", request)

    async def sqs(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        return await self._call(f"AmazonSQS.{action}", request)

    async def stream(self, table: Table) -> ServiceStream:
        """The stream of a table that has one."""
        described = await self.dynamodb("DescribeTable", {"TableName": table.name})
        return ServiceStream(self, described["Table"]["LatestStreamArn"])

    def queue(self, queue: Queue) -> ServiceQueue:
        arn = f"arn:{PARTITION}:sqs:{self._region}:{ACCOUNT}:{queue.name}"
        return ServiceQueue(self, arn, self.queue_url(queue))

    def queue_url(self, queue: Queue) -> str:
        return f"{self.url}/{ACCOUNT}/{queue.name}"

    async def create(self, stack: Stack) -> None:
        """Makes the stack's tables and queues; those that are there already, from a kept folder, stay."""
        for table in stack.tables.values():
            await self._create_table(table)
        for queue in stack.queues.values():
            kind = {"FifoQueue": "true"} if queue.fifo else {}
            await self.sqs("CreateQueue", {"QueueName": queue.name, "Attributes": kind})
        # Only now, because a redrive policy is refused whose dead-letter queue is not there yet, and
        # CreateQueue refuses a kept queue whose attributes the template has changed since.
        for queue in stack.queues.values():
            changeable = {name: value for name, value in queue.attributes.items() if name != "FifoQueue"}
            if changeable:
                request = {"QueueUrl": self.queue_url(queue), "Attributes": changeable}
                await self.sqs("SetQueueAttributes", request)

    async def _create_table(self, table: Table) -> None:
        try:
            await self.dynamodb("CreateTable", table.definition)
        except ServiceError as error:
            if error.code != "ResourceInUseException":
                raise
        else:
            if table.ttl is not None:
                ttl = {"Enabled": True, "AttributeName": table.ttl}
                await self.dynamodb(
                    "UpdateTimeToLive", {"TableName": table.name, "TimeToLiveSpecification": ttl}
                )

    async def _call(self, target: str, request: dict[str, Any]) -> dict[str, Any]:
        """One request of AWS's JSON protocol. Raises ServiceError, also when nobody answers."""
        assert self._session is not None, "not started"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        try:
            async with self._session.post("/", data=json.dumps(request), headers=headers) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise ServiceError("ServiceUnavailable", f"{target}: {failure!r}") from failure
        reply: dict[str, Any] = json.loads(body) if body else {}
        if answer.status != 200:
            code = str(reply.get("__type", f"HTTP {answer.status}")).rpartition("#")[2]
            raise ServiceError(code, str(reply.get("message") or reply.get("Message") or reply))
        return reply


class ServiceStream:
    """A table's stream, as the Streams API has it."""

    def __init__(self, services: LocalServices, arn: str) -> None:
        self.arn = arn
        self._services = services

    async def shards(self) -> list[str]:
        """The ids of the shards that can be read."""
        described = await self._services.streams("DescribeStream", {"StreamArn": self.arn})
        return [shard["ShardId"] for shard in described["StreamDescription"]["Shards"]]

    async def iterator(self, shard: str, *, position: str, after: str | None = None) -> str:
        """An iterator at TRIM_HORIZON or LATEST, or AT_/AFTER_SEQUENCE_NUMBER the number `after`."""
        request = {"StreamArn": self.arn, "ShardId": shard, "ShardIteratorType": position}
        if after is not None:
            request["SequenceNumber"] = after
        reply = await self._services.streams("GetShardIterator", request)
        return str(reply["ShardIterator"])

    async def records(self, iterator: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """At most that many records, and the next iterator: None at the end of a closed shard."""
        reply = await self._services.streams("GetRecords", {"ShardIterator": iterator, "Limit": limit})
        return reply["Records"], reply.get("NextShardIterator")


class ServiceQueue:
    """A queue, as SQS has it."""

    def __init__(self, services: LocalServices, arn: str, url: str) -> None:
        self.arn = arn
        self._services = services
        self._url = url

    async def receive(self, limit: int, visibility: int | None) -> list[dict[str, Any]]:
        """At most that many (1 to 10) of the messages that can be had now, with all their attributes.

        `visibility` is for how many seconds they are then hidden, where it is not as long as the queue says.
        """
        request = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": limit,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
            "WaitTimeSeconds": 0,  # not what the queue's ReceiveMessageWaitTimeSeconds says
        }
        if visibility is not None:
            request["VisibilityTimeout"] = visibility
        reply = await self._services.sqs("ReceiveMessage", request)
        messages: list[dict[str, Any]] = reply.get("Messages", [])
        return messages

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete the messages, at most 10, of these receipt handles; one received again since then stays."""
        if receipts:
            entries = [{"Id": str(index), "ReceiptHandle": each} for index, each in enumerate(receipts)]
            await self._services.sqs("DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
