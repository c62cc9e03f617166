"""The port at which programs outside the engine reach DynamoDB and SQS.

ministack answers every request: it checks neither Host nor Origin and lets every page read its responses. One
POST to its administration endpoint, which needs no preflight, empties every table. So it listens at an
address that is hard to find (ministack.py), and this port forwards only what an AWS client sends.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from local.net.access import AccessPolicy, forbidden, from_a_page
from local.net.http_server import HttpServer, Request, Response
from local.services.upstream import Upstream

# AWS's JSON protocols use the root or a queue's own URL; no other endpoint of ministack does.
_PATH = re.compile(r"/(?:\d{12}/[\w.-]+)?")


async def _ready() -> None:
    pass


class ServicesProxy:
    """Forwards requests of AWS's clients to ministack at `url`, each after `prepare`."""

    def __init__(
        self, url: str, access: AccessPolicy, prepare: Callable[[], Awaitable[None]] = _ready
    ) -> None:
        self._upstream = Upstream(url)
        self._access = access
        self._prepare = prepare
        self._server = HttpServer(self._handle)

    async def start(self, host: str, port: int) -> int:
        """Listen on host and port (0: any free one) and return the port. Raises OSError if it is taken."""
        return await self._server.start(host, port)

    async def stop(self) -> None:
        self._server.close()
        self._upstream.stop()

    async def _handle(self, request: Request) -> Response:
        if from_a_page(request):  # a page of an allowed origin too
            return forbidden("DynamoDB and SQS do not answer pages in a browser")
        if (rejection := self._access.check(request)) is not None:
            return rejection
        if (
            request.method != "POST"
            or request.header("x-amz-target") is None
            or not _PATH.fullmatch(request.target)
        ):
            return forbidden("this port takes only what AWS's clients send to DynamoDB and SQS")
        await self._prepare()
        return await self._upstream.forward(request)
