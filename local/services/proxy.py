"""The port at which DynamoDB and SQS are reached from outside the engine.

ministack answers whoever asks: it checks neither Host nor Origin, lets every page read its answers, and one
POST to its own administration endpoint, which needs no preflight, empties every table. So it listens where
nobody looks (services.py), and this port passes on only what an AWS client sends.
"""

from __future__ import annotations

import re

import aiohttp

from local.net.access import Callers, from_a_page, refused
from local.net.http_server import HttpServer, Request, Response

# Where AWS's JSON protocols are spoken: the root, or a queue's own URL. Nothing else of ministack's is.
_PATH = re.compile(r"/(?:\d{12}/[\w.-]+)?")
_HOP = {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"}


class ServicesFront:
    def __init__(self, url: str, callers: Callers) -> None:
        """`url` is where ministack listens."""
        self._url = url
        self._callers = callers
        self._server = HttpServer(self._handle)
        self._session: aiohttp.ClientSession | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens on host and port (0: any free one); the bound port. OSError when it is in use."""
        self._session = aiohttp.ClientSession(
            self._url, connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        )
        return await self._server.start(host, port)

    async def stop(self) -> None:
        self._server.close()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: Request) -> Response:
        if from_a_page(request):  # an allowed one, too
            return refused("DynamoDB and SQS are not for pages in a browser")
        if (refusal := self._callers.refusal(request)) is not None:
            return refusal
        if (
            request.method != "POST"
            or request.header("x-amz-target") is None
            or not _PATH.fullmatch(request.target)
        ):
            return refused("this port takes only what AWS's clients send to DynamoDB and SQS")
        return await self._pass_on(request)

    async def _pass_on(self, request: Request) -> Response:
        assert self._session is not None, "not started"
        headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP]
        try:
            async with self._session.post(
                request.target,
                data=request.body,
                headers=headers,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as failure:
            return Response(503, f"DynamoDB and SQS do not answer: {failure!r}\n".encode())
        back = [(n, v) for n, v in answer.headers.items() if n.lower() not in _HOP]
        return Response(answer.status, body, tuple(back))
