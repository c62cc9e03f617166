"""Posts frames to sockets through API Gateway's management API."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MAX_IN_FLIGHT = 50  # posts at once; each thread holds one of as many keep-alive connections
# Seconds before each further try of one frame, at most: full jitter takes any part of them.
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6)
# boto3 retries on its own, holding its thread for up to 12 s on one throttled connection: we count for
# ourselves.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"total_max_attempts": 1},
    max_pool_connections=MAX_IN_FLIGHT,
    parameter_validation=False,
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """API Gateway has taken the frame."""


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the socket is closed, or not open yet."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: the account posts too fast, or this client reads too slowly."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else, from a 5xx to a time-out."""

    reason: str


type Outcome = Delivered | Gone | Throttled | Failed


class Gateway(Protocol):
    """Where frames go; a post's outcome is a value, for thousands of them come at once."""

    def post(self, connection_id: str, frame: str) -> Outcome: ...


class ManagementApi:
    """API Gateway itself; thread-safe. `endpoint` is `https://<host>/<stage>`."""

    def __init__(self, endpoint: str) -> None:
        self._client: Any = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=_CONFIG)

    def post(self, connection_id: str, frame: str) -> Outcome:
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 410:
                return Gone()
            return Throttled() if status == 429 else Failed(f"status {status}")
        except BotoCoreError as error:  # no answer: refused, reset or timed out
            return Failed(type(error).__name__)
        return Delivered()


class Poster:
    """Posts with patience: what may pass is tried again, within bounds."""

    def __init__(self, gateway: Gateway, sleep: Callable[[float], None] = time.sleep) -> None:
        self._gateway = gateway
        self._sleep = sleep

    def post(self, connection_id: str, frames: Sequence[str]) -> Outcome:
        """Posts frames to one connection in order, until one of them does not arrive.

        A throttled or failed post is repeated with full jitter (AWS Architecture Blog, "Exponential Backoff
        And Jitter"); then the connection is shed: it sees the hole in seq and asks for the history.
        """
        outcome: Outcome = Delivered()
        for frame in frames:
            outcome = self._post_one(connection_id, frame)
            if not isinstance(outcome, Delivered):
                break
        return outcome

    def _post_one(self, connection_id: str, frame: str) -> Outcome:
        outcome = self._gateway.post(connection_id, frame)
        for wait in _WAITS:
            if isinstance(outcome, Delivered | Gone):
                break
            self._sleep(random.uniform(0, wait))
            outcome = self._gateway.post(connection_id, frame)
        return outcome
