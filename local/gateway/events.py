"""The events of a WebSocket API, field by field as API Gateway sends them to functions.

The forms are those of events recorded on AWS, tests/events/apiGatewayWebSocketApi*.json in
https://github.com/aws-powertools/powertools-lambda-python, and for the authorizer the developer guide's,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from local.aws_defaults import ACCOUNT, PARTITION
from local.net.http_server import Request

type Event = dict[str, Any]

# AWS's reasons for a close frame without one.
_DISCONNECT_REASONS = {
    1000: "Connection Closed Normally",  # https://github.com/boto/boto3/issues/3789
    1005: "Client-side close frame status not set",  # powertools' apiGatewayWebSocketApiDisconnect.json
}

# The authorizer gets these (example of the developer guide), the function of $connect does not (recorded).
_HOP_HEADERS = {"connection", "upgrade"}


def new_id() -> str:
    """Return an id in API Gateway's form for connections, messages and requests: `BFaT_fALIAMCKug=`."""
    return base64.urlsafe_b64encode(os.urandom(11)).decode()


@dataclass(slots=True)
class Client:
    """A connected client: the fields that all events of one connection have."""

    request: Request  # the handshake's
    api: str  # the API's id
    stage: str
    connection_id: str = field(default_factory=new_id)
    connected_at: float = field(default_factory=time.time)  # seconds since the epoch
    authorizer: dict[str, Any] | None = None  # from the authorizer's result
    trace: str = field(default_factory=lambda: f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()}")

    @property
    def source_ip(self) -> str:
        return self.request.client

    @property
    def user_agent(self) -> str | None:
        return self.request.header("user-agent")

    @property
    def host(self) -> str:
        return self.request.header("host") or ""


def authorizer_event(client: Client, region: str) -> Event:
    """Return the REQUEST authorizer's event."""
    headers = _forwarded_headers(client)
    query = _multi(parse_qsl(client.request.query, keep_blank_values=True))
    return {
        "type": "REQUEST",
        "methodArn": connect_arn(client.api, client.stage, region),
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query),
        "multiValueQueryStringParameters": query,
        "stageVariables": {},
        "requestContext": _context(client, "$connect", "CONNECT"),
    }


def connect_event(client: Client) -> Event:
    headers = {k: v for k, v in _forwarded_headers(client).items() if k.lower() not in _HOP_HEADERS}
    event: Event = {"headers": _last(headers), "multiValueHeaders": headers}
    query = _multi(parse_qsl(client.request.query, keep_blank_values=True))
    if query:  # without a query string, AWS leaves these keys out
        event["queryStringParameters"] = _last(query)
        event["multiValueQueryStringParameters"] = query
    event["requestContext"] = _context(client, "$connect", "CONNECT")
    event["isBase64Encoded"] = False
    return event


def message_event(client: Client, route_key: str, request_id: str, body: str) -> Event:
    """Return a message's event; it has no headers."""
    context = _context(client, route_key, "MESSAGE", request_id)
    context["messageId"] = new_id()
    return {"requestContext": context, "body": body, "isBase64Encoded": False}


def disconnect_event(client: Client, code: int, reason: str) -> Event:
    """Return the event of a closed socket. Code 1005: no code was sent, 1006: no close frame."""
    context = _context(client, "$disconnect", "DISCONNECT")
    context["disconnectStatusCode"] = code
    context["disconnectReason"] = reason or _DISCONNECT_REASONS.get(code, "")
    # Of the handshake's headers only the host, as recorded.
    headers = {"Host": client.host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": context,
        "isBase64Encoded": False,
    }


def connect_arn(api: str, stage: str, region: str) -> str:
    """Return the ARN that an authorizer's policy must allow."""
    return f"arn:{PARTITION}:execute-api:{region}:{ACCOUNT}:{api}/{stage}/$connect"


def _context(client: Client, route_key: str, event_type: str, request_id: str | None = None) -> Event:
    now = time.time()
    request_id = request_id or new_id()
    identity = {"sourceIp": client.source_ip}
    if client.user_agent is not None:
        identity["userAgent"] = client.user_agent
    context: Event = {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,  # the request id itself, in a WebSocket API
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "messageDirection": "IN",
        "stage": client.stage,
        "connectedAt": int(client.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": identity,
        "requestId": request_id,
        # On AWS, the API's own domain or the custom one that the client used. Functions build the URL of
        # @connections from it, so here it is the host and port that the client used.
        "domainName": client.host,
        "connectionId": client.connection_id,
        "apiId": client.api,
    }
    if client.authorizer is not None:
        context["authorizer"] = client.authorizer
    return context


def _forwarded_headers(client: Client) -> dict[str, list[str]]:
    """Return the handshake's headers as sent, and those that API Gateway adds."""
    headers = _multi(client.request.headers)
    for name in list(headers):
        if name.lower() in {"x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}:
            del headers[name]
    sent = [name for name in headers if name.lower() == "x-forwarded-for"]
    hops = [hop for name in sent for hop in headers.pop(name)]
    headers["X-Forwarded-For"] = [", ".join([*hops, client.source_ip])]
    headers["X-Forwarded-Port"] = [str(client.request.port)]
    headers["X-Forwarded-Proto"] = ["http"]  # always "https" on AWS
    headers["X-Amzn-Trace-Id"] = [client.trace]
    return headers


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(grouped: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in grouped.items()}
