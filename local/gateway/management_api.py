"""The @connections API, through which functions post to sockets.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
and botocore's model of apigatewaymanagementapi. Signatures are not checked here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from local.aws_defaults import Limits
from local.gateway.token_bucket import TokenBucket
from local.net.http_server import Request, Response
from local.timestamps import iso

_JSON = ("Content-Type", "application/json")


def _error(status: int, name: str, message: str) -> Response:
    # SDKs read the error's name from the header.
    return Response(status, f'{{"message": "{message}"}}'.encode(), (_JSON, ("x-amzn-ErrorType", name)))


FORBIDDEN = _error(403, "ForbiddenException", "Forbidden")
_GONE = _error(410, "GoneException", "GoneException")
_TOO_LARGE = _error(413, "PayloadTooLargeException", "Message too long")
_TOO_MANY = _error(429, "LimitExceededException", "Too Many Requests")
_POSTED = Response(200)
_DELETED = Response(204)


class OpenConnection(Protocol):
    """A connection that can be posted to."""

    @property
    def connected_at(self) -> float: ...  # seconds since the epoch, as is last_active_at
    @property
    def last_active_at(self) -> float: ...
    @property
    def source_ip(self) -> str: ...
    @property
    def user_agent(self) -> str | None: ...
    @property
    def unsent(self) -> int: ...  # bytes that the client has not taken yet
    def send(self, text: bytes) -> None: ...
    def close(self) -> None: ...


class ManagementApi:
    """Answers POST, GET and DELETE of `/{stage}/@connections/{id}`.

    A post is the hot path of every broadcast: it awaits nothing, and responds when the frame is written.
    """

    def __init__(
        self, find: Callable[[str], OpenConnection | None], limits: Limits, account: TokenBucket
    ) -> None:
        self._find = find
        self._limits = limits
        self._account = account

    def handle(self, request: Request, connection_id: str) -> Response:
        match request.method:
            case "POST" | "GET" | "DELETE":
                if not self._account.take():
                    return _TOO_MANY
            case _:
                return FORBIDDEN
        if len(request.body) > self._limits.message:
            return _TOO_LARGE
        connection = self._find(connection_id)
        if connection is None:
            return _GONE
        match request.method:
            case "POST":
                return self._post(connection, request.body)
            case "GET":
                return _describe(connection)
            case _:
                connection.close()
                return _DELETED

    def _post(self, connection: OpenConnection, body: bytes) -> Response:
        if connection.unsent > self._limits.client_buffer:
            return _TOO_MANY
        try:
            body.decode()
        except UnicodeDecodeError:
            # AWS does not document this case. A text frame that is not UTF-8 would fail the client's
            # connection.
            body = body.decode(errors="replace").encode()
        connection.send(body)
        return _POSTED


def _describe(connection: OpenConnection) -> Response:
    description = {
        "connectedAt": iso(connection.connected_at),
        "identity": {"sourceIp": connection.source_ip, "userAgent": connection.user_agent or ""},
        "lastActiveAt": iso(connection.last_active_at),
    }
    return Response(200, json.dumps(description).encode(), (_JSON,))
