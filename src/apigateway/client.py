"""The management API of API Gateway, for thousands of posts of a few frames."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypedDict
from urllib.parse import urlsplit

from apigateway.connection import Response
from apigateway.http import Pool
from apigateway.outcomes import Delivered, Failed, Outcome, from_status
from apigateway.response_times import Sample
from apigateway.sigv4 import Credentials, PostTemplate, Signer, SigningTime

# One request at a time on each: 10,000 posts per second with answers after 15 ms keep 150 busy.
MAX_CONNECTIONS = 256
# Seconds for one answer. API Gateway's take some 15 ms, and AWS names no bound: `take_response_times` shows
# yours. To wait too briefly posts frames twice, to wait too long delays what waits for a lost answer.
TIMEOUT = 0.4
CONNECT_TIMEOUT = 2.0  # seconds for one TLS connection; many begin at once
SIGNATURE_LIFETIME = 60.0  # seconds in which a signature is used; AWS accepts it for 300


class Frame:
    """What goes over the wire, with its signature. Use one Frame for many connections: it is signed once."""

    __slots__ = ("_signed_at", "_signed_by", "_template", "data")

    def __init__(self, data: str | bytes) -> None:
        self.data = data.encode() if isinstance(data, str) else data
        self._template: PostTemplate
        self._signed_by: ApiGateway | None = None
        self._signed_at = 0.0


class Client(Protocol):
    """Where frames go. The posting engine needs nothing else, so it also runs in a simulation."""

    @property
    def free(self) -> int:
        """The number of posts that can be begun now."""

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        """Begin a post. `callback` is called with its outcome, never before this returns."""

    def close(self) -> None:
        """Close all connections."""


class ApiGatewayOptions(TypedDict, total=False):
    """The keyword arguments of ApiGateway, which Poster passes on."""

    region: str | None
    credentials: Callable[[], Credentials]
    timeout: float
    connect_timeout: float
    max_connections: int
    context: ssl.SSLContext | None


_DELIVERED = Delivered()


class ApiGateway:
    """The real API Gateway."""

    def __init__(
        self,
        endpoint: str,
        *,
        region: str | None = None,
        credentials: Callable[[], Credentials] = Credentials.from_environment,
        timeout: float = TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        max_connections: int = MAX_CONNECTIONS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`endpoint` is `https://<host>[/<stage or path>]`, of a custom domain, too.

        The default `region` is the endpoint's, or AWS_REGION if its host has none. `credentials` is called
        each time that a frame is signed, once a minute at most. Time-outs are in seconds.

        Raises ValueError if the endpoint is not such a URL, or if its Region is not known.
        """
        parts = urlsplit(endpoint)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError(f"{endpoint!r} is not an endpoint: use https://<host>[/<stage>]")
        self._pool = Pool(
            endpoint, limit=max_connections, timeout=timeout, connect_timeout=connect_timeout, context=context
        )
        self._prefix = parts.path.rstrip("/") + "/@connections/"
        self._signer = Signer("execute-api", region or region_of(endpoint))
        self._credentials = credentials

    @property
    def free(self) -> int:
        return self._pool.free

    def post(self, frame: Frame, connection_id: str, callback: Callable[[Outcome], None]) -> None:
        now = time.time()
        if now - frame._signed_at > SIGNATURE_LIFETIME or frame._signed_by is not self:
            self._sign(frame, now)
        self._pool.send(frame._template.request(connection_id), partial(_answered, callback))

    def take_response_times(self) -> Sample:
        """Return how long the answers since the last call took, and how many did not come in time."""
        return self._pool.response_times.take()

    def _sign(self, frame: Frame, now: float) -> None:
        frame._template = self._signer.template(
            self._credentials(),
            SigningTime.at(now),
            host=self._pool.host,
            prefix=self._prefix,
            body=frame.data,
        )
        frame._signed_at, frame._signed_by = now, self

    def close(self) -> None:
        self._pool.close()


def _answered(callback: Callable[[Outcome], None], response: Response) -> None:
    if response.status == 200:
        callback(_DELIVERED)
    else:
        callback(from_status(response.status) if response.status else Failed(response.error))


def region_of(endpoint: str) -> str:
    """Return the Region in an endpoint's host, or else that of the environment.

    Raises ValueError if there is none in either.
    """
    host = urlsplit(endpoint).hostname or ""
    if match := re.search(r"\bexecute-api(?:-fips)?\.([a-z0-9-]+)\.", host):
        return match[1]
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return region
    raise ValueError(f"the Region of {endpoint!r} is not known: pass region=, or set AWS_REGION")
