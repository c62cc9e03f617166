"""The DynamoDB client of all functions, and how it behaves when DynamoDB is slow."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

# boto3 would wait 60 s for an answer and API Gateway waits 29 for the function. DynamoDB answers in
# milliseconds: after two seconds another try is worth more. A repeated write is safe, since each is
# conditional, idempotent or (a room's head) decided by its ref.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=50,
)


def client() -> Any:
    """A thread-safe client that takes and returns Python's own types."""
    return boto3.resource("dynamodb", config=_CONFIG).meta.client
