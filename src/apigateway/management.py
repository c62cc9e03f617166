"""API Gateway's management API through boto3: for single posts and for closing, which are rare."""

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
    """API Gateway's management API. `endpoint` is `https://<host>/<stage>`."""

    def __init__(self, endpoint: str) -> None:
        self._client: Any = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=_CONFIG)

    def post(self, connection_id: str, frame: str) -> Outcome:
        """Tries three times within some ten seconds."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            return from_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
        except BotoCoreError as error:  # no answer: refused, reset or timed out
            return Failed(type(error).__name__)
        return Delivered()

    def close(self, connection_ids: Iterable[str]) -> None:
        """Closes sockets. One that is closed already is fine, and one that cannot be closed is let be."""
        for connection_id in connection_ids:
            try:
                self._client.delete_connection(ConnectionId=connection_id)
            except self._client.exceptions.GoneException:
                continue
            except (BotoCoreError, ClientError):
                logger.exception("could not close", connection=connection_id)
