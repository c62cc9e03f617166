"""Clients over real sockets."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from tests.support.asyncapi import ASKED, check_received, check_received_plain
from tests.support.waiting import TIMEOUT


class Client:
    """A socket, and all frames that it has received."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[str] = []
        self._requests: Counter[str] = Counter()  # how often each ref was sent
        self._changed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.socket:
            assert isinstance(frame, str)
            await self._answer(frame)
            async with self._changed:
                self.received.append(frame)
                self._changed.notify_all()

    async def _answer(self, frame: str) -> None:
        """Answer a frame that asks for something."""

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until `enough` is true of what was received."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            await self._changed.wait_for(enough)

    async def send_frame(self, frame: Any) -> None:
        """Send a frame: text and bytes as they are, anything else as JSON in the encoding of browsers."""
        await self.socket.send(
            frame if isinstance(frame, str | bytes) else json.dumps(frame, ensure_ascii=False)
        )

    async def until_closed(self) -> None:
        """Wait until the server has closed the socket."""
        async with asyncio.timeout(TIMEOUT):
            await self._reading

    async def abort(self) -> None:
        """End as a killed tab does, without a close frame."""
        self.socket.transport.abort()
        with pytest.raises(ConnectionClosedError):
            await self._reading

    def lose_network(self) -> None:
        """Read and answer nothing more, while the socket stays open: half-dead."""
        self.socket.transport.pause_reading()

    async def close(self) -> None:
        if not self._reading.done():
            await self.socket.close()
            await self._reading

    def check(self) -> None:
        """Check all that was received against the AsyncAPI document. Raises WrongFrame."""
        raise NotImplementedError


class PlainClient(Client):
    """The client of the 2019 article: bare texts."""

    def check(self) -> None:
        for text in self.received:
            check_received_plain(text)

    async def send_text(self, message: str, **fields: Any) -> None:
        await self.send_frame({"action": "onMessage", "message": message, **fields})

    async def receives(self, *texts: str) -> None:
        """Wait for the last of these texts, then check that exactly these were received."""
        await self.until(lambda: texts[-1] in self.received)
        assert self.received == list(texts)


class FrameClient(Client):
    """Speaks `roomcast.v1`."""

    def __init__(self, socket: ClientConnection) -> None:
        super().__init__(socket)
        self._actions: dict[str, str] = {}  # what each ref asked for
        self._frames: list[dict[str, Any]] = []  # the part of `received` that is parsed

    def check(self) -> None:
        for text, frame in zip(self.received, self.frames, strict=True):
            asked = self._actions.get(frame.get("ref"))
            check_received(text, asked if asked in ASKED else None)

    async def _answer(self, frame: str) -> None:
        if json.loads(frame).get("type") == "check":
            self._actions["alive"] = "alive"
            await self.send_frame({"action": "alive", "ref": "alive"})

    @property
    def frames(self) -> list[dict[str, Any]]:
        self._frames += map(json.loads, self.received[len(self._frames) :])
        return self._frames

    @property
    def replies(self) -> list[dict[str, Any]]:
        """All replies, to any frame."""
        return self.of_type("reply")

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages, in the order of their arrival."""
        return [message for frame in self.of_type("messages") for message in frame["messages"]]

    @property
    def changes(self) -> list[dict[str, Any]]:
        """All changes that were broadcast, in the order of their arrival."""
        return [change for frame in self.of_type("messages") for change in frame.get("changes", [])]

    @property
    def shown(self) -> dict[int, dict[str, Any]]:
        """The messages as a client shows them: of each, by seq, the form with the highest revision."""
        shown: dict[int, dict[str, Any]] = {}
        for frame in self.frames:
            changed = [change["message"] for change in frame.get("changes", []) if "message" in change]
            for message in [*frame.get("messages", []), *changed]:
                known = shown.setdefault(message["seq"], message)
                if message.get("revision", 0) > known.get("revision", 0):
                    shown[message["seq"]] = message
        return shown

    @property
    def known_seqs(self) -> list[int]:
        """Every seq that was broadcast, of messages and skipped ones, with repeats."""
        frames = self.of_type("messages")
        skipped = [seq for frame in frames for seq in frame.get("skipped", [])]
        return sorted([message["seq"] for message in self.messages] + skipped)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The frames of a type, in the order of their arrival."""
        return [frame for frame in self.frames if frame.get("type") == kind]

    @property
    def texts(self) -> list[str]:
        return [message["message"] for message in self.messages]

    async def request(self, **fields: Any) -> dict[str, Any]:
        """Send a frame and wait for its reply: the n-th with its ref if the ref is sent n times."""
        ref = fields.setdefault("ref", str(uuid.uuid4()))
        earlier = self._requests[ref]
        self._requests[ref] += 1
        self._actions[ref] = fields["action"]
        await self.send_frame(fields)

        def replies() -> list[dict[str, Any]]:
            return [reply for reply in self.replies if reply["ref"] == ref]

        await self.until(lambda: len(replies()) > earlier)
        return replies()[earlier]

    async def send(self, room: str, message: str, **fields: Any) -> dict[str, Any]:
        return await self.request(action="send", room=room, message=message, **fields)

    async def until_received(self, *texts: str) -> None:
        await self.until(lambda: set(texts) <= set(self.texts))

    async def until_changed(self, *seqs: int) -> None:
        """Wait for the changes with these numbers."""
        await self.until(lambda: set(seqs) <= {change["seq"] for change in self.changes})

    async def until_internal_error(self) -> None:
        """Wait for API Gateway's error: the client does not know if its message was stored."""
        await self.until(
            lambda: any(frame.get("message") == "Internal server error" for frame in self.frames)
        )

    async def history(self, room: str, to: int) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
        """Return a room's messages by seq and its changes, read when all up to a seq is in the history."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                page = await self.request(action="history", room=room, after=0, limit=200)
                seqs = [message["seq"] for message in page["messages"]] + page.get("skipped", [])
                if max(seqs, default=0) >= to:
                    messages = {message["seq"]: message for message in page["messages"]}
                    return messages, page.get("changes", [])
                await asyncio.sleep(0.05)


async def code_of(asked: Awaitable[dict[str, Any]]) -> str:
    """Return "ok", or the code of the error that answers a frame."""
    reply = await asked
    return str(reply.get("code", reply["status"]))


def user_of(client: str) -> str:
    """Return the user of a connection with this `client` in an open chat."""
    from chat.identity.identity import anonymous_identity  # after `tests.loss_checker` has added src

    return anonymous_identity(client=client, name=None, connection_id="", protocol="v1").user


@asynccontextmanager
async def plain_client(url: str, *, token: str | None = None, **query: Any) -> AsyncIterator[PlainClient]:
    """A plain client. It sends the token in a header."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with _connected(PlainClient, url, query, additional_headers=headers) as client:
        yield client


@asynccontextmanager
async def frame_client(url: str, *, token: str | None = None, **query: Any) -> AsyncIterator[FrameClient]:
    """A client that speaks frames. It sends the token as browsers do."""
    async with _connected(FrameClient, url, query, subprotocols=_offers(token)) as client:
        yield client


async def rejected_with(url: str, *, token: str | None = None, **query: Any) -> int:
    """Return the HTTP status that rejects the handshake of a client that speaks frames."""
    with pytest.raises(InvalidStatus) as rejection:
        await connect(_with_query(url, query), subprotocols=_offers(token), open_timeout=TIMEOUT)
    return rejection.value.response.status_code


def _offers(token: str | None) -> list[Subprotocol]:
    offers = [] if token is None else [Subprotocol(f"token.{token}")]
    return [Subprotocol("roomcast.v1"), *offers]


def _with_query(url: str, query: dict[str, Any]) -> str:
    return f"{url}?{urlencode(query, doseq=True)}" if query else url


@asynccontextmanager
async def _connected[C: Client](
    kind: type[C], url: str, query: dict[str, Any], **handshake: Any
) -> AsyncIterator[C]:
    async with connect(_with_query(url, query), open_timeout=TIMEOUT, **handshake) as socket:
        client = kind(socket)
        yield client
        await client.close()
        client.check()
