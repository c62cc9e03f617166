"""Clients that keep the list of a room's members, as docs/protocol.md describes."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.asyncapi import check_received
from tests.support.waiting import TIMEOUT

PAUSE = 5.0  # seconds, at most, until a client whose list has a wrong size asks for the list


class PresenceClient:
    """A socket in one room, and its list: `people` are names by user. `asked` counts the requests for it."""

    def __init__(self, socket: ClientConnection, room: str) -> None:
        self._socket = socket
        self._room = room
        self._refs = (f"who-{number}" for number in count())
        self._updates: list[dict[str, Any]] = []  # since the list was requested
        self._asking: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self.people: dict[str, str] = {}
        self.asked = 0
        self._ask_in(0.0)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, room: str, *, client: str, name: str) -> PresenceClient:
        query = urlencode({"room": room, "client": client, "name": name})
        subprotocols = [Subprotocol("roomcast.v1")]
        return cls(await connect(f"{url}?{query}", subprotocols=subprotocols, open_timeout=TIMEOUT), room)

    async def close(self) -> None:
        """End as a tab that is closed or reloaded."""
        await self._socket.close()
        await self._end()

    async def abort(self) -> None:
        """End without a close frame, as a tab that is killed or cut off."""
        self._socket.transport.abort()
        await self._end()

    async def send(self, message: str) -> None:
        frame = {"action": "send", "ref": message, "room": self._room, "message": message}
        await self._socket.send(json.dumps(frame))

    async def _end(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                frame = json.loads(text)
                check_received(text)
                if frame["type"] == "presence":
                    self._updates.append(frame)
                    self._apply(frame)
                    if frame["count"] != len(self.people):
                        self._ask_in(random.uniform(0, PAUSE))
                elif frame["type"] == "reply" and frame["ref"].startswith("who-"):
                    assert self._answer is not None
                    self._answer.set_result(frame)

    def _ask_in(self, seconds: float) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(seconds))

    async def _ask(self, wait: float) -> None:
        while True:
            await asyncio.sleep(wait)
            self._answer = asyncio.get_running_loop().create_future()
            self._updates.clear()
            self.asked += 1
            with suppress(ConnectionClosed):
                await self._socket.send(
                    json.dumps({"action": "presence", "ref": next(self._refs), "room": self._room})
                )
            answer = await self._answer
            if answer["status"] == "ok":
                break
            wait = answer["retry_after"]
        assert not answer["more"]
        self.people = {person["user"]: person["name"] for person in answer["members"]}
        for frame in self._updates:  # an update that came meanwhile may be newer than the answer
            self._apply(frame)

    def _apply(self, frame: dict[str, Any]) -> None:
        self.people |= {person["user"]: person["name"] for person in frame["joined"]}
        for person in frame["left"]:
            self.people.pop(person["user"], None)
