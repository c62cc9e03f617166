"""Every frame of docs/conversations is one that docs/asyncapi.yaml describes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.asyncapi import WrongFrame, check_received, check_sent

FOLDER = Path(__file__).parents[2] / "docs" / "conversations"
FILES = sorted(FOLDER.glob("*.txt"))
FRAME = re.compile(r"([<>]) (\{.*\})")
NAME = re.compile(r'"\$(\w+)"')  # stands for a value that the client chooses


def check(conversation: str) -> set[str]:
    """Return the names of its messages. Raises WrongFrame, also for a reply to a frame that was not sent."""
    names = set()
    actions: dict[str | None, str] = {}
    for line in conversation.splitlines():
        match = FRAME.fullmatch(line)
        if not match:
            continue
        text = NAME.sub(r'"\1"', match[2])
        frame = json.loads(text)
        if match[1] == ">":
            names.add(check_sent(frame))
            actions[frame["ref"]] = frame["action"]
        elif frame.get("type") == "reply" and frame["ref"] not in actions:
            raise WrongFrame(f"a reply to nothing: {text}")
        else:
            names.add(check_received(text, actions.get(frame.get("ref"))))
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_frames_of_a_conversation_fit_the_schema(file: Path) -> None:
    assert check(file.read_text("utf-8"))


@pytest.mark.parametrize(
    "wrong",
    [
        '> {"action": "join", "ref": "$j1"}',
        '> {"action": "dance", "ref": "$d1"}',
        '< {"type":"check","room":"general"}',
        '< {"type":"reply","ref":"$v1","status":"ok"}',
        '> {"action": "alive", "ref": "$v1"}\n< {"type":"reply","ref":"$v1","status":"ok","room":"general"}',
    ],
)
def test_a_wrong_frame_is_found(wrong: str) -> None:
    with pytest.raises(WrongFrame):
        check(wrong)
