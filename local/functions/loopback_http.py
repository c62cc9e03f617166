"""How botocore in an instance sends requests to this machine: plain HTTP, written and parsed without urllib3.

Through urllib3 and http.client, sending takes a third of the CPU time of a call to DynamoDB, and a message
needs six such calls. Time-outs, errors and retries are botocore's own. A request to any other host, over TLS
or through a proxy is sent as ever. The fork server loads this module by its path: it imports nothing of the
engine.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httptools
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.httpsession import URLLib3Session

LOOPBACK = "http://127."
MAX_IDLE = 50  # connections that are kept per session, of all its threads together

type Send = Callable[[Any, Any], Any]  # a session's method: takes a prepared request


def install() -> None:
    """Let all sessions of botocore send by this module."""
    URLLib3Session.send = loopback(URLLib3Session.send)


def loopback(send: Send) -> Send:
    """Return a `send` for requests to this machine, which passes all others to the one given."""

    def loopback_or_not(session: Any, request: Any) -> Any:
        if (
            request.method == "POST"
            and request.url.startswith(LOOPBACK)
            and isinstance(request.body, bytes | bytearray)
            and not request.stream_output
            and "expect" not in request.headers
            and session._proxy_config.proxy_url_for(request.url) is None
        ):
            return _send(session, request)
        return send(session, request)

    return loopback_or_not


def _send(session: Any, request: Any) -> AWSResponse:
    host, slash, path = request.url.removeprefix("http://").partition("/")
    idle: list[_Connection] = session.__dict__.setdefault("_loopback", {}).setdefault(host, [])
    timeout = session._get_request_timeout(request) or session._timeout
    lines = [f"POST {slash or '/'}{path} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{name}: {_text(value)}" for name, value in request.headers.items()]
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + request.body
    connection = _idle(idle) or _connect(request.url, host, getattr(timeout, "connect_timeout", timeout))
    try:
        response = connection.exchange(data, getattr(timeout, "read_timeout", timeout))
    except TimeoutError as error:
        connection.close()
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    except (OSError, httptools.HttpParserError) as error:
        connection.close()
        raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
    except BaseException:  # as of a handler that is interrupted: the response must not be the next request's
        connection.close()
        raise
    if response.is_last or len(idle) >= MAX_IDLE:
        connection.close()
    else:
        idle.append(connection)
    return AWSResponse(request.url, response.status, response.headers, response)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _idle(connections: list[_Connection]) -> _Connection | None:
    """Take the connection that was used last and is still open. Another thread may take one meanwhile."""
    while True:
        try:
            connection = connections.pop()
        except IndexError:
            return None
        if connection.is_open:
            return connection
        connection.close()


def _connect(url: str, host: str, timeout: float | None) -> _Connection:
    address, _, port = host.partition(":")
    try:
        return _Connection((address, int(port or 80)), timeout)
    except TimeoutError as error:
        raise ConnectTimeoutError(endpoint_url=url, error=error) from error
    except OSError as error:
        raise EndpointConnectionError(endpoint_url=url, error=error) from error


class _Connection:
    def __init__(self, address: tuple[str, int], timeout: float | None) -> None:
        self._socket = socket.create_connection(address, timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    @property
    def is_open(self) -> bool:
        """False if the host has closed it: nothing else can be read before a request."""
        return not self._poll.poll(0)

    def exchange(self, request: bytes, timeout: float | None) -> _Response:
        """Send a request and return its response. Raises OSError, or HttpParserError if it is none."""
        self._socket.settimeout(timeout)
        self._socket.sendall(request)
        response = _Response()
        while not response.is_complete:
            response.feed(self._socket.recv(65536))
        return response

    def close(self) -> None:
        with suppress(OSError):
            self._socket.close()


class _Response:
    """A response, and httptools' callbacks for it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.is_complete = False
        self.is_last = False  # the host closes the connection after it
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        if not data:
            raise ConnectionError("the connection was closed before the end of the response")
        self._parser.feed_data(data)

    def stream(self) -> Iterator[bytes]:
        """Return the body, as botocore reads it."""
        yield b"".join(self._body)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # another response follows
            self.headers = []
            return
        self.is_complete = True
        self.is_last = not self._parser.should_keep_alive()
