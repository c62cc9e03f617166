"""API Gateway on this machine: one port for the web client, the API's stage and its @connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from local.aws_defaults import Limits
from local.gateway.connections import Connections
from local.gateway.management_api import FORBIDDEN, ManagementApi, OpenConnection
from local.gateway.static_files import StaticFiles
from local.gateway.token_bucket import TokenBucket
from local.gateway.websocket import WebSocket
from local.invocation import Invoke
from local.net.access import AccessPolicy
from local.net.http_server import HttpServer, Request, Response
from local.stack import Api
from local.traces.pages import PREFIX, TracePages
from local.traces.store import TraceStore

log = logging.getLogger(__name__)


class Gateway:
    """Serves a WebSocket API through `invoke`, the files of `web` and the pages of `traces`, if given.

    `samples` are connections without a client, by id, which are open from the first moment. A post to a
    connection takes `post_latency` seconds.

    Raises ValueError if it cannot evaluate the API's route selection expression.
    """

    def __init__(
        self,
        api: Api,
        invoke: Invoke,
        *,
        web: Path | None,
        traces: TraceStore | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen, so that it can be shared
        region: str = "us-east-1",
        access: AccessPolicy = AccessPolicy(),  # noqa: B008 - never changes
        samples: Mapping[str, OpenConnection] = MappingProxyType({}),
        post_latency: float = 0.0,
    ) -> None:
        account = TokenBucket(limits.request_rate, limits.request_burst)
        self._stage = api.stage
        self._connections = Connections(api, invoke, limits, region, account)
        self._management = ManagementApi(self._find, limits, account)
        self._samples = samples
        self._post_latency = post_latency
        self._files = StaticFiles(web) if web else None
        self._traces = TracePages(traces) if traces is not None else None
        self._access = access
        self._server = HttpServer(self._handle, self._upgrade)

    async def start(self, host: str, port: int) -> int:
        """Listen on host and port (0: any free one) and return the port. Raises OSError if it is taken."""
        return await self._server.start(host, port)

    async def stop(self, timeout: float = 5.0) -> None:
        """Close every socket with 1001 and call its $disconnect, for `timeout` seconds at most."""
        self._server.stop_listening()
        # Running functions may post until the last one has returned.
        await self._connections.stop(timeout)
        self._server.close()

    def _find(self, connection_id: str) -> OpenConnection | None:
        return self._connections.open.get(connection_id) or self._samples.get(connection_id)

    def _upgrade(self, request: Request, transport: asyncio.Transport, early: bytes) -> WebSocket:
        rejected = self._access.check(request)
        if rejected is not None:
            # A page's script sees neither status nor body of a rejected handshake: its developer needs the
            # log.
            log.warning("rejected a handshake: %s", rejected.body.decode().strip())
        return self._connections.upgrade(request, transport, early, rejected)

    def _handle(self, request: Request) -> Response | Awaitable[Response]:
        if (rejected := self._access.check(request)) is not None:
            return rejected
        segments = request.path.split("/")
        if segments[1:2] == [self._stage]:
            # SDKs escape the id's "="; some escape the "@" too.
            if len(segments) == 4 and segments[3] and unquote(segments[2]) == "@connections":
                return self._manage(request, unquote(segments[3]))
            return FORBIDDEN
        if self._traces and request.path.startswith(PREFIX):
            return self._traces.get(request) or FORBIDDEN
        if self._files and request.method in ("GET", "HEAD"):
            return self._files.get(request) or FORBIDDEN
        return FORBIDDEN

    def _manage(self, request: Request, connection_id: str) -> Response | Awaitable[Response]:
        if self._post_latency and request.method == "POST":
            return self._post_later(request, connection_id)
        return self._management.handle(request, connection_id)

    async def _post_later(self, request: Request, connection_id: str) -> Response:
        await asyncio.sleep(self._post_latency)
        return self._management.handle(request, connection_id)
