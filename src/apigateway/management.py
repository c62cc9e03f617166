"""API Gateway's management API through boto3: for single posts and for closing connections, both rare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from apigateway.outcomes import Delivered, Failed, Gone, Outcome, from_status

# All attempts together end within some ten seconds. boto3's own time-out of 60 seconds for one response is
# longer than API Gateway waits for a function.
CONNECT_TIMEOUT = 1.0  # seconds
READ_TIMEOUT = 2.0  # seconds
ATTEMPTS = 3


class ManagementClient:
    """Posts to one connection at a time, and closes connections."""

    def __init__(
        self,
        endpoint: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        """`endpoint` is `https://<host>[/<stage>]`. Time-outs are in seconds, per attempt."""
        config = Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )
        self._client: Any = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=config)

    def post(self, connection_id: str, frame: str) -> Outcome:
        """Post a frame, and return its outcome."""
        return _outcome_of(self._client.post_to_connection, ConnectionId=connection_id, Data=frame.encode())

    def close(self, connection_ids: Iterable[str]) -> dict[str, Outcome]:
        """Close connections, and return the outcomes of those that could not be closed."""
        failed: dict[str, Outcome] = {}
        for connection_id in connection_ids:
            outcome = _outcome_of(self._client.delete_connection, ConnectionId=connection_id)
            if not isinstance(outcome, Delivered | Gone):
                failed[connection_id] = outcome
        return failed


def _outcome_of(call: Callable[..., object], **arguments: object) -> Outcome:
    try:
        call(**arguments)
    except ClientError as error:
        return from_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
    except BotoCoreError as error:  # no response: not connected, reset or timed out
        return Failed(type(error).__name__)
    return Delivered()
