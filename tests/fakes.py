"""Stand-ins that tests can see through."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from boto3.dynamodb.types import TypeDeserializer

from chat.connections import Member
from chat.log import from_head
from chat.messages import Entry
from chat.posting import Delivered, Failed, Gone, Outcome, Throttled


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda tells a function about its invocation, as far as ours read it."""

    function_name: str = "Function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:Function"
    aws_request_id: str = "3f6c8b0d-0000-4000-8000-000000000000"


class FakeGateway:
    """API Gateway as the posting code sees it: records frames and can be told who is gone or in trouble."""

    def __init__(self) -> None:
        self.frames: defaultdict[str, list[str]] = defaultdict(list)
        self.posts: list[str] = []  # the connection of every post, answered or not
        self.gone: set[str] = set()
        self.troubles: defaultdict[str, list[Outcome]] = defaultdict(list)  # taken first, in this order
        self.on_post: Callable[[str], None] = lambda connection_id: None
        self._lock = threading.Lock()

    def post(self, connection_id: str, frame: str) -> Outcome:
        self.on_post(connection_id)
        with self._lock:
            self.posts.append(connection_id)
            if connection_id in self.gone:
                return Gone()
            if self.troubles[connection_id]:
                return self.troubles[connection_id].pop(0)
            self.frames[connection_id].append(frame)
        return Delivered()


class ManagementServer:
    """A FakeGateway behind HTTP: what the real client speaks to where a handler runs whole."""

    def __init__(self) -> None:
        self.gateway = gateway = FakeGateway()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                connection_id = unquote(self.path.rpartition("/")[2])
                frame = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = {Delivered: 200, Gone: 410, Throttled: 429, Failed: 500}[
                    type(gateway.post(connection_id, frame))
                ]
                body = b"" if status == 200 else json.dumps({"message": "no"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True
        )
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/prod"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


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
    """The messages table's stream, filtered to the heads of rooms as the mapping in template.yaml does it."""

    def __init__(self, dynamodb: Any, streams: Any, table: str) -> None:
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._streams = streams
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
            if record["eventName"] in ("INSERT", "MODIFY")
            and record["dynamodb"]["Keys"]["sk"]["S"] == "HEAD"
            # For an UpdateItem that creates an item moto records the bare keys first; DynamoDB does not.
            and "seq" in record["dynamodb"]["NewImage"]
        ]

    def batch(self) -> dict[str, list[Entry]]:
        """The same as runs, by room."""
        deserialize = TypeDeserializer().deserialize
        runs: defaultdict[str, list[Entry]] = defaultdict(list)
        for record in self.records():
            image = record["dynamodb"]["NewImage"]
            room, entry = from_head({name: deserialize(value) for name, value in image.items()})
            runs[room].append(entry)
        return dict(runs)


class LazyExecutor(Executor):
    """Does a piece of work when its result is asked for, so that a test sees what is outstanding."""

    def __init__(self) -> None:
        self.outstanding = 0
        self.most = 0

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.outstanding += 1
        self.most = max(self.most, self.outstanding)
        return _Lazy(lambda: work(*args, **kwargs), self)


class _Lazy(Future[Any]):
    def __init__(self, work: Callable[[], Any], executor: LazyExecutor) -> None:
        super().__init__()
        self._work = work
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.set_result(self._work())
            self._executor.outstanding -= 1
        return super().result(timeout)


class FakeConnections:
    """Rooms as pages of members. Remembers who was pruned, and can fail at it."""

    def __init__(self, rooms: Mapping[str, Sequence[Sequence[Member]]]) -> None:
        self._rooms = rooms
        self.on_page: Callable[[int], None] = lambda number: None
        self.left: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self.trouble: Exception | None = None  # raised by every write

    def members(self, room: str) -> Iterator[Sequence[Member]]:
        for number, page in enumerate(self._rooms[room]):
            self.on_page(number)
            yield page

    def leave(self, room: str, connection_id: str) -> None:
        if self.trouble:
            raise self.trouble
        self.left.append((room, connection_id))

    def close(self, connection_id: str) -> None:
        if self.trouble:
            raise self.trouble
        self.closed.append(connection_id)


class FakeLog:
    """A log in which nothing was ever sent twice. Remembers what it settled, and can fail for a room."""

    def __init__(self) -> None:
        self.settled: list[str] = []
        self.troubles: dict[str, Exception] = {}

    def settle(self, room: str, run: Sequence[Entry]) -> list[Entry]:
        if room in self.troubles:
            raise self.troubles[room]
        self.settled.append(room)
        return list(run)
