"""DynamoDB, and the other services that the functions call, in the process of a test or a benchmark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.handlers import BUILTIN_HANDLERS

# On import ministack starts a thread that deletes expired items each minute, by the real clock.
with patch.object(threading.Thread, "start"):
    from ministack.services import dynamodb, dynamodb_streams, secretsmanager, sqs, ssm

# By the service's name in botocore's events.
_SERVICES = {
    "dynamodb": dynamodb,
    "dynamodb-streams": dynamodb_streams,
    "secrets-manager": secretsmanager,
    "sqs": sqs,
    "ssm": ssm,
}
# ministack expects one request at a time, as in its event loop; a test may send from several threads.
_LOCK = threading.RLock()


@contextmanager
def fake_account() -> Iterator[Any]:
    """Answer boto3's requests to AWS in this process, without HTTP.

    The value is a DynamoDB client that takes and returns Python's own types. At the end nothing is kept.
    Requests to an endpoint that is not AWS's own go there as ever.
    """
    before = boto3.DEFAULT_SESSION
    handler = ("before-send", _answer)
    BUILTIN_HANDLERS.append(handler)  # each session begins with these: Powertools makes its own
    boto3.setup_default_session()
    try:
        yield boto3.resource("dynamodb").meta.client
    finally:
        BUILTIN_HANDLERS.remove(handler)
        boto3.DEFAULT_SESSION = before
        for service in _SERVICES.values():
            service.reset()


def respond(service: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body that a service answers a request with."""
    lower = {name.lower(): value for name, value in headers.items()}
    with _LOCK:
        status, answered, content = _finish(_SERVICES[service].handle_request("POST", "/", lower, body, {}))
    return status, answered, content if isinstance(content, bytes) else content.encode()


def _answer(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
    if not (urlsplit(request.url).hostname or "").endswith(".amazonaws.com"):
        return None
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    body = request.body or b""
    status, answered, content = respond(
        event_name.split(".")[1], headers, body if isinstance(body, bytes) else body.encode()
    )
    return AWSResponse(request.url, status, answered, _Body(content))


def _finish(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing to its end, whether or not an event loop is running."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("ministack waits for something")


class _Body:
    """What botocore reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content
