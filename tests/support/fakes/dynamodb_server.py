"""DynamoDB over HTTP."""

from __future__ import annotations

import json
from email.message import Message
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from tests.support.fakes.http_server import HttpServer


class DynamoDBServer(HttpServer):
    """A DynamoDB client behind HTTP, for code that calls DynamoDB without boto3."""

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
