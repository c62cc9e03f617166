"""What a person's pages have sent is read from their sockets."""

from __future__ import annotations

import json
from typing import Any

from tests.loss_checker.changes_oracle import Attempt
from tests.page_checker.frames import Frames

SEND = {"action": "send", "room": "general", "ref": "m1", "message": "<1>"}
REPLY = {"action": "send", "room": "general", "ref": "m2", "message": "<3>", "reply_to": 1}
EDIT = {"action": "edit", "room": "general", "ref": "c1", "seq": 1, "message": "<2>"}
REACT = {"action": "react", "room": "general", "ref": "c2", "seq": 1, "reaction": "👍", "on": False}


class Socket:
    """A socket of Playwright's, as far as it is listened to."""

    def __init__(self, frames: Frames) -> None:
        self._listeners: dict[str, Any] = {}
        frames.listen(self)  # type: ignore[arg-type]

    def on(self, event: str, listener: Any) -> None:
        if event == "websocket":
            listener(self)
        else:
            self._listeners[event] = listener

    def sends(self, frame: dict[str, Any]) -> None:
        self._listeners["framesent"](json.dumps(frame))

    def receives(self, **frame: Any) -> None:
        self._listeners["framereceived"](json.dumps({"type": "reply", **frame}))


def test_a_frame_that_is_sent_again_counts_once_and_has_its_last_answer() -> None:
    frames = Frames()
    first, second = Socket(frames), Socket(frames)
    first.receives(ref="j", status="ok", user="u-ada")
    first.sends(SEND)
    first.receives(ref="m1", status="error", code="internal")
    assert frames.attempts("general", []) == [Attempt("u-ada", "send", 0, "<1>", True, None)]
    second.sends(SEND)
    second.receives(ref="m1", status="ok", seq=1)
    second.sends(EDIT)
    second.receives(ref="c1", status="error", code="rate_limited", retry_after=1)
    second.receives(ref="c1", status="error", code="invalid_message")
    second.sends(REPLY)
    second.receives(ref="m2", status="ok", seq=3)
    second.sends({"action": "subscribe", "room": "general", "ref": "s"})
    second.receives(ref="s", status="ok", room="general", seq=0)
    second.sends(REACT)
    second.receives(ref="c2", status="ok", seq=2)
    assert frames.attempts("general", []) == [
        Attempt("u-ada", "send", 0, "<1>", True, 1),
        Attempt("u-ada", "edit", 1, "<2>", True, "invalid_message"),
        Attempt("u-ada", "reply", 1, "<3>", True, 3),
        Attempt("u-ada", "react", 1, "👍", False, 2),
    ]
    assert frames.texts("general", "send") == ["<1>", "<3>"]
    assert frames.followed == {"general"}
    assert frames.attempts("another", []) == []


def test_a_message_whose_answer_was_lost_is_answered_by_the_history() -> None:
    frames = Frames()
    Socket(frames).sends(SEND)
    (attempt,) = frames.attempts("general", [{"id": "m1", "seq": 4}])
    assert attempt.outcome == 4
