"""Stand-ins that tests can see through."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from boto3.dynamodb.types import TypeDeserializer
from botocore import xform_name
from botocore.exceptions import ClientError

from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from chat.delivery.slice_queue import SliceTask
from chat.identity.people import Person
from chat.protocol.messages import Entry
from chat.storage.connections import Closed, Member
from chat.storage.log import Settled, from_head
from chat.storage.member_reader import PAGE, Page
from chat.storage.signals import Signal, from_item, is_signal


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda tells a function about its invocation, as far as ours read it."""

    function_name: str = "Function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:Function"
    aws_request_id: str = "3f6c8b0d-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Clock:
    """A clock that stands still until a test moves it. Seconds since 1970."""

    def __init__(self, now: float = 1_795_500_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FakeGateway:
    """API Gateway as the posting code sees it: records frames and can be told who is gone or in trouble.

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

    def close(self, connection_id: str) -> Outcome:
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

    def frame(self, text: str) -> str:
        return text

    def post(self, frame: str, connection_id: str, done: Callable[[Outcome], None]) -> None:
        outcome = self.answer(connection_id, frame)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        asyncio.get_running_loop().call_later(self._latency, self._answered, done, outcome)

    def _answered(self, done: Callable[[Outcome], None], outcome: Outcome) -> None:
        self.under_way -= 1
        done(outcome)


class HttpServer:
    """A web server on this machine, in threads: what speaks to it may block, or have a loop of its own."""

    def __init__(self) -> None:
        serve, delete = self.serve, self.delete

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = (
                True  # headers and body are two writes: else the second waits for an ack
            )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = serve(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_DELETE(self) -> None:
                status, answer = delete(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError

    def delete(self, path: str) -> tuple[int, bytes]:
        raise NotImplementedError

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ManagementServer(HttpServer):
    """A FakeGateway behind HTTP: what the real clients speak to where a handler runs whole."""

    def __init__(self) -> None:
        self.gateway = FakeGateway()
        self.paths: list[str] = []
        super().__init__()
        self.endpoint = f"{self.url}/prod"

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        self.paths.append(path)
        return self._answer(self.gateway.answer(_connection(path), body.decode()))

    def delete(self, path: str) -> tuple[int, bytes]:
        self.paths.append(path)
        return self._answer(self.gateway.close(_connection(path)))

    def _answer(self, outcome: Outcome) -> tuple[int, bytes]:
        match outcome:
            case Delivered():
                return 200, b""
            case Gone():
                return 410, b'{"__type": "GoneException"}'
            case Throttled():
                return 429, b'{"__type": "LimitExceededException"}'
            case Failed():
                return 500, b'{"message": "Internal server error"}'


def _connection(path: str) -> str:
    return unquote(path.rpartition("/")[2])


class DynamoDBServer(HttpServer):
    """A DynamoDB client of this process behind HTTP: DynamoDB, for what speaks to it without boto3."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        super().__init__()

    def serve(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        operation = headers["X-Amz-Target"].rpartition(".")[2]
        self.calls.append(operation)
        method = getattr(self._client, xform_name(operation))
        try:
            answer = method(**json.loads(body))
        except ClientError as error:
            failure = {
                "__type": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
            }
            if "Item" in error.response:
                failure["Item"] = error.response["Item"]
            return 400, json.dumps(failure).encode()
        del answer["ResponseMetadata"]
        return 200, json.dumps(answer).encode()


class Killed(BaseException):
    """The process has died. No `except Exception` of ours may survive that, so it is no Exception."""


class MortalDynamoDB:
    """A DynamoDB client whose process dies right after one of its calls has been carried out.

    `calls` counts what was asked. One lock serves them one at a time, as DynamoDB serialises the writes of an
    item; moto does not.
    """

    def __init__(self, client: Any, dies_after: int | None = None) -> None:
        self._client = client
        self._dies_after = dies_after
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.asked: list[dict[str, Any]] = []  # the arguments of each call

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            with self._lock:
                self.calls.append(operation)
                self.asked.append(arguments)
                number = len(self.calls)
                try:
                    return getattr(self._client, operation)(**arguments)
                finally:  # a condition that does not hold is an answer too
                    if number == self._dies_after:
                        raise Killed

        return call


class Stream:
    """The messages table's stream, filtered to heads and signals as the mapping in template.yaml does it."""

    def __init__(self, dynamodb: Any, streams: Any, table: str) -> None:
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._streams = streams
        self._last: dict[str, Any] = {}  # each item's newest image
        self._iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def records(self) -> list[dict[str, Any]]:
        """What came since the last time, as the fan-out function is given it."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return [
            record
            for record in answer["Records"]
            if self._is_news(record) and self._passes(record["dynamodb"]["NewImage"])
        ]

    def _is_news(self, record: dict[str, Any]) -> bool:
        """moto records more than DynamoDB does: a write that changes nothing, and the bare keys of an item
        that an UpdateItem creates, before what it writes.
        """
        image, key = record["dynamodb"].get("NewImage"), str(record["dynamodb"]["Keys"])
        before, self._last[key] = self._last.get(key), image
        return image is not None and image != before and set(image) != {"pk", "sk"}

    def _passes(self, image: dict[str, Any]) -> bool:
        return bool(image["sk"]["S"] == "HEAD" or image["pk"]["S"].startswith("SIG#"))

    def _images(self) -> list[dict[str, Any]]:
        deserialize = TypeDeserializer().deserialize
        return [
            {name: deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}
            for record in self.records()
        ]

    def batch(self) -> dict[str, list[Entry]]:
        """The messages of the same, as runs by room."""
        runs: defaultdict[str, list[Entry]] = defaultdict(list)
        for image in self._images():
            if not is_signal(image) and (read := from_head(image)):
                runs[read[0]].append(read[1])
        return dict(runs)

    def signals(self) -> list[tuple[str, Signal]]:
        """The signals of the same, with their rooms."""
        return [read for image in self._images() if is_signal(image) and (read := from_item(image))]


class FakeConnections:
    """Remembers who was forgotten, and can fail at it. `rooms` are those that a connection is in besides."""

    def __init__(self) -> None:
        self.forgotten: list[tuple[str, str]] = []
        self.rooms: dict[str, set[str]] = {}
        self.trouble: Exception | None = None

    def forget(self, room: str, members: Sequence[Member]) -> list[Closed]:
        if self.trouble:
            raise self.trouble
        self.forgotten += [(room, member.connection_id) for member in members]
        return [
            Closed(
                Person(member.user, member.name),
                frozenset({room, *self.rooms.get(member.connection_id, ())}),
            )
            for member in members
        ]


class FakeSignals:
    """Remembers who was said to have moved, and which rooms to be crowded."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Person]] = []
        self.crowds: list[str] = []

    def moved(self, room: str, person: Person) -> None:
        self.told.append((room, person))

    def crowded(self, room: str) -> None:
        self.crowds.append(room)


class FakeSockets:
    """Remembers what was posted to sockets one by one, and which were closed."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.closed: list[str] = []

    def post(self, connection_id: str, frame: str) -> Outcome:
        self.posted.append((connection_id, frame))
        return Delivered()

    def close(self, connection_ids: Iterable[str]) -> None:
        self.closed += connection_ids


class FakeMembers:
    """Rooms as pages of members. A page takes `latency` seconds, and can be made to fail."""

    def __init__(self, rooms: Mapping[str, Sequence[Sequence[Member]]], *, latency: float = 0.0) -> None:
        self._rooms = rooms
        self._latency = latency
        self.on_page: Callable[[int], None] = lambda number: None

    async def page(self, room: str, *, limit: int = PAGE) -> Page:
        await self._read(0)
        first, *others = self._rooms[room]
        return Page(list(first), {"pk": {"S": room}, "sk": {"S": "ffff"}} if others else None)

    async def read(
        self, room: str, use: Callable[[list[Member]], Awaitable[None]], *, page: Page | None = None
    ) -> None:
        page = page or await self.page(room)
        await use(page.members)
        for number, members in enumerate(self._rooms[room][1:], start=1):
            await self._read(number)
            await use(list(members))

    async def _read(self, number: int) -> None:
        await asyncio.sleep(self._latency)
        self.on_page(number)


class FakeDoorbells:
    """Remembers the doorbells that were rung."""

    def __init__(self) -> None:
        self.rung: list[SliceTask] = []

    def enqueue(self, doorbells: Sequence[SliceTask]) -> None:
        self.rung += doorbells


class NoDaemon:
    """Where the segments of traces are lost."""

    def send(self, segment: Mapping[str, Any]) -> None:
        pass


class FakeLog:
    """A log in which nothing was ever sent twice. Remembers what it settled, and can fail for a room. `large`
    are rooms' slices.
    """

    def __init__(self) -> None:
        self.settled: list[str] = []
        self.troubles: dict[str, Exception] = {}
        self.large: dict[str, int] = {}

    def settle(self, room: str, run: Sequence[Entry]) -> Settled:
        if room in self.troubles:
            raise self.troubles[room]
        self.settled.append(room)
        return Settled(list(run), None)

    def slices(self, room: str) -> int | None:
        return self.large.get(room)
