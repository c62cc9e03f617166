"""Clients of web/roomcast.js, or of an earlier form of it, hosted in one Node process as in a page."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.project import ROOT
from tests.support.waiting import TIMEOUT

HOST = Path(__file__).with_name("library.mjs")
_LINE = 64 * 1024 * 1024  # bytes; an answer may be a room's whole history

needs_node = pytest.mark.skipif(
    shutil.which("node") is None and os.environ.get("NODE") != "required",
    reason="no Node.js here; NODE=required makes this a failure",
)


class Rejected(Exception):
    """A promise of the library was rejected with a RoomcastError, or its tab was killed (code "killed")."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Form:
    """How a message looked to the client when it changed."""

    seq: int
    text: str
    reactions: dict[str, int]  # counts
    deleted: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class RoomEvents:
    """The events of a room since it was joined.

    They are messages as (seq, id, text), the seqs of messages that were shown and have changed, how those
    looked then, gaps, resets, the results of the client's own messages and changes, and what is pending.
    """

    messages: list[tuple[int, str, str]]
    changed: list[int]
    forms: list[Form]
    gaps: list[tuple[int, int]]
    resets: int
    acknowledged: dict[str, int]
    failed: dict[str, str]
    failed_changes: list[tuple[str, int | None, str]]  # the action, the message's seq and the code
    pending: dict[str, str]  # texts by id
    pending_changes: list[dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.messages]

    @property
    def seqs(self) -> list[int]:
        return [seq for seq, _, _ in self.messages]


@dataclass(frozen=True, slots=True)
class ConnectionLog:
    """The states and errors of a client in order, and the events of each socket as (name, milliseconds).

    `frames` is how many the client sent, `joins` the rooms that it joined and after which number (None at
    first), and `received` how many frames of each type came.
    """

    states: list[str]
    errors: list[dict[str, Any]]
    sockets: list[list[tuple[str, float]]]
    frames: int
    joins: list[tuple[str, int | None]]
    received: dict[str, int]


class Library:
    """The Node process. Entering the context starts it, leaving ends it with all its clients."""

    def __init__(self, path: Path = ROOT / "web" / "roomcast.js") -> None:
        self._path = path

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            "node",
            "--experimental-websocket",  # Node 20 has it only so
            "--no-warnings",
            str(HOST),
            str(self._path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
        )
        self._ids = itertools.count(1)
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def open(self, client: str, url: str, /, *, fresh: bool = False, **options: Any) -> LibraryClient:
        """Open a client. A second of the same name gets the first one's sessionStorage, unless `fresh`."""
        person = {"name": client, "client": f"the random id of {client}"}
        await self.request("open", client=client, url=url, options={**person, **options}, fresh=fresh)
        return LibraryClient(self, client)

    async def request(self, command: str, **fields: Any) -> Any:
        """Run a command and return its result. Raises Rejected."""
        assert self._process.stdin is not None
        id_ = next(self._ids)
        answer = self._requests[id_] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": id_, "do": command, **fields}).encode() + b"\n")
        return await answer

    async def stored(self) -> str:
        """Return what all clients of this process have in their storages."""
        return str(await self.request("stored"))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            request = self._requests.pop(answer["id"])
            if request.done():  # whoever request has given up
                continue
            if "code" in answer:
                request.set_exception(Rejected(answer["code"], answer["detail"]))
            else:
                request.set_result(answer["ok"])
        for request in self._requests.values():
            if not request.done():
                request.set_exception(ConnectionError("the Node process has ended"))


class LibraryClient:
    def __init__(self, library: Library, name: str) -> None:
        self._library = library
        self.name = name

    async def join(self, room: str, **options: Any) -> LibraryRoom:
        """Join a room. Raises Rejected."""
        await self._request("join", room=room, options=options)
        return LibraryRoom(self, room)

    async def rooms(self, **expected: dict[str, Any] | None) -> list[dict[str, Any]]:
        """Return the list of rooms, when each of these has these fields. None: the room is not there."""
        async with asyncio.timeout(TIMEOUT):
            places: list[dict[str, Any]] = await self._request("rooms", expected=expected)
        return places

    async def inbox(self) -> LibraryRoom:
        return LibraryRoom(self, await self._request("inbox"))

    async def connection_log(self) -> ConnectionLog:
        answer = await self._request("connectionLog")
        return ConnectionLog(**{**answer, "joins": [(room, after) for room, after in answer["joins"]]})

    async def close(self) -> None:
        await self._request("close")

    async def dispatch(self, event: str) -> None:
        """Dispatch the browser's event "online" or "offline"."""
        await self._request("dispatch", event=event)

    async def kill(self) -> None:
        """End the client as a killed or reloaded tab ends: at once, without a frame from the library."""
        await self._request("kill")

    async def _request(self, command: str, **fields: Any) -> Any:
        return await self._library.request(command, client=self.name, **fields)


class LibraryRoom:
    def __init__(self, client: LibraryClient, name: str) -> None:
        self.client = client
        self.name = name

    async def send(self, message: str, **options: Any) -> dict[str, Any]:
        """Send a message and return its seq, id and time. Raises Rejected."""
        acknowledgement: dict[str, Any] = await self._request("send", message=message, options=options)
        return acknowledgement

    async def edit(self, message: int | str, text: str, **options: Any) -> dict[str, Any]:
        """Edit a message, by its seq or its ref, and return the acknowledgement. Raises Rejected."""
        acknowledgement: dict[str, Any] = await self._request(
            "edit", target=message, message=text, options=options
        )
        return acknowledgement

    async def delete(self, message: int | str) -> dict[str, Any] | None:
        acknowledgement: dict[str, Any] | None = await self._request("delete", target=message)
        return acknowledgement

    async def react(self, message: int | str, reaction: str, on: bool = True) -> dict[str, Any]:
        acknowledgement: dict[str, Any] = await self._request(
            "react", target=message, reaction=reaction, on=on
        )
        return acknowledgement

    async def subscribe(self, **options: Any) -> None:
        await self._request("subscribe", options=options)

    async def unsubscribe(self) -> None:
        await self._request("unsubscribe")

    async def read(self, seq: int) -> None:
        """Mark the messages up to this one as read. Raises Rejected."""
        await self._request("read", seq=seq)

    async def leave(self) -> None:
        await self._request("leave")

    async def looks(self, newest: int = 0) -> dict[int, dict[str, Any]]:
        """Return how all messages that were shown look now, or the newest: text, reactions and deleted."""
        found = await self._request("looks", newest=newest)
        names = ("text", "reactions", "deleted")
        return {form["seq"]: {name: form[name] for name in names} for form in found}

    async def until(self, *, count: int = 0, seq: int = 0, timeout: float = TIMEOUT) -> None:
        """Wait until there are `count` messages, and one of at least this seq."""
        async with asyncio.timeout(timeout):
            await self._request("until", count=count, seq=seq)

    async def events(self) -> RoomEvents:
        answer = await self._request("events")
        return RoomEvents(
            messages=[(seq, id_, text) for seq, id_, text in answer["messages"]],
            changed=answer["changed"],
            forms=[Form(**form) for form in answer["forms"]],
            gaps=[(first, last) for first, last in answer["gaps"]],
            resets=answer["resets"],
            acknowledged=dict(answer["acknowledged"]),
            failed=dict(answer["failed"]),
            failed_changes=[(action, seq, code) for action, seq, code in answer["failedChanges"]],
            pending=dict(answer["pending"]),
            pending_changes=answer["pendingChanges"],
        )

    async def read_back(self, limit: int | None = None) -> list[list[tuple[int, str, str]]]:
        """Return the messages before those that were shown, by pages, the newest page first."""
        pages = await self._request("readBack", limit=limit)
        return [[(seq, id_, text) for seq, id_, text in page] for page in pages]

    async def _request(self, command: str, **fields: Any) -> Any:
        return await self.client._request(command, room=self.name, **fields)
