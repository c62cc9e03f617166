"""API Gateway on this machine: one port for the web client, the API's stage and its @connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from local.aws_defaults import Limits
from local.gateway.connections import Connections
from local.gateway.management_api import FORBIDDEN, ManagementApi
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
    """Serves a WebSocket API, calling its functions through `invoke`, and the files of `web` and the pages of
    `traces`, if given. `callers` says whom it answers.

    `on_activity` is called when a client connects or sends, and when the function that this called has
    answered: a moment at which a stream may have something new. Raises ValueError for an API whose route
    selection expression it cannot evaluate.
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
        on_activity: Callable[[], None] = lambda: None,
    ) -> None:
        account = TokenBucket(limits.request_rate, limits.request_burst)
        self._stage = api.stage
        self._connections = Connections(api, invoke, limits, region, account, on_activity)
        self._management = ManagementApi(self._connections.open, limits, account)
        self._files = StaticFiles(web) if web else None
        self._traces = TracePages(traces) if traces is not None else None
        self._access = access
        self._server = HttpServer(self._handle, self._upgrade)

    async def start(self, host: str, port: int) -> int:
        """Listens on host and port (0: any free one); the bound port. OSError when it is in use."""
        return await self._server.start(host, port)

    async def stop(self, grace: float = 5.0) -> None:
        """Closes every socket with 1001 and delivers its $disconnect, for `grace` seconds at most."""
        self._server.stop_listening()
        # Functions that are at work may post until the last has answered.
        await self._connections.stop(grace)
        self._server.close()

    def _upgrade(self, request: Request, transport: asyncio.Transport, early: bytes) -> WebSocket:
        refusal = self._access.check(request)
        if refusal is not None:
            # A page's script sees neither status nor body of a refused handshake: its developer looks here.
            log.warning("a socket was %s", refusal.body.decode().strip())
        return self._connections.upgrade(request, transport, early, refusal)

    def _handle(self, request: Request) -> Response:
        if (refusal := self._access.check(request)) is not None:
            return refusal
        segments = request.path.split("/")
        if segments[1:2] == [self._stage]:
            # SDKs escape the id's "=", and some the "@" as well.
            if len(segments) == 4 and segments[3] and unquote(segments[2]) == "@connections":
                return self._management.handle(request, unquote(segments[3]))
            return FORBIDDEN
        if self._traces and request.path.startswith(PREFIX):
            return self._traces.get(request) or FORBIDDEN
        if self._files and request.method in ("GET", "HEAD"):
            return self._files.get(request.path) or FORBIDDEN
        return FORBIDDEN
