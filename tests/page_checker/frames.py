"""What a person's pages have sent and were answered, read from their sockets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from playwright.async_api import Page, WebSocket

from tests.loss_checker.changes_oracle import Attempt, Form

CHANGES = ("edit", "delete", "react")
# The library sends the same frame again after these, and after any with the seconds to wait.
TEMPORARY = {"internal", "not_a_member", "not_connected"}


class Frames:
    """The messages and changes of all sockets of one person, each by its ref."""

    def __init__(self) -> None:
        self.user = ""  # the server says who that is
        self.followed: set[str] = set()  # the rooms that the person has subscribed to
        self._sent: dict[str, dict[str, Any]] = {}
        self._outcomes: dict[str, int | str] = {}

    def listen(self, page: Page) -> None:
        def on_socket(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: self._on_sent(frame))
            socket.on("framereceived", lambda frame: self._on_received(frame))

        page.on("websocket", on_socket)

    def texts(self, room: str, action: str) -> list[str]:
        """Return the texts of what was sent, one per ref."""
        return [frame["message"] for frame in self._of(room, action)]

    def attempts(self, room: str, history: Iterable[Form]) -> list[Attempt]:
        """Return what was sent. A message without an answer that others received is answered by that."""
        stored = {message["id"]: int(message["seq"]) for message in history}
        return [
            Attempt(
                self.user,
                "reply" if "reply_to" in frame else frame["action"],
                int(frame.get("reply_to", frame.get("seq", 0))),
                str(frame.get("message", frame.get("reaction", ""))),
                bool(frame.get("on", True)),
                self._outcomes.get(frame["ref"], stored.get(frame["ref"])),
            )
            for frame in self._of(room, "send", *CHANGES)
        ]

    def _of(self, room: str, *actions: str) -> list[Mapping[str, Any]]:
        return [
            frame for frame in self._sent.values() if frame["room"] == room and frame["action"] in actions
        ]

    def _on_sent(self, text: str | bytes) -> None:
        frame = json.loads(text)
        if frame.get("action") in {"send", "subscribe", *CHANGES}:
            self._sent[frame["ref"]] = frame

    def _on_received(self, text: str | bytes) -> None:
        frame = json.loads(text)
        if frame.get("type") != "reply":
            return
        self.user = frame.get("user", self.user)
        if frame["ref"] not in self._sent:
            return
        if frame["status"] == "ok" and self._sent[frame["ref"]]["action"] == "subscribe":
            self.followed.add(frame["room"])
        elif frame["status"] == "ok":
            self._outcomes[frame["ref"]] = int(frame["seq"])
        elif frame["code"] not in TEMPORARY and "retry_after" not in frame:
            self._outcomes.setdefault(frame["ref"], str(frame["code"]))
