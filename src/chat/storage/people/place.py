"""A person's place in a room: how far it is read, what is unread, and where the person is mentioned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.identity.identity import Person
from chat.protocol.places import place_fields
from chat.storage import keys
from chat.storage.people.summaries import Summary
from chat.storage.signals import ReadReceipt

MAX_MENTIONS = 100  # unread ones that a subscription keeps
# Why a subscription was written last, if the person did it, for whoever reads the stream.
SUBSCRIBED, READ = "subscribed", "read"


@dataclass(frozen=True, slots=True)
class Mention:
    """Who mentioned a person, in which message."""

    seq: int
    user: str
    name: str
    at: str

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Mention:
        return cls(int(item["seq"]), item["user"], item["name"], item["at"])


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person's place in a room: read up to the seq `read`, before which there are `read_count` messages.

    `mentions` are the seqs of messages that mention the person, and `mention` is the newest of them. They may
    have older ones than `read`, which count no more.
    """

    room: str
    read: int
    read_count: int
    muted: bool
    since: str
    read_at: int = 0  # milliseconds since 1970, when the person marked it last
    mentions: frozenset[int] = frozenset()
    mention: Mention | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Subscription:
        return cls(
            keys.room_of(item["sk"]), int(item["read"]), int(item["read_count"]), item["muted"],
            item["since"], int(item.get("read_at", 0)), frozenset(map(int, item.get("mentions", ()))),
            Mention.from_item(item["mention"]) if "mention" in item else None,
        )  # fmt: skip

    @property
    def mentioned(self) -> int:
        """The number of unread mentions; MAX_MENTIONS means as many or more."""
        return min(MAX_MENTIONS, sum(seq > self.read for seq in self.mentions))

    @property
    def newest_mention(self) -> Mention | None:
        """The newest mention, if it is unread and was not deleted."""
        known = self.mention is not None and self.mention.seq in self.mentions
        return self.mention if known and self.mention and self.mention.seq > self.read else None

    def unread(self, summary: Summary | None) -> int:
        """Return the number of unread messages.

        0 if the person is faster than the count: the summary has not come as far as the mark.
        """
        return max(0, (summary.count if summary else 0) - self.read_count)


@dataclass(frozen=True, slots=True)
class Place:
    """A subscription with the room's summary, None if nothing was counted since the room is followed."""

    subscription: Subscription
    summary: Summary | None

    @property
    def seq(self) -> int:
        """The seq up to which the room is counted, or the person has read, if that is more."""
        return max(self.subscription.read, self.summary.seq if self.summary else 0)

    @property
    def unread(self) -> int:
        return self.subscription.unread(self.summary)

    def fields(self) -> dict[str, object]:
        """Return the fields of a frame that tell the place."""
        person = self.subscription
        return place_fields(
            seq=self.seq,
            read=person.read,
            unread=self.unread,
            mentions=person.mentioned,
            muted=person.muted,
            since=person.since,
        )


def receipt_of(item: Mapping[str, Any]) -> ReadReceipt | None:
    """Return the read receipt that a subscription's version in the stream is.

    None unless the person has raised the mark in this write.
    """
    if item["cause"] != READ:
        return None
    return ReadReceipt(Person(keys.user_of(item["pk"]), item["name"]), int(item["read"]))
