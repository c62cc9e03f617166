"""ministack's DynamoDB and SQS, called without ministack's routing.

ministack asks of each request whether it is for one of its ninety services. That was half of the CPU time of
a call to DynamoDB. These requests name their service, so nothing is left to find out.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import dynamodb, dynamodb_streams, sqs

from local.net.http_server import Request, Response
from local.services import shortcuts

log = logging.getLogger(__name__)

type Service = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[tuple[int, Any, Any]]]

_SERVICES: dict[str, Service] = {
    "DynamoDB_20120810": dynamodb.handle_request,
    "DynamoDBStreams_20120810": dynamodb_streams.handle_request,
    "AmazonSQS": sqs.handle_request,
}
_JSON = (("Content-Type", "application/x-amz-json-1.0"),)
# A signature's account and region:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
_SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/")
_ACCOUNT = re.compile(r"\d{12}")

shortcuts.install(dynamodb)


def service_of(request: Request) -> Service | None:
    """Return what answers a request for DynamoDB, its streams or SQS in AWS's JSON protocol, else None."""
    if request.method != "POST" or request.query or request.header("content-encoding"):
        return None
    return _SERVICES.get((request.header("x-amz-target") or "").partition(".")[0])


async def answer(service: Service, request: Request) -> Response:
    """Return the service's response. Tables and queues are those of the signature's account and region."""
    headers = {name.lower(): value for name, value in request.headers}
    scope = _SCOPE.match(headers.get("authorization", ""))
    account, region = scope.groups() if scope else ("", None)
    # Any other key would be one of STS for ministack, which would load STS to look for it.
    set_request_account_id(account if _ACCOUNT.fullmatch(account) else "")
    set_request_region(region)
    try:
        status, sent, body = await service(request.method, request.path, headers, request.body, {})
    except Exception as error:  # a bug of ministack, answered as its own server does
        log.exception("%s failed", headers["x-amz-target"])
        return Response(500, json.dumps({"__type": "InternalError", "message": str(error)}).encode(), _JSON)
    sent["x-amzn-RequestId"] = str(uuid.uuid4())
    return Response(status, body if isinstance(body, bytes) else body.encode(), tuple(sent.items()))
