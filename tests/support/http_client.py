"""A client of a test's web host."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from apigateway.connection import Response
from apigateway.http import Pool
from tests.support.web_host import Host


def request(body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


class Client:
    """A pool, and a way to wait for responses."""

    def __init__(self, host: Host, limit: int, timeout: float, context: ssl.SSLContext | None) -> None:
        self.pool = Pool(host.url, limit=limit, timeout=timeout, context=context)

    async def post(self, body: bytes = b"") -> Response:
        return await self.pool.request(request(body))


type Connect = Callable[..., Client]
