"""One keep-alive HTTP/1.1 connection: a request at a time, and its response.

llhttp (httptools) parses the responses: the head of one in a third of a microsecond. To recognise the usual
ones, a 200 without a body, by a regular expression took three times as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httptools

from apigateway.channel import Channel


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. `status` is 0 if there was none, and `error` then names the reason."""

    status: int
    body: bytes = b""
    error: str = ""


type Callback = Callable[[Response], None]
_EMPTY_OK = Response(200)
_PARSER_ERRORS = (httptools.HttpParserError, httptools.HttpParserUpgrade)  # nobody asked for an upgrade


class Owner(Protocol):
    """What a connection's pool does for it."""

    def _answered(
        self, connection: Connection, callback: Callback, response: Response, *, reusable: bool
    ) -> None:
        """Take the connection back if it is `reusable`, and pass the response on."""

    def _lost(self, connection: Connection) -> None:
        """Forget the connection."""

    def _resend(self, request: bytes, callback: Callback) -> None:
        """Send a request again, on a new connection."""

    def _end(self, callback: Callback, response: Response) -> None:
        """Pass on that there is no response."""


class Connection:
    """A channel to a host, on which requests are sent and responses read."""

    def __init__(self, owner: Owner, channel: Channel) -> None:
        self._owner = owner
        self._channel = channel
        self._parser = httptools.HttpResponseParser(self)
        self._request = b""
        self._callback: Callback | None = None
        self._body: list[bytes] = []
        self._response: Response | None = None  # complete, but its callback not called yet
        self._reusable = False  # after this response
        self._began = False  # a part of the response has come
        self._kept = False  # after an earlier response
        self.expires = 0.0
        self.usable = True
        channel.open(self._readable, self._broken)

    @property
    def busy(self) -> bool:
        return self._callback is not None

    def send(self, request: bytes, callback: Callback, expires: float) -> None:
        """Send a request. `callback` is called with its response, never before this returns."""
        self._request, self._callback, self.expires, self._began = request, callback, expires, False
        self._channel.send(request)

    def abort(self, error: str) -> None:
        """Close the connection. A request under way ends without a response."""
        if self.usable:
            self._discard()
        self._end(error)

    # called by the channel

    def _readable(self) -> None:
        channel = self._channel
        try:
            data = channel.receive()
        except OSError as error:
            self._broken(error)
            return
        if data:
            self._received(data)
        if channel.ended and self.usable:
            self._broken(ConnectionError())

    def _broken(self, error: OSError) -> None:
        if not self.usable:  # aborted meanwhile
            return
        self._discard()
        if self._callback is None:
            return
        if asyncio.get_running_loop().time() >= self.expires:  # as after a freeze: newer requests went out
            self._end("TimeoutError")
        elif self._kept and not self._began:
            request, callback, self._callback = self._request, self._callback, None
            self._owner._resend(request, callback)
        else:
            self._end(type(error).__name__)

    def _received(self, data: bytes) -> None:
        if self._callback is None:  # nothing was requested: the next response would be mistaken for this one
            self.abort("unexpected data")
            return
        self._began = True
        try:
            self._parser.feed_data(data)
        except _PARSER_ERRORS as error:
            if self._response is None:
                self.abort(type(error).__name__)
                return
        if self._response is not None:
            self._complete(self._response)

    def _complete(self, response: Response) -> None:
        # Called when all received data is parsed: the callback may send on this connection at once.
        assert self._callback is not None
        callback, self._callback, self._response = self._callback, None, None
        if self._body:
            self._body = []
        self._kept = True
        reusable = self._reusable and not self._channel.ended
        if not reusable:
            self._discard()
        self._owner._answered(self, callback, response, reusable=reusable)

    # httptools' callbacks

    def on_message_begin(self) -> None:
        self._reusable = False  # until it is complete; and if more follows a complete response

    def on_body(self, body: bytes) -> None:
        if self._response is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 or self._response is not None:  # 100 Continue, or a second response
            return
        self._response = (
            _EMPTY_OK if status == 200 and not self._body else Response(status, b"".join(self._body))
        )
        self._reusable = self._parser.should_keep_alive()

    # ending

    def _discard(self) -> None:
        self.usable = False
        self._owner._lost(self)
        self._channel.close()

    def _end(self, error: str) -> None:
        if self._callback is not None:
            callback, self._callback = self._callback, None
            self._owner._end(callback, Response(0, error=error))
