"""A client of the protocol, as docs/protocol.md has it, that keeps all it receives."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

PROTOCOL = "roomcast.v1"
TIMEOUT = 15.0  # seconds for an answer or a broadcast, cold starts included
_MAX_TRIES = 100  # of a frame that is answered with rate_limited


class Failed(Exception):
    """The chat did not do what its protocol says; the message is for the table."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A deployed chat, and the room in which it is checked."""

    url: str
    token: str
    room: str
    timeout: float = TIMEOUT

    @asynccontextmanager
    async def client(self, *rooms: str, plain: bool = False) -> AsyncIterator[Client]:
        """Connect a client with these rooms in its URL, as a user of its own unless a token names the user.

        Raises Failed.
        """
        names = [("room", room) for room in rooms or ("",)]
        query = urlencode([*names, ("name", "Smoke check"), ("client", str(uuid.uuid4()))])
        try:
            socket = await connect(
                f"{self.url}?{query}",
                subprotocols=None if plain else [Subprotocol(PROTOCOL)],
                additional_headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
                open_timeout=self.timeout,
                ping_interval=None,
            )
        except InvalidStatus as error:
            raise Failed(f"the handshake was rejected with HTTP {error.response.status_code}") from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise Failed(f"no handshake: {error}") from error
        client = Client(socket, self.timeout)
        try:
            yield client
        finally:
            await client.close()


@dataclass(eq=False, slots=True)
class Client:
    """One connection. Waiting for what does not come raises Failed after `timeout` seconds."""

    socket: ClientConnection
    timeout: float
    texts: list[str] = field(default_factory=list)  # all frames, as received
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)  # by ref
    messages: list[dict[str, Any]] = field(default_factory=list)  # as they came, repeats too
    arrived: dict[str, float] = field(default_factory=dict)  # monotonic time of a message's first copy, by id
    error: str = ""  # of API Gateway's own, which names no frame
    closed: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reading: asyncio.Task[None] = field(init=False)

    def __post_init__(self) -> None:
        self._reading = asyncio.create_task(self._read())

    async def request(self, action: str, **fields: Any) -> dict[str, Any]:
        """Send a frame, again if the reply asks for it later, and return its reply. Raises Failed."""
        ref = fields.pop("ref", None) or str(uuid.uuid4())
        for _ in range(_MAX_TRIES):
            self.replies.pop(ref, None)
            await self.send({"action": action, "ref": ref, **fields})
            await self.until(lambda: ref in self.replies or bool(self.error), f"{action}: no answer")
            if ref not in self.replies:
                raise Failed(f'{action}: API Gateway answered "{self.error}"')
            reply = self.replies[ref]
            if reply.get("status") == "ok":
                return reply
            if reply.get("code") != "rate_limited":
                break
            await asyncio.sleep(float(reply.get("retry_after", 1)))
        raise Failed(f"{action}: answered with {reply.get('code')} ({reply.get('detail')})")

    async def say(self, room: str, text: str, ref: str | None = None) -> dict[str, Any]:
        """Send a message and return its reply. Raises Failed."""
        return await self.request("send", room=room, message=text, ref=ref)

    async def hears(self, message_id: str) -> None:
        """Wait for the broadcast of a message. Raises Failed."""
        await self.until(lambda: message_id in self.arrived, "a message that was acknowledged did not arrive")

    async def send(self, frame: dict[str, Any]) -> None:
        try:
            await self.socket.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise Failed(f"the socket was closed: {error}") from error

    async def until(self, enough: Callable[[], bool], otherwise: str, within: float = math.inf) -> None:
        """Wait until `enough` is true of what was received, `within` seconds at most. Raises Failed."""
        timeout = min(within, self.timeout)
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: enough() or self.closed)
        except TimeoutError:
            raise Failed(f"{otherwise} within {timeout:g} s") from None
        if not enough():
            raise Failed(f"{otherwise}: the socket was closed")

    def cut(self) -> None:
        """End as in a tunnel: without a close frame."""
        self.socket.transport.abort()

    async def close(self) -> None:
        await self.socket.close()
        await self._reading

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                await self._keep(str(text))
        except ConnectionClosed:
            pass  # cut, or closed by the server: whoever waits is told
        finally:
            async with self._changed:
                self.closed = True
                self._changed.notify_all()

    async def _keep(self, text: str) -> None:
        async with self._changed:
            self.texts.append(text)
            if self.socket.subprotocol:
                self._sort(text)
            self._changed.notify_all()

    def _sort(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return  # an empty frame, for instance; `texts` has it
        if not isinstance(frame, dict):
            return
        match frame.get("type"):
            case "reply":
                self.replies[str(frame["ref"])] = frame
            case "messages":
                self.messages += frame["messages"]
                for message in frame["messages"]:
                    self.arrived.setdefault(message["id"], time.monotonic())
            case None:
                self.error = str(frame.get("message"))
