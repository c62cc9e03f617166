"""docs/protocol.md and the README show frames as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chat.actions.dispatch import ACTIONS
from chat.actions.fields import MAX_COUNTED, MAX_PINGED
from chat.identity.identity import Identity
from chat.protocol.data import MAX_DATA
from chat.protocol.errors import ChatError
from chat.protocol.messages import MAX_REF, MAX_TEXT, compose
from local.aws_defaults import Limits
from tests.support.asyncapi import ANY_REPLY, ASKED, UNASKED, check_received, check_sent

AUTHOR = Identity("u1", "Ada", "v1")
ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
# A frame on a line of its own, in a transcript ("> " is what a client sends), or in the text.
FRAME = re.compile(
    r'^(?:[<>] )?(\{"(?:action|type|message)".*\})$|`(\{"(?:action|type|message)"[^`]*\})`', re.M
)


def shown(page: str) -> list[str]:
    """The names of the messages that a page shows. Raises WrongFrame and ValueError where one is wrong."""
    names = []
    actions: dict[str, str] = {}
    for match in FRAME.finditer(page):
        text = match[1] or match[2]
        frame = json.loads(text)
        if "action" in frame and "type" not in frame:
            names.append(check_sent(frame))
            actions[frame.get("ref")] = frame["action"]
        else:
            names.append(check_received(text, actions.get(frame.get("ref"))))
    return names


def test_the_page_shows_every_message() -> None:
    assert set(shown(PAGE)) == {*ASKED, *ANY_REPLY, *UNASKED} - {"text"}


def test_the_readme_shows_messages_as_they_are() -> None:
    assert {"onMessage", "send", "sent", "messages"} <= set(shown((ROOT / "README.md").read_text("utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        '> {"action": "send", "room": "general", "message": "Hi"}',
        '< {"type":"reply","ref":"r1","status":"okay"}',
        'Say `{"action": "dance"}`.',
        '{"type": "messages", "messages": […]}',
        '> {"action": "ping", "ref": "p1"}\n< {"type":"reply","ref":"p1","status":"ok","room":"general"}',
    ],
)
def test_a_wrong_example_is_found(wrong: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        shown(wrong)


def first_column(heading: str) -> list[str]:
    """The code in the first column of a section's first table with any."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section.partition("| --- |")[2], re.M)


def test_the_page_explains_every_action_and_every_code() -> None:
    assert sorted(first_column("What a client sends")) == sorted(ACTIONS)
    assert sorted(first_column("Errors")) == sorted(error.code for error in ChatError.__subclasses__())


def test_the_page_says_how_many_rooms_one_ping_may_have() -> None:
    assert f"| rooms in a `ping`, and rooms in its `counts` | {MAX_PINGED}, {MAX_COUNTED} |" in PAGE
    assert f"*In parts* if you are in more than {MAX_PINGED} rooms" in PAGE


def test_the_links_inside_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.M)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links and links <= anchors


def test_the_encoder_of_the_page_fits_the_longest_message_into_a_frame_and_escapes_would_not() -> None:
    written: dict[str, Any] = {"json": json}
    exec(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0], written)
    compose(author=AUTHOR, ref="💬" * MAX_REF, text="💬" * MAX_TEXT, data="x" * (MAX_DATA - 2), at="")
    frame = {"action": "send", "room": "💬" * 100, "ref": "💬" * MAX_REF, "message": "💬" * MAX_TEXT}
    assert len(written["encode"](frame | {"data": "x" * (MAX_DATA - 2)}).encode()) < 24 * 1024
    assert len(json.dumps(frame)) > 48 * 1024 > Limits().frame
    with pytest.raises(ValueError, match="frame"):
        written["encode"](frame | {"data": "x" * 32 * 1024})
