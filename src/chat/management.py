"""One post to one socket through boto3: for refusals, which are rare."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chat.outcomes import Delivered, Failed, Outcome, of_status

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})


class ManagementApi:
    """API Gateway's management API. `endpoint` is `https://<host>/<stage>`."""

    def __init__(self, endpoint: str) -> None:
        self._client: Any = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=_CONFIG)

    def post(self, connection_id: str, frame: str) -> Outcome:
        """Tries three times within some ten seconds."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=frame.encode())
        except ClientError as error:
            return of_status(error.response["ResponseMetadata"]["HTTPStatusCode"])
        except BotoCoreError as error:  # no answer: refused, reset or timed out
            return Failed(type(error).__name__)
        return Delivered()
