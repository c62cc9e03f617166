"""API Gateway's management API through boto3: for single posts and for closing connections, both rare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from apigateway.outcomes import Delivered, Failed, Outcome, from_status

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})


logger = Logger(child=True)


class ManagementClient:
    """Posts to one connection at a time, and closes connections."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is `https://<host>[/<stage>]`."""
        self._client: Any = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=_CONFIG)

    def post(self, connection_id: str, frame: str) -> Outcome:
        """Post a frame; try three times, within some ten seconds."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            return from_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
        except BotoCoreError as error:  # no answer: not connected, reset or timed out
            return Failed(type(error).__name__)
        return Delivered()

    def close(self, connection_ids: Iterable[str]) -> None:
        """Close connections. Ignore those that are closed already, and log those that cannot be closed."""
        for connection_id in connection_ids:
            try:
                self._client.delete_connection(ConnectionId=connection_id)
            except self._client.exceptions.GoneException:
                continue
            except (BotoCoreError, ClientError):
                logger.exception("could not close", connection=connection_id)
