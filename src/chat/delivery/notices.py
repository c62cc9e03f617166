"""Tell people on all their connections what has changed in their subscriptions, wherever it was done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

from apigateway import Frame
from chat.delivery.deliver import AddMembers, Counts, Delivery, Results, for_each
from chat.protocol import places
from chat.storage.connections import Connections
from chat.storage.members import Member
from chat.storage.people.place import Place, Subscription
from chat.storage.people.summaries import Summaries, Summary

# A person's changed subscriptions, by room; None for one that has ended.
type Changes = Mapping[str, Subscription | None]


class Notifier:
    def __init__(self, connections: Connections, summaries: Summaries, delivery: Delivery) -> None:
        self._connections = connections
        self._summaries = summaries
        self._delivery = delivery

    async def notify_all(self, changes: Mapping[str, Changes]) -> Results:
        """Notify each user, all at once; one that fails does not stop another."""
        return await for_each(changes, self.notify, key="user", error_message="notice failed")

    async def notify(self, user: str, changes: Changes) -> Counts:
        """Post a notice per room to the user's connections that speak frames.

        Raises what DynamoDB raises. A second time posts the same, or what is true by then.
        """
        members = await asyncio.to_thread(self._connections.members_of, user)
        listening = [member for member in members if member.protocol == "v1"]
        if not listening:
            return Counts()
        notices = await asyncio.to_thread(self._notices, changes)

        async def read_members(add_members: AddMembers) -> None:
            await add_members(listening)

        def frames_for(member: Member) -> list[Frame]:
            return notices

        return await self._delivery.deliver(None, frames_for, read_members)

    def _notices(self, changes: Changes) -> list[Frame]:
        # Strongly consistent: the count came before the mention that is told now.
        summaries = self._summaries.read([room for room, new in changes.items() if new], consistent=True)
        return [Frame(_notice(room, new, summaries.get(room))) for room, new in changes.items()]


def _notice(room: str, subscription: Subscription | None, summary: Summary | None) -> str:
    if subscription is None:
        return places.unsubscribed_notice(room)
    mention = subscription.newest_mention
    return places.notice(room, Place(subscription, summary).fields(), asdict(mention) if mention else None)
