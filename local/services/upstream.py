"""ministack, as the ports that forward to it use it."""

from __future__ import annotations

from local.net.http_client import HttpClient
from local.net.http_server import Request, Response

TIMEOUT = 300  # seconds per request; to wait for messages of a queue takes 20 at most
_HOP_HEADERS = {"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"}


class Upstream:
    """Sends requests on to `url`, and returns their responses."""

    def __init__(self, url: str) -> None:
        self._http = HttpClient(url, timeout=TIMEOUT)

    def stop(self) -> None:
        self._http.close()

    async def forward(self, request: Request) -> Response:
        headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_HEADERS]
        try:
            answer = await self._http.post(request.target, headers, request.body)
        except OSError as failure:
            return Response(503, f"DynamoDB and SQS do not answer: {failure!r}\n".encode())
        answer.headers = tuple((n, v) for n, v in answer.headers if n.lower() not in _HOP_HEADERS)
        return answer
