"""The newest message of a room, as a list of rooms shows it: a part of the room's summary.

The log and the summaries write it: nothing that was deleted stays readable, whoever applies the deletion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.protocol.messages import Message
from chat.storage import keys
from chat.storage.dynamodb import write_if

MAX_SHOWN = 200  # characters of the newest message that a list of rooms shows


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest message of a room: what a list of rooms shows of it. A deleted one has no text."""

    seq: int
    user: str
    name: str
    at: str
    text: str
    deleted: bool
    revision: int

    @classmethod
    def of(cls, seq: int, message: Message) -> Newest:
        text = message.text[:MAX_SHOWN]
        return cls(seq, message.user, message.name, message.at, text, message.deleted, message.revision)

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Newest:
        return cls(
            int(item["seq"]), item["user"], item["name"], item["at"], item["message"], item["deleted"],
            int(item["revision"]),
        )  # fmt: skip

    def to_item(self) -> dict[str, Any]:
        return {
            "seq": self.seq, "user": self.user, "name": self.name, "at": self.at, "message": self.text,
            "deleted": self.deleted, "revision": self.revision,
        }  # fmt: skip


def refresh_newest(dynamodb: Any, table: str, room: str, new: Newest) -> None:
    """Show a message as it is now, if it is the summary's and was shown in an older form."""
    write_if(
        dynamodb.update_item,
        TableName=table,
        Key=keys.summary(room),
        UpdateExpression="SET #newest = :newest",
        ConditionExpression="#newest.#seq = :seq AND #newest.#revision < :revision",
        ExpressionAttributeNames={"#newest": "newest", "#seq": "seq", "#revision": "revision"},
        ExpressionAttributeValues={":newest": new.to_item(), ":seq": new.seq, ":revision": new.revision},
    )
