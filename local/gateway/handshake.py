"""The functions that decide about a handshake: the authorizer and $connect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from local.aws_defaults import Limits
from local.gateway.calls import Calls
from local.gateway.events import Client, authorizer_event, connect_arn, connect_event
from local.gateway.function_results import Accepted, Authorized, Rejected, read_authorizer, read_connect
from local.net.http_server import Response
from local.stack import Api

_MESSAGES = {500: "Internal server error", 502: "Internal server error", 504: "Endpoint request timed out"}


class Handshake:
    """Asks the API's authorizer, then $connect."""

    def __init__(self, api: Api, calls: Calls, limits: Limits, region: str) -> None:
        self._api = api
        self._calls = calls
        self._limits = limits
        self._region = region

    async def run(self, client: Client, has_left: Callable[[], bool]) -> Accepted | Rejected:
        if self._api.authorizer is not None:
            rejected = await self._authorize(self._api.authorizer, client)
            if rejected is not None:
                return rejected
        if has_left():
            return Rejected(400)  # unread: $connect is not called for a client that is gone
        route = self._api.routes.get("$connect")
        if route is None:
            return Accepted(None)
        result = await self._calls.call(route.function, connect_event(client), route.timeout)
        if result is None:
            return Rejected(504)  # INTEGRATION_TIMEOUT of supported-gateway-response-types.html
        return read_connect(result)

    async def _authorize(self, function: str, client: Client) -> Rejected | None:
        """Call the authorizer and keep its context for later events. None if it allows the client."""
        clock = asyncio.get_running_loop().time
        began = clock()
        event = authorizer_event(client, self._region)
        result = await self._calls.call(function, event, self._limits.integration_timeout)
        if result is None:
            return Rejected(500)  # AUTHORIZER_FAILURE of supported-gateway-response-types.html
        match read_authorizer(result, connect_arn(client.api, client.stage, self._region)):
            case Rejected() as rejected:
                return rejected
            case Authorized(principal, context):
                latency = int((clock() - began) * 1000)
                client.authorizer = {**context, "principalId": principal, "integrationLatency": latency}
        return None


def rejection(status: int) -> Response:
    """Return the response to a rejected handshake; the body of $connect never reaches the client."""
    try:
        message = _MESSAGES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        message = ""
    return Response(status, f'{{"message": "{message}"}}'.encode(), (("Content-Type", "application/json"),))
