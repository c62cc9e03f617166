"""The sockets of a WebSocket API: the handshake, messages and end of each, as API Gateway does them."""

from __future__ import annotations

import asyncio
from weakref import WeakSet

from local.aws_defaults import Limits
from local.gateway.calls import Calls
from local.gateway.events import Client, disconnect_event, message_event, new_id
from local.gateway.function_results import InvalidResult, Rejected, read_message
from local.gateway.handshake import Handshake, rejection
from local.gateway.routes import DEFAULT, RouteSelection
from local.gateway.token_bucket import StageThrottle, TokenBucket
from local.gateway.websocket import WebSocket
from local.invocation import Invoke
from local.net.http_server import Request, Response
from local.stack import Api, Route

# As recorded on AWS after ten idle minutes: disconnectStatusCode 1001, "Going away".
GOING_AWAY = (1001, "Going away")


class Connection:
    """One client's socket, and when it was last used (in the event loop's time, as is `opened`)."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.socket: WebSocket  # set before anything can happen to it
        self.closed_early: tuple[int, str] | None = None  # close code and reason, if during the handshake
        self.timer: asyncio.TimerHandle | None = None
        self.opened = self.active = 0.0

    def send(self, text: bytes) -> None:
        self.active = asyncio.get_running_loop().time()
        self.socket.send(text)

    def close(self) -> None:
        self.socket.close(1000)

    @property
    def unsent(self) -> int:
        return self.socket.unsent

    @property
    def connected_at(self) -> float:
        """Seconds since the epoch."""
        return self.client.connected_at

    @property
    def last_active_at(self) -> float:
        """Seconds since the epoch."""
        return self.client.connected_at + self.active - self.opened

    @property
    def source_ip(self) -> str:
        return self.client.source_ip

    @property
    def user_agent(self) -> str | None:
        return self.client.user_agent


class Connections:
    """All sockets of the API's stage.

    `open` holds connections by id once their $connect has returned. Before that, a post to one gets 410, as
    on AWS (https://repost.aws/knowledge-center/410-gone-api-gateway).
    """

    def __init__(
        self,
        api: Api,
        invoke: Invoke,
        limits: Limits,
        region: str,
        account: TokenBucket,
    ) -> None:
        self.open: dict[str, Connection] = {}
        self._api = api
        self._limits = limits
        self._calls = Calls(invoke, limits.integration_timeout)
        self._handshakes = Handshake(api, self._calls, limits, region)
        self._selection = RouteSelection(api.selection)
        self._connects = TokenBucket(limits.connect_rate, limits.connect_burst)
        self._throttle = StageThrottle(api, account)
        self._sockets: WeakSet[WebSocket] = WeakSet()  # those in a handshake and those that close too
        self._stopping = False

    async def stop(self, timeout: float) -> None:
        """Close every socket with 1001 and call its $disconnect; wait `timeout` seconds at most."""
        self._stopping = True
        for connection in list(self.open.values()):
            connection.socket.close(*GOING_AWAY)
        await self._calls.drain(timeout)
        for socket in list(self._sockets):
            socket.hang_up()

    # the handshake

    def upgrade(
        self, request: Request, transport: asyncio.Transport, early: bytes, rejected: Response | None = None
    ) -> WebSocket:
        """Take over a client's connection; its functions' results answer the handshake.

        With `rejected`, that response answers it instead.
        """
        connection = Connection(Client(request, self._api.name, self._api.stage))
        connection.socket = socket = WebSocket(
            request,
            transport,
            early,
            max_message=self._limits.message,
            max_frame=self._limits.frame,
            on_text=lambda text: self._received(connection, text),
            on_end=lambda code, reason: self._ended(connection, code, reason),
        )
        self._sockets.add(socket)
        if response := rejected or self._reject_early(request, socket):
            socket.reject(response)
        else:
            self._calls.spawn(self._handshake(connection))
        return socket

    def _reject_early(self, request: Request, socket: WebSocket) -> Response | None:
        """Return the response to a handshake that is rejected without a function. None for any other."""
        if request.path.rstrip("/") != f"/{self._api.stage}":
            return rejection(403)
        if socket.handshake_error:
            return socket.handshake_error
        if not (self._connects.take() and self._throttle.allows("$connect")):
            return rejection(429)
        return None

    async def _handshake(self, connection: Connection) -> None:
        result = await self._handshakes.run(connection.client, lambda: connection.closed_early is not None)
        if isinstance(result, Rejected):
            connection.socket.reject(rejection(result.status))
            return
        connection.opened = connection.active = asyncio.get_running_loop().time()
        try:
            connection.socket.accept(result.subprotocol)
        except ValueError:  # not a valid header value
            connection.socket.reject(rejection(502))
            return
        if connection.closed_early:  # its $connect may have stored a row, which $disconnect then removes
            self._disconnect(connection, *connection.closed_early)
            return
        self.open[connection.client.connection_id] = connection
        self._check_age(connection)
        if self._stopping:
            connection.socket.close(*GOING_AWAY)

    # messages

    def _received(self, connection: Connection, text: str) -> None:
        connection.active = asyncio.get_running_loop().time()
        request_id = new_id()
        key = self._selection.key(text)
        route = self._api.routes.get(key) or self._api.routes.get(DEFAULT)
        if not self._throttle.allows(route.key if route else None):
            # AWS documents 429 for a throttled request, but not the frame that a message's sender gets.
            self._send_error(connection, request_id, "Too Many Requests")
        elif route is None:
            self._send_error(connection, request_id, "Forbidden")
        else:
            # One task per message: messages of one connection run side by side, as they do on AWS.
            self._calls.spawn(self._run_route(connection, route, request_id, text))

    async def _run_route(self, connection: Connection, route: Route, request_id: str, text: str) -> None:
        event = message_event(connection.client, route.key, request_id, text)
        result = await self._calls.call(route.function, event, route.timeout)
        try:
            if result is None:
                raise InvalidResult("timeout")
            # JSON can hold a lone surrogate and UTF-8 cannot: send a question mark for it.
            reply = read_message(result).body.encode(errors="replace")
            if len(reply) > self._limits.message:
                raise InvalidResult("size")
        except InvalidResult:
            self._send_error(connection, request_id, "Internal server error")
        else:
            if route.two_way:
                # An empty reply is sent too: https://github.com/serverless/serverless/issues/6816
                self._reply(connection, reply)

    def _send_error(self, connection: Connection, request_id: str, message: str) -> None:
        """Send API Gateway's own error frame, spaced as on AWS."""
        connection_id = connection.client.connection_id
        frame = f'{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'
        self._reply(connection, frame.encode())

    def _reply(self, connection: Connection, text: bytes) -> None:
        # A client that sends and never reads gets no reply: it would fill the memory.
        if connection.socket.unsent <= self._limits.client_buffer:
            connection.send(text)

    # the end

    def _check_age(self, connection: Connection) -> None:
        """Close an idle or old socket, or check again when it may be either."""
        loop = asyncio.get_running_loop()
        idle_at = connection.active + self._limits.idle
        old_at = connection.opened + self._limits.duration
        remaining = min(idle_at, old_at) - loop.time()
        if remaining <= 0:
            connection.socket.close(*GOING_AWAY)
        else:
            connection.timer = loop.call_later(remaining, self._check_age, connection)

    def _ended(self, connection: Connection, code: int, reason: str) -> None:
        if self.open.pop(connection.client.connection_id, None) is None:
            connection.closed_early = code, reason  # _handshake goes on, and finds this
            return
        if connection.timer:
            connection.timer.cancel()
        self._disconnect(connection, code, reason)

    def _disconnect(self, connection: Connection, code: int, reason: str) -> None:
        route = self._api.routes.get("$disconnect")
        if route is not None:
            event = disconnect_event(connection.client, code, reason)
            self._calls.spawn(self._calls.call(route.function, event, route.timeout))
