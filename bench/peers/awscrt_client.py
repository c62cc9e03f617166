"""Post with the AWS Common Runtime's HTTP client (in C) and our signer: the alternative to our own client."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from awscrt.http import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    HttpClientConnection,
    HttpHeaders,
    HttpRequest,
)
from awscrt.io import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    ClientBootstrap,
    ClientTlsContext,
    DefaultHostResolver,
    EventLoopGroup,
    InputStream,
    TlsContextOptions,
)

from apigateway.sigv4 import Credentials, PostTemplate, Signer, SigningTime

CONNECT_TIMEOUT = 10  # seconds
SENT_HEADERS = ("host", "x-amz-date", "content-length", "authorization")


class AwsCrtClient:
    """Open HTTP connections to one endpoint."""

    def __init__(self, endpoint: str, ca: str, region: str, connections: int) -> None:
        parts = urlsplit(endpoint)
        assert parts.hostname is not None and parts.port is not None
        self._host = parts.netloc
        self._prefix = f"{parts.path}/@connections/"
        self._signer = Signer("execute-api", region)
        self._credentials = Credentials(
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], None
        )
        self._connections = _connect(parts.hostname, parts.port, ca, connections)

    def post(self, frame: str, ids: Sequence[str]) -> None:
        """Post a frame to each connection id, and return when all are answered."""
        body = frame.encode()
        template = self._signer.template(
            self._credentials,
            SigningTime.at(time.time()),
            host=self._host,
            prefix=self._prefix,
            body=body,
        )
        _Posts(template, self._prefix, body, ids).run(self._connections)


def _connect(host: str, port: int, ca: str, count: int) -> list[Any]:
    group = EventLoopGroup(1)
    bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
    options = TlsContextOptions()
    options.override_default_trust_store_from_path(None, ca)
    tls = ClientTlsContext(options).new_connection_options()
    tls.set_server_name(host)
    return [
        HttpClientConnection.new(
            host_name=host, port=port, bootstrap=bootstrap, tls_connection_options=tls
        ).result(CONNECT_TIMEOUT)
        for _ in range(count)
    ]


class _Posts:
    """The posts of one frame: one at a time per HTTP connection."""

    def __init__(self, template: PostTemplate, prefix: str, body: bytes, ids: Sequence[str]) -> None:
        self._template = template
        self._prefix = prefix
        self._body = body
        self._ids = iter(ids)
        self._remaining = len(ids)
        self._done = threading.Event()

    def run(self, connections: Sequence[Any]) -> None:
        for connection in connections:
            self._begin(connection)
        self._done.wait()

    def _begin(self, connection: Any) -> None:
        connection_id = next(self._ids, None)
        if connection_id is None:
            return
        head = self._template.request(connection_id).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in head)
        request = HttpRequest(
            "POST",
            self._prefix + quote(connection_id, safe="-._~"),
            HttpHeaders([(name, headers[name]) for name in SENT_HEADERS]),
            InputStream(io.BytesIO(self._body)),
        )
        stream = connection.request(request)
        stream.completion_future.add_done_callback(lambda future: self._finish(connection))
        stream.activate()

    def _finish(self, connection: Any) -> None:
        self._remaining -= 1
        if not self._remaining:
            self._done.set()
        self._begin(connection)
