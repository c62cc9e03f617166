"""ministack, as the ports that forward to it use it."""

from __future__ import annotations

import aiohttp

from local.net.http_server import Request, Response

_HOP_HEADERS = {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"}


class Upstream:
    """Sends requests on to `url`, and returns their responses."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        self._session = aiohttp.ClientSession(
            self._url, connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
        )

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(self, request: Request) -> Response:
        assert self._session is not None, "not started"
        headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_HEADERS]
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
        forwarded = [(n, v) for n, v in answer.headers.items() if n.lower() not in _HOP_HEADERS]
        return Response(answer.status, body, tuple(forwarded))
