"""DynamoDB, and the other services that the functions call, in the process of a test or a benchmark."""

from __future__ import annotations

import copy
import functools
import json
import marshal
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from botocore import useragent
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel
from botocore.parsers import create_parser

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
_DESCRIPTIONS: dict[Any, Any] = {}
_parser = functools.cache(create_parser)
# A member that botocore's parser would change is in these answers only if it is binary.
_ITEM_CALLS = {f"{verb}Item" for verb in ("Get", "Put", "Update", "Delete", "BatchGet", "BatchWrite")} | {
    *("Query", "Scan", "TransactWriteItems", "TransactGetItems")
}
_BINARY = re.compile(rb'"BS?": ?["\[]')


def _remember_pure_functions() -> None:
    """Let ministack read each expression once, and copy its plain data as such: a third of its time."""
    tokens = functools.cache(dynamodb._tokenize)
    dynamodb._tokenize = lambda expression: list(tokens(expression))
    dynamodb._condition_syntax_error = functools.cache(dynamodb._condition_syntax_error)
    dynamodb.copy = SimpleNamespace(copy=copy.copy, deepcopy=_deep_copy)


def _deep_copy(value: Any) -> Any:
    try:
        return marshal.loads(marshal.dumps(value))
    except ValueError:  # not only dictionaries, lists and plain values
        return copy.deepcopy(value)


_remember_pure_functions()


@contextmanager
def fake_account() -> Iterator[Any]:
    """Answer boto3's requests to AWS in this process, without HTTP.

    The value is a DynamoDB client that takes and returns Python's own types. At the end nothing is kept.
    Requests to an endpoint that is not AWS's own go there as ever.
    """
    before = boto3.DEFAULT_SESSION
    handler = ("before-call", _answer)
    BUILTIN_HANDLERS.append(handler)  # each session begins with these: Powertools makes its own
    try:
        # botocore would make the same header for each call: a twelfth of the call's time.
        no_header = patch.object(useragent.UserAgentString, "to_string", lambda _: "fake")
        with patch("botocore.session.create_loader", _loader), no_header:
            boto3.setup_default_session()
            yield boto3.resource("dynamodb").meta.client
    finally:
        BUILTIN_HANDLERS.remove(handler)
        boto3.DEFAULT_SESSION = before
        for service in _SERVICES.values():
            service.reset()


def _loader(*arguments: Any) -> Loader:
    """Make a session's loader, which shares what it reads: a service's description is parsed once."""
    loader = create_loader(*arguments)
    loader._cache = _DESCRIPTIONS
    return loader


def create_tables(definitions: Iterable[Mapping[str, Any]]) -> None:
    """Create tables without boto3, whose calls take several times as long."""
    headers = {"X-Amz-Target": "DynamoDB_20120810.CreateTable"}
    for definition in definitions:
        status, _, content = respond("dynamodb", headers, json.dumps(definition).encode())
        if status != 200:
            raise ValueError(content.decode())


def delete_tables() -> None:
    """Forget all tables, with their items and streams."""
    with _LOCK:
        dynamodb.reset()


def respond(service: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body that a service answers a request with."""
    lower = {name.lower(): value for name, value in headers.items()}
    with _LOCK:
        status, answered, content = _finish(_SERVICES[service].handle_request("POST", "/", lower, body, {}))
    return status, answered, content if isinstance(content, bytes) else content.encode()


def _answer(model: OperationModel, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, Any] | None:
    """Answer a call before botocore makes an HTTP request of it, which takes as long as the answer."""
    if not (urlsplit(params["url"]).hostname or "").endswith(".amazonaws.com"):
        return None
    service, body = model.service_model, params["body"]
    status, headers, content = respond(
        service.service_id.hyphenize(), params["headers"], body if isinstance(body, bytes) else body.encode()
    )
    response = AWSResponse(params["url"], status, headers, None)
    if status == 200 and model.name in _ITEM_CALLS and not _BINARY.search(content):
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0}
        return response, {**json.loads(content), "ResponseMetadata": metadata}
    answer = {"status_code": status, "headers": HeadersDict(headers), "body": content}
    parser = _parser(service.resolved_protocol)
    parsed = parser.parse(answer, model.output_shape)
    if status >= 300 and (error := service.shape_for_error_code(parsed["Error"].get("Code"))) is not None:
        parsed.update(parser.parse(answer, error))  # such as the reasons of a canceled transaction
    return response, parsed


def _finish(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing to its end, whether or not an event loop is running."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("ministack waits for something")
