"""Replies to messages."""

from __future__ import annotations

from typing import Any

import pytest

from chat.actions.context import Context, Sender
from chat.protocol.errors import InvalidFrame, InvalidMessage, InvalidRef
from tests.support.fakes.stream import Stream
from tests.unit.chat.actions.conftest import EVES, SENDER, change, error_of, fold, history, reply_to


def reply(chat: Context, to: object, ref: str, sender: Sender = SENDER) -> dict[str, Any]:
    return reply_to(chat, sender, action="send", ref=ref, room="general", message="So?", reply_to=to)


def test_a_reply_names_its_message_and_the_first_one_of_the_chain(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    assert reply(said, 1, "a1", EVES)["seq"] == 3
    assert reply(said, 3.0, "a2")["seq"] == 4
    fold(dynamodb, stream)
    first, other, answer, further = history(said)["messages"]
    assert (first["replies"], first["revision"], "replies" in other) == (2, 4, False)
    assert (answer["reply_to"], answer["root"]) == (1, 1)
    assert (further["reply_to"], further["root"]) == (3, 1)


@pytest.mark.parametrize("to", [0, -1, "1", 1.5, True, [1]], ids=repr)
def test_an_invalid_message_to_reply_to_is_an_error(said: Context, to: object) -> None:
    frame = {"action": "send", "ref": "a1", "room": "general", "message": "So?", "reply_to": to}
    assert isinstance(error_of(said, **frame), InvalidFrame)


def test_what_is_no_message_cannot_be_replied_to_unless_it_was_before(
    said: Context, dynamodb: Any, stream: Stream
) -> None:
    frame = {"action": "send", "ref": "a1", "room": "general", "message": "So?", "reply_to": 7}
    assert isinstance(error_of(said, **frame), InvalidMessage)
    before = reply(said, 1, "a2")
    dynamodb.delete_item(TableName="MessagesTable", Key={"pk": "LOG#general", "sk": "000000000001"})
    assert reply(said, 1, "a2") == before
    assert isinstance(error_of(said, **frame | {"reply_to": 1}), InvalidMessage)


def test_a_deleted_message_can_be_replied_to(said: Context, dynamodb: Any, stream: Stream) -> None:
    change(said, "delete")
    fold(dynamodb, stream)
    assert reply(said, 1, "a1")["status"] == "ok"


def test_a_ref_is_for_one_reply(said: Context) -> None:
    reply(said, 1, "a1")
    frame = {"action": "send", "ref": "a1", "room": "general", "message": "So?", "reply_to": 2}
    assert isinstance(error_of(said, **frame), InvalidRef)


def test_a_plain_client_may_reply_too(said: Context) -> None:
    answer = reply_to(said, action="onMessage", room="general", message="So?", reply_to=1)
    assert answer["status"] == "ok"
