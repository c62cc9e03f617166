"""A chat in memory that speaks the protocol, and can be told to do one thing wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Request, Response, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from smoke.client import Chat

ROOM = "smoke"


class FakeChat:
    """`flaw` is what it does wrong, or nothing."""

    def __init__(self, flaw: str = "") -> None:
        self.flaw = flaw
        self.requests: list[Request] = []
        self._messages: list[dict[str, Any]] = []
        self._sockets: set[ServerConnection] = set()

    def admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return socket.respond(403, "Forbidden") if self.flaw == "rejects" else None

    async def serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        rooms = parse_qs(urlsplit(socket.request.path).query).get("room", [])
        self._sockets |= {socket} if ROOM in rooms else set()
        with suppress(ConnectionClosed):
            async for text in socket:
                if reply := self._answer(json.loads(text)):
                    await socket.send(json.dumps(reply))
        self._sockets.discard(socket)

    def _answer(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        ref = frame.get("ref")
        reply = {"type": "reply", "ref": ref, "status": "ok"}
        match frame["action"]:
            case "ping":
                return None if self.flaw == "no route response" else reply | {"pong": True}
            case "join" | "history":
                page = [m for m in self._messages if m["seq"] > frame.get("after", 0)]
                if self.flaw == "forgets":
                    page = page[1:]
                return reply | {"name": "Ada", "seq": len(self._messages), "messages": page, "more": False}
            case "onMessage":
                self._store(f"ref-{len(self._messages)}", frame["message"])
                return None
        if self.flaw == "throttled":
            return {"message": "Too Many Requests", "connectionId": "c", "requestId": "r"}
        if self.flaw == "read-only":
            return reply | {"status": "error", "code": "forbidden", "detail": "The room is locked."}
        seq = next((m["seq"] for m in self._messages if m["id"] == ref), None)
        if seq is None or self.flaw == "counts twice":
            seq = self._store(ref, frame["message"])
        return reply | {"room": ROOM, "seq": seq, "id": ref, "at": ""}

    def _store(self, message_id: Any, text: str) -> int:
        message = {"seq": len(self._messages) + 1, "id": message_id, "message": text}
        self._messages.append(message)
        if self.flaw == "silent" or ("Message 7 " in text and self.flaw in ("loses", "sheds")):
            if self.flaw == "loses":
                message["id"] = "lost"
            return len(self._messages)
        if self.flaw == "disorder":
            message = message | {"seq": 1_000 - message["seq"]}
        plain = {socket for socket in self._sockets if socket.subprotocol is None}
        broadcast(
            self._sockets - plain, json.dumps({"type": "messages", "room": ROOM, "messages": [message]})
        )
        if self.flaw != "no plain clients":
            broadcast(plain, text)
        return len(self._messages)


@asynccontextmanager
async def fake_chat(
    flaw: str = "", token: str = "", timeout: float = 30
) -> AsyncIterator[tuple[Chat, FakeChat]]:
    """Yield how the smoke check reaches a fake chat, and the fake."""
    fake = FakeChat(flaw)

    def select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        return offered[0] if offered else None

    options: dict[str, Any] = {"select_subprotocol": select, "process_request": fake.admit}
    async with serve(fake.serve, "127.0.0.1", 0, **options) as server:
        port = server.sockets[0].getsockname()[1]
        yield Chat(f"ws://127.0.0.1:{port}/prod", token, ROOM, timeout), fake
