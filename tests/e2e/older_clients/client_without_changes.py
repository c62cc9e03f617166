"""A small client of one room, written by "Nothing lost" of docs/protocol.md. It knows no changes."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

REPLY_TIMEOUT = 30.0  # seconds; the page says ten, and this machine may be busy
GIVE_UP_AFTER = 60.0  # seconds that a gap is waited for


class Log:
    """What is received of a room: everything up to `upto`, and what waits above it."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.upto: int | None = None  # None before the first join
        self.head = 0
        self.shown: list[dict[str, Any]] = []
        self.lost: list[tuple[int, int]] = []
        self._ahead: dict[int, dict[str, Any] | None] = {}  # None: a skipped number

    def take(self, frame: dict[str, Any]) -> None:
        """Take a `messages` frame or a page: hold back what is behind a gap, and show the rest in order."""
        assert self.upto is not None
        if "first_seq" in frame:
            self.give_up(frame["first_seq"] - 1)
        for seq, entry in entries(frame):
            self.head = max(self.head, seq)
            if seq > self.upto:
                self._ahead.setdefault(seq, entry)
        self._show()

    def give_up(self, to: int) -> None:
        assert self.upto is not None
        self.lost.append((self.upto + 1, to))
        self.upto = to
        self._show()

    def _show(self) -> None:
        assert self.upto is not None
        while self.upto + 1 in self._ahead:
            self.upto += 1
            message = self._ahead.pop(self.upto)
            if message is not None and message["id"] not in {each["id"] for each in self.shown}:
                self.shown.append(message)


def entries(frame: dict[str, Any]) -> list[tuple[int, dict[str, Any] | None]]:
    """Return the numbers of a frame or a page, each with its message, None for a skipped number."""
    skipped: list[tuple[int, dict[str, Any] | None]] = [(seq, None) for seq in frame.get("skipped", [])]
    return [(message["seq"], message) for message in frame["messages"]] + skipped


class ClientWithoutChanges:
    """The client. It connects again until `stop`."""

    def __init__(self, url: str, room: str) -> None:
        self.log = Log()
        self.joins: list[int | None] = []  # the `after` of each join
        self.resets = 0
        self.errors: list[dict[str, Any]] = []
        self.received: Counter[str] = Counter()  # frames by type
        self.own: dict[str, int] = {}  # acknowledged messages: the seq of each id
        self._url = url
        self._room = room
        self._socket: ClientConnection | None = None
        self._early: list[dict[str, Any]] | None = []  # frames before the reply to `join`; None: it has come
        self._joined = asyncio.Event()
        self._requests: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        self._running.cancel()
        await asyncio.wait([self._running])

    async def send(self, text: str) -> int:
        """Send a message until it is acknowledged, always with the same ref, and return its seq."""
        ref = str(uuid.uuid4())
        while True:
            await self._joined.wait()
            try:
                reply = await self._ask(action="send", message=text, ref=ref)
            except (ConnectionError, TimeoutError):
                await asyncio.sleep(0.1)
                continue  # nobody knows whether it was stored
            if reply["status"] == "ok":
                self.own[reply["id"]] = reply["seq"]
                self.log.head = max(self.log.head, reply["seq"])
                return int(reply["seq"])
            self.errors.append(reply)
            await asyncio.sleep(reply["retry_after"])

    async def _run(self) -> None:
        while True:
            # The line may be cut, or the server not be reached.
            with suppress(OSError, InvalidHandshake, TimeoutError, ConnectionClosed):
                await self._connection()
            self._joined.clear()
            self._early = []
            for request in self._requests.values():
                request.cancel()
            self._requests.clear()
            await asyncio.sleep(0.2)

    async def _connection(self) -> None:
        offers = [Subprotocol("roomcast.v1")]
        async with connect(self._url, subprotocols=offers) as self._socket, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(self._socket))
            tasks.create_task(self._follow())

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            frame = json.loads(await socket.recv())
            self.received[frame.get("type")] += 1
            if frame.get("type") == "reply":
                if (request := self._requests.pop(frame["ref"], None)) and not request.done():
                    request.set_result(frame)
            elif frame.get("type") == "messages" and frame["room"] == self._room:
                if self._early is None:
                    self._take(frame)
                else:
                    self._early.append(frame)

    async def _follow(self) -> None:
        """Join the room, and ask for what is missing."""
        await self._join()
        missing, pause = 0.0, 1.0
        while True:
            upto, head = self.log.upto, self.log.head
            await asyncio.sleep(pause)
            if self.log.upto == self.log.head:
                missing, pause = 0.0, 1.0
            elif self.log.upto != upto:
                missing = 0.0
            elif missing > GIVE_UP_AFTER:
                self.log.give_up(head)
            else:
                missing += pause
                pause = 1.0 if await self._page() else min(2 * pause, 8.0)

    async def _join(self) -> None:
        after = self.log.upto
        self.joins.append(after)
        asked = {} if after is None else {"after": after, "epoch": self.log.epoch}
        reply = await self._ask(action="join", **asked)
        self._note_epoch(reply)
        self.log.head = max(self.log.head, reply["seq"])
        if after is None:
            newest = await self._ask(action="history", before=reply["seq"] + 1, limit=200)
            self.log.upto = min([seq for seq, _ in entries(newest)], default=reply["seq"] + 1) - 1
            self.log.take(newest)
        else:
            self.log.take(reply)
        early, self._early = self._early or [], None
        for frame in early:
            self._take(frame)
        self._joined.set()
        while reply.get("more") and await self._page():
            pass

    async def _page(self) -> bool:
        """Ask for what follows `upto`. False if nothing came of it."""
        after = self.log.upto
        page = await self._ask(action="history", after=after, epoch=self.log.epoch)
        self.log.take(page)
        return self.log.upto != after

    def _take(self, frame: dict[str, Any]) -> None:
        self._note_epoch(frame)
        self.log.take(frame)

    def _note_epoch(self, frame: dict[str, Any]) -> None:
        self.log.epoch = self.log.epoch or frame.get("epoch")
        self.resets += self.log.epoch != frame.get(
            "epoch"
        )  # the room would have to be joined as for the first time

    async def _ask(self, **fields: Any) -> dict[str, Any]:
        """Send a frame and return its reply. Raises ConnectionError or TimeoutError."""
        assert self._socket is not None
        ref = fields.setdefault("ref", str(uuid.uuid4()))
        answer = self._requests[ref] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"room": self._room, **fields}, ensure_ascii=False))
        except ConnectionClosed as closed:
            raise ConnectionError from closed
        await asyncio.wait([answer], timeout=REPLY_TIMEOUT)
        if answer.cancelled():
            raise ConnectionError
        if not answer.done():
            raise TimeoutError
        return answer.result()
