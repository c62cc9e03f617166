"""The contents of template.yaml as plain values, which the rest of the engine works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.aws_defaults import QUEUE_VISIBILITY


@dataclass(frozen=True, slots=True)
class Function:
    """An AWS::Lambda::Function, named by its logical id."""

    name: str
    handler: str
    code: Path
    timeout: float  # seconds
    memory: int  # MB
    environment: dict[str, str]
    traced: bool
    may_recur: bool = False  # RecursiveLoop: Allow


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the WebSocket API; a two-way route sends its function's body to the client."""

    key: str
    function: str
    two_way: bool
    timeout: float  # seconds of the integration


@dataclass(frozen=True, slots=True)
class Api:
    """An AWS::ApiGatewayV2::Api of protocol WEBSOCKET with its one stage."""

    name: str
    stage: str
    selection: str  # the route selection expression
    routes: dict[str, Route]
    authorizer: str | None  # the function of $connect's REQUEST authorizer
    throttle_rate: float | None  # requests per second to each of the stage's routes
    throttle_burst: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table: its CreateTable request, and its time-to-live attribute."""

    name: str
    definition: dict[str, Any]
    ttl: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue and its attributes, as CreateQueue takes them."""

    name: str
    attributes: dict[str, str]

    @property
    def fifo(self) -> bool:
        return self.attributes.get("FifoQueue") == "true"

    @property
    def visibility(self) -> int:
        """Seconds for which a received message is hidden."""
        return int(self.attributes.get("VisibilityTimeout", QUEUE_VISIBILITY))


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """An event source mapping from a table's stream to a function; -1 means no limit, as on AWS."""

    name: str
    table: str
    function: str
    starting_position: str
    batch_size: int
    window: float  # seconds
    parallelization: int
    bisect: bool
    retries: int
    max_age: float  # seconds
    partial_failures: bool
    on_failure: str | None  # a queue
    filters: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """An event source mapping from a queue to a function."""

    name: str
    queue: str
    function: str
    fifo: bool
    batch_size: int
    window: float  # seconds
    concurrency: int | None  # maximum of calls at once
    visibility: int | None  # seconds that messages are hidden. None: as the queue says
    partial_failures: bool
    filters: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """The whole template, resolved for this machine."""

    functions: dict[str, Function]
    api: Api
    tables: dict[str, Table]
    queues: dict[str, Queue]
    stream_mappings: tuple[StreamMapping, ...]
    queue_mappings: tuple[QueueMapping, ...]
    unknown: tuple[str, ...] = field(default=())  # one warning line per thing that is not run here
