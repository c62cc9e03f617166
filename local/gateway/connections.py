"""The sockets of a WebSocket API: the handshake, messages and end of each, as API Gateway does them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from local.aws_defaults import Limits
from local.gateway.events import (
    Client,
    authorizer_event,
    connect_arn,
    connect_event,
    disconnect_event,
    message_event,
    new_id,
)
from local.gateway.function_results import (
    Authorized,
    Malformed,
    Refused,
    read_authorizer,
    read_connect,
    read_message,
)
from local.gateway.routes import DEFAULT, RouteSelection
from local.gateway.token_bucket import TokenBucket
from local.gateway.websocket import WebSocket
from local.invocation import Invoke, Result
from local.net.http_server import Request, Response
from local.stack import Api, Route

log = logging.getLogger(__name__)

# As recorded on AWS when a socket had been idle for ten minutes: disconnectStatusCode 1001, "Going away".
GOING_AWAY = (1001, "Going away")

_MESSAGES = {500: "Internal server error", 502: "Internal server error", 504: "Endpoint request timed out"}


class Connection:
    """One open socket, and when it was last used (in the event loop's time, as is `opened`)."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.socket: WebSocket  # set before anything can happen to it
        self.left: tuple[int, str] | None = None  # close code and reason of a client that left too early
        self.timer: asyncio.TimerHandle | None = None
        self.opened = self.active = 0.0

    def send(self, text: bytes) -> None:
        self.active = asyncio.get_running_loop().time()
        self.socket.send(text)

    @property
    def last_active_at(self) -> float:
        """Seconds since the epoch."""
        return self.client.connected_at + self.active - self.opened


class Connections:
    """All sockets of the API's stage.

    `open` holds those whose $connect has returned, by connection id: until then a post to one is answered
    410, as on AWS (https://repost.aws/knowledge-center/410-gone-api-gateway).
    """

    def __init__(
        self,
        api: Api,
        invoke: Invoke,
        limits: Limits,
        region: str,
        account: TokenBucket,
        on_activity: Callable[[], None],
    ) -> None:
        self.open: dict[str, Connection] = {}
        self._api = api
        self._invoke = invoke
        self._limits = limits
        self._region = region
        self._on_activity = on_activity
        self._selection = RouteSelection(api.selection)
        self._connects = TokenBucket(limits.connect_rate, limits.connect_burst)
        self._account = account
        self._routes = _route_buckets(api)
        self._sockets: WeakSet[WebSocket] = WeakSet()  # also the waiting and the closing ones
        self._tasks: set[asyncio.Task[Any]] = set()  # the event loop itself holds no reference to a task
        self._stopping = False

    async def stop(self, grace: float) -> None:
        """Closes every socket with 1001 and calls its $disconnect; waits at most `grace` seconds."""
        self._stopping = True
        for connection in list(self.open.values()):
            connection.socket.close(*GOING_AWAY)
        deadline = asyncio.get_running_loop().time() + grace
        while self._tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            socket.hang_up()

    # the handshake

    def upgrade(
        self, request: Request, transport: asyncio.Transport, early: bytes, refused: Response | None = None
    ) -> WebSocket:
        """Takes over a client's connection; its handshake is answered when its functions have.

        One that is `refused` beforehand is answered so.
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
        if refusal := refused or self._refusal(request, socket):
            socket.refuse(refusal)
        else:
            self._spawn(self._handshake(connection))
        return socket

    def _refusal(self, request: Request, socket: WebSocket) -> Response | None:
        if request.path.rstrip("/") != f"/{self._api.stage}":
            return refusal(403)
        if socket.handshake_error:
            return socket.handshake_error
        if not (self._connects.take() and self._admits("$connect")):
            return refusal(429)
        return None

    async def _handshake(self, connection: Connection) -> None:
        self._on_activity()
        answer = await self._ask(connection)
        if isinstance(answer, Refused):
            connection.socket.refuse(refusal(answer.status))
            return
        connection.opened = connection.active = asyncio.get_running_loop().time()
        try:
            connection.socket.accept(answer)
        except ValueError:  # a subprotocol that no header can carry
            connection.socket.refuse(refusal(502))
            return
        if connection.left:  # its $connect may have stored a row, which $disconnect then removes
            self._disconnect(connection, *connection.left)
            return
        self.open[connection.client.connection_id] = connection
        self._watch(connection)
        if self._stopping:
            connection.socket.close(*GOING_AWAY)

    async def _ask(self, connection: Connection) -> Refused | str | None:
        """The authorizer's and $connect's answer: no, or the subprotocol that was chosen, if any."""
        if self._api.authorizer is not None:
            verdict = await self._authorize(self._api.authorizer, connection.client)
            if verdict is not None:
                return verdict
        if connection.left:
            return Refused(400)  # which nobody reads: $connect is not called for a client that is gone
        route = self._api.routes.get("$connect")
        if route is None:
            return None
        result = await self._call(route.function, connect_event(connection.client), route.timeout)
        if result is None:
            return Refused(504)  # INTEGRATION_TIMEOUT of supported-gateway-response-types.html
        accepted = read_connect(result)
        return accepted if isinstance(accepted, Refused) else accepted.subprotocol

    async def _authorize(self, function: str, client: Client) -> Refused | None:
        clock = asyncio.get_running_loop().time
        asked = clock()
        event = authorizer_event(client, self._region)
        result = await self._call(function, event, self._limits.integration_timeout)
        if result is None:
            return Refused(500)  # AUTHORIZER_FAILURE of supported-gateway-response-types.html
        match read_authorizer(result, connect_arn(client.api, client.stage, self._region)):
            case Refused() as refused:
                return refused
            case Authorized(principal, context):
                latency = int((clock() - asked) * 1000)
                client.authorizer = {**context, "principalId": principal, "integrationLatency": latency}
        return None

    # messages

    def _received(self, connection: Connection, text: str) -> None:
        connection.active = asyncio.get_running_loop().time()
        self._on_activity()
        request_id = new_id()
        key = self._selection.key(text)
        route = self._api.routes.get(key) or self._api.routes.get(DEFAULT)
        if not self._admits(route.key if route else None):
            # AWS documents 429 for a throttled request, but not what the client of a message sees.
            self._report(connection, request_id, "Too Many Requests")
        elif route is None:
            self._report(connection, request_id, "Forbidden")
        else:
            # A task each: messages of one connection run side by side, as they do on AWS.
            self._spawn(self._answer(connection, route, request_id, text))

    async def _answer(self, connection: Connection, route: Route, request_id: str, text: str) -> None:
        event = message_event(connection.client, route.key, request_id, text)
        result = await self._call(route.function, event, route.timeout)
        try:
            if result is None:
                raise Malformed("timeout")
            # A lone surrogate, which JSON can hold and UTF-8 cannot, is sent as a question mark.
            reply = read_message(result).body.encode(errors="replace")
            if len(reply) > self._limits.message:
                raise Malformed("size")
        except Malformed:
            self._report(connection, request_id, "Internal server error")
        else:
            if route.two_way:
                # Empty too: https://github.com/serverless/serverless/issues/6816
                self._reply(connection, reply)

    def _report(self, connection: Connection, request_id: str, message: str) -> None:
        """Sends API Gateway's own error frame, spaced as it is on AWS."""
        connection_id = connection.client.connection_id
        frame = f'{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'
        self._reply(connection, frame.encode())

    def _reply(self, connection: Connection, text: bytes) -> None:
        if connection.socket.unsent <= self._limits.client_buffer:  # else it sends and never reads
            connection.send(text)

    # the end

    def _watch(self, connection: Connection) -> None:
        """Closes an idle or old socket, or looks again when the next of the two may be due."""
        loop = asyncio.get_running_loop()
        idle_at = connection.active + self._limits.idle
        old_at = connection.opened + self._limits.duration
        left = min(idle_at, old_at) - loop.time()
        if left <= 0:
            connection.socket.close(*GOING_AWAY)
        else:
            connection.timer = loop.call_later(left, self._watch, connection)

    def _ended(self, connection: Connection, code: int, reason: str) -> None:
        if self.open.pop(connection.client.connection_id, None) is None:
            connection.left = code, reason  # its handshake goes on, and finds this
            return
        if connection.timer:
            connection.timer.cancel()
        self._disconnect(connection, code, reason)

    def _disconnect(self, connection: Connection, code: int, reason: str) -> None:
        route = self._api.routes.get("$disconnect")
        if route is not None:
            event = disconnect_event(connection.client, code, reason)
            self._spawn(self._call(route.function, event, route.timeout))

    # calling functions

    def _admits(self, route: str | None) -> bool:
        bucket = self._routes.get(route) if route else None
        return self._account.take() and (bucket is None or bucket.take())

    async def _call(self, function: str, event: dict[str, Any], timeout: float) -> Result | None:
        """The function's result; None when it takes too long, though it runs on, as on AWS."""
        call = self._spawn(self._invoked(function, event))
        await asyncio.wait({call}, timeout=min(timeout, self._limits.integration_timeout))
        self._on_activity()
        return call.result() if call.done() else None

    async def _invoked(self, function: str, event: dict[str, Any]) -> Result:
        try:
            return await self._invoke(function, event)
        except Exception:  # ours, not the function's: its client is not to wait for it all the same
            log.exception("calling %s", function)
            return Result(b"null", "Unhandled")

    def _spawn[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def refusal(status: int) -> Response:
    """The answer to a handshake that fails; $connect's own body never gets to the client."""
    try:
        message = _MESSAGES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        message = ""
    return Response(status, f'{{"message": "{message}"}}'.encode(), (("Content-Type", "application/json"),))


def _route_buckets(api: Api) -> dict[str, TokenBucket]:
    """One for each route: a stage's DefaultRouteSettings are the settings of each of its routes.

    "Route-level throttling" of
    https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
    """
    if api.throttle_rate is None:
        return {}
    burst = api.throttle_rate if api.throttle_burst is None else api.throttle_burst
    return {key: TokenBucket(api.throttle_rate, burst) for key in api.routes}
