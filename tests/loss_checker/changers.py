"""Members that send, answer, edit, delete and react by frames. After every fault they `join` with `after`."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.loss_checker.actions import PAUSE, next_action
from tests.loss_checker.changes_oracle import Attempt, Form

REPLY_TIMEOUT = 10.0  # seconds for the first try; each further one waits as long again, up to four times
_AGAIN = {"internal", "not_a_member", "not_connected"}  # errors after which the same frame is sent again


class Changer:
    """A client of the protocol page: by revision, with gaps, and one request at a time."""

    def __init__(self, url: str, room: str, name: str, rng: random.Random) -> None:
        self._url = f"{url}?{urlencode({'room': room, 'client': name})}"
        self._room, self._random = room, rng
        self.name, self.user = name, ""  # the server says which user that is
        self._forms: dict[int, Form] = {}  # as the server has sent them
        self._replies: dict[int, set[int]] = {}  # those that came, by their roots
        self.attempts: list[Attempt] = []
        self.notices: list[dict[str, Any]] = []
        self._have: set[int] = set()
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}  # by ref
        self._count = 0
        self.asks = "nothing"  # what it waits for, and what came of that so far

    async def act(self) -> None:
        """Send a message, answer one, or change one."""
        await self._pause()
        mine = [seq for seq, message in self._forms.items() if message["user"] == self.user]
        self._count += 1
        action = next_action(self._random, f"<{self._count} of {self.name}>", list(self._forms), mine)
        frame: dict[str, Any] = {"action": action.kind, "room": self._room}
        match action.kind:
            case "send" | "reply":
                answered = {"reply_to": action.of} if action.of else {}
                frame |= {"action": "send", "message": action.text, **answered, **self._send_fields()}
            case "edit":
                frame |= {"seq": action.of, "message": action.text}
            case "delete":
                frame |= {"seq": action.of}
            case "react":
                frame |= {"seq": action.of, "reaction": action.text, "on": action.on}
        outcome = await self._until_answered(frame)
        self.attempts.append(Attempt(self.user, action.kind, action.of, action.text, action.on, outcome))

    async def end(self) -> int:
        """Send a last message and delete it, and return its seq, 0 if it is not taken.

        No text may be left then: neither in the room's head nor in its summary.
        """
        text = f"<the end of {self._room}>"
        seq = await self._until_answered({"action": "send", "room": self._room, "message": text})
        self.attempts.append(Attempt(self.user, "send", 0, text, True, seq))
        if not isinstance(seq, int):
            return 0
        outcome = await self._until_answered({"action": "delete", "room": self._room, "seq": seq})
        self.attempts.append(Attempt(self.user, "delete", seq, "", True, outcome))
        return seq

    async def catch_up(self, last: int) -> None:
        """Read what is missing up to the room's newest number, as after an absence."""
        await self._disconnect()
        while True:
            page = await self._request({"action": "history", "room": self._room, "after": self._upto})
            ping = await self._request({"action": "ping", "rooms": [self._room]})
            if self._upto >= ping.get("heads", {}).get(self._room, {}).get("seq", 10**12):
                return
            if not page.get("more"):
                await asyncio.sleep(0.5)

    async def close(self) -> None:
        await self._disconnect()

    async def history(self) -> tuple[dict[int, Form], list[dict[str, Any]]]:
        """Return the messages and the changes of the whole history."""
        messages: dict[int, Form] = {}
        changes: list[dict[str, Any]] = []
        after, more = 0, True
        while more:
            page = await self._request(
                {"action": "history", "room": self._room, "after": after, "limit": 200}
            )
            more = page.get("more", True)
            messages |= {message["seq"]: message for message in page.get("messages", [])}
            changes += page.get("changes", [])
            after = max([after, *messages, *page.get("skipped", [])])
        return messages, changes

    @property
    def shown(self) -> dict[int, Form]:
        """All messages, each with the replies that came since the server's form of it."""
        return {seq: self._counted(form) for seq, form in self._forms.items()}

    def _counted(self, form: Form) -> Form:
        later = [seq for seq in self._replies.get(form["seq"], ()) if seq > form.get("revision", 0)]
        if not later:
            return form
        return {**form, "replies": form.get("replies", 0) + len(later), "revision": max(later)}

    @property
    def _upto(self) -> int:
        """The number up to which it has everything."""
        upto = 0
        while upto + 1 in self._have:
            upto += 1
        return upto

    async def _pause(self) -> None:
        await asyncio.sleep(self._random.expovariate(1 / PAUSE))

    def _send_fields(self) -> dict[str, Any]:
        """Return what a message has beside its text."""
        return {}

    async def _until_answered(self, frame: dict[str, Any]) -> int | str:
        reply = await self._until_replied(frame)
        return int(reply["seq"]) if reply.get("status") == "ok" else str(reply["code"])

    async def _until_replied(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Return the reply to a frame, which is sent again until it is answered for good."""
        frame = {**frame, "ref": str(uuid.UUID(int=self._random.getrandbits(128), version=4))}
        while True:
            reply = await self._request(frame)
            if reply.get("status") == "ok":
                return reply
            code = str(reply.get("code", "internal"))
            self.asks = f"{frame}, answered {reply}"
            if code not in _AGAIN and "retry_after" not in reply:
                return {**reply, "code": code}
            await asyncio.sleep(reply.get("retry_after", 0.2) + self._random.uniform(0, 0.5))
            if code != "rate_limited":
                await self._disconnect()

    async def _request(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Return the reply; over another connection, again and again, while there is none."""
        frame = {"ref": str(uuid.uuid4()), **frame}
        for tries in count(1):
            timeout = REPLY_TIMEOUT * min(tries, 4)
            try:
                return await self._once(frame, timeout)
            except (OSError, WebSocketException, TimeoutError, asyncio.CancelledError) as error:
                task = asyncio.current_task()
                if task and task.cancelling():
                    raise
                self.asks = f"{frame}, try {tries}: {error!r}"
            await self._disconnect()
            await asyncio.sleep(self._random.uniform(0.1, 0.8))
        raise AssertionError("tries without end")

    async def _once(self, frame: dict[str, Any], timeout: float) -> dict[str, Any]:
        async with asyncio.timeout(timeout):
            if self._socket is None:
                socket = await connect(self._url, subprotocols=[Subprotocol("roomcast.v1")])
                self._socket, self._reading = socket, asyncio.create_task(self._read(socket))
                join = {"action": "join", "room": self._room, "after": self._upto, "ref": str(uuid.uuid4())}
                if frame["action"] != "history":
                    joined = await self._answer(socket, join)
                    self.user = joined.get("user", self.user)
            return await self._answer(self._socket, frame)

    async def _answer(self, socket: ClientConnection, frame: dict[str, Any]) -> dict[str, Any]:
        answered = self._asked[frame["ref"]] = asyncio.get_running_loop().create_future()
        await socket.send(json.dumps(frame, ensure_ascii=False))
        return await answered

    async def _read(self, socket: ClientConnection) -> None:
        with suppress(WebSocketException, OSError):
            async for text in socket:
                frame = json.loads(text)
                if frame.get("type") in {"messages", "reply"}:
                    self._apply(frame)
                elif frame.get("type") == "notice":
                    self.notices.append(frame)
                answered = self._asked.pop(frame.get("ref") or "", None)
                if answered and not answered.done():
                    answered.set_result(frame)
        for answered in self._asked.values():  # the socket is closed
            answered.cancel()
        self._asked.clear()

    def _apply(self, frame: dict[str, Any]) -> None:
        messages = frame.get("messages", [])
        self._have |= {message["seq"] for message in messages} | set(frame.get("skipped", []))
        changed = [change["message"] for change in frame.get("changes", []) if "message" in change]
        for message in [*messages, *changed]:
            known = self._forms.get(message["seq"])
            if known is None or message.get("revision", 0) > known.get("revision", 0):
                self._forms[message["seq"]] = message
            if "root" in message:
                self._replies.setdefault(message["root"], set()).add(message["seq"])

    async def _disconnect(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()
            if self._reading:
                await self._reading
