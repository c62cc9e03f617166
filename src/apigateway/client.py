"""API Gateway's management API, for thousands of posts of a few frames."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from apigateway.http import Pool, Response
from apigateway.outcomes import Delivered, Failed, Outcome, from_status
from apigateway.sigv4 import Credentials, PostTemplate, Signer, SigningTime

# One request at a time on each: 10,000 posts a second with answers after 15 ms keep 150 busy.
MAX_CONNECTIONS = 256
# Seconds for one answer; API Gateway's take some 15 ms. A connection costs a handshake, and many begin at
# once.
_TIMEOUT = 0.4
_CONNECT_TIMEOUT = 2.0
_SIGNED_FOR = 60.0  # seconds that a signature is used; AWS takes it for 300


class Client[Frame](Protocol):
    """Where frames go. The posting code knows no more of it, so that it runs against a simulated one too."""

    @property
    def free(self) -> int:
        """How many posts can be begun now."""

    def frame(self, text: str) -> Frame:
        """A frame, made ready to be posted to any number of connections."""

    def post(self, frame: Frame, connection_id: str, done: Callable[[Outcome], None]) -> None:
        """Begins a post; `done` is called with its outcome, never before this returns."""


@dataclass(slots=True)
class SignedFrame:
    body: bytes
    template: PostTemplate | None = None
    signed_at: float = 0.0


_DELIVERED = Delivered()


class ApiGateway:
    """API Gateway itself. `endpoint` is `https://<host>[/<stage or path>]`, a custom domain's too."""

    def __init__(self, endpoint: str, region: str, *, context: ssl.SSLContext | None = None) -> None:
        self._pool = Pool(
            endpoint,
            limit=MAX_CONNECTIONS,
            timeout=_TIMEOUT,
            connect_timeout=_CONNECT_TIMEOUT,
            context=context,
        )
        self._prefix = urlsplit(endpoint).path.rstrip("/") + "/@connections/"
        self._signer = Signer("execute-api", region)

    @property
    def free(self) -> int:
        return self._pool.free

    def frame(self, text: str) -> SignedFrame:
        return SignedFrame(text.encode())

    def post(self, frame: SignedFrame, connection_id: str, done: Callable[[Outcome], None]) -> None:
        now = time.time()
        if frame.template is None or now - frame.signed_at > _SIGNED_FOR:
            frame.signed_at = now
            frame.template = self._signer.template(
                Credentials.from_environment(),
                SigningTime.at(now),
                host=self._pool.host,
                prefix=self._prefix,
                body=frame.body,
            )

        def answered(answer: Response) -> None:
            if answer.status == 200:
                done(_DELIVERED)
            else:
                done(from_status(answer.status) if answer.status else Failed(answer.error))

        self._pool.send(frame.template.request(connection_id), answered)

    def close(self) -> None:
        self._pool.close()
