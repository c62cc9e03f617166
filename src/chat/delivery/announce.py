"""Announce a room's signals to its members."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from apigateway import Frame
from chat.delivery.deliver import AddMembers, Counts, Delivery, ReadMembers, Results, for_each
from chat.delivery.slice_queue import SliceQueue, SliceTask
from chat.identity.identity import Person
from chat.protocol import frames
from chat.storage.log.repair import LogRepair
from chat.storage.member_reader import MemberPage, MemberReader
from chat.storage.members import MAX_LISTED_MEMBERS, Member, Slice, people_in
from chat.storage.signals import Notice, PresenceChanged, ReadReceipt, Signal, Signals, Typing


class Announcer:
    def __init__(
        self,
        members: MemberReader,
        log: LogRepair,
        signals: Signals,
        delivery: Delivery,
        slice_queue: SliceQueue,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._members = members
        self._log = log
        self._signals = signals
        self._delivery = delivery
        self._slice_queue = slice_queue
        self._now = now

    async def announce_all(self, signals: Mapping[str, Sequence[Signal]]) -> Results:
        """Announce each room's signals, all rooms at once; a room that fails does not stop another."""
        return await for_each(signals, self.announce, error_message="announcement failed")

    async def announce(self, room: str, signals: Sequence[Signal]) -> Counts | None:
        """Post signals to the members that speak frames. Raises ReadFailed if the members cannot be read.

        Above the presence limit a room gets only notices: each join, leave, receipt and typing would cost a
        post to everybody. The change to above the limit is such a notice. None if the slices of a large room
        post the notices.
        """
        page = await self._members.page(room, limit=MAX_LISTED_MEMBERS + 1)
        notices = [
            Notice(frames.with_expires_in(signal.frame, self._now()), signal.id)
            for signal in signals
            if isinstance(signal, Notice)
        ]
        changes = [signal for signal in signals if isinstance(signal, PresenceChanged)]
        if len(page.members) > MAX_LISTED_MEMBERS:
            if changes:
                has_grown = await asyncio.to_thread(self._signals.suppress_presence, room)
                if has_grown:
                    frame = frames.above_presence_limit(room, page.estimate)
                    notices.append(Notice(frame, str(uuid.uuid4())))
            return await self._announce_notices(room, notices)
        if any(change.was_above for change in changes):
            await asyncio.to_thread(self._signals.resume_presence, room)
        frames_for = self._frames_for(room, signals, notices, page)
        return await self._delivery.deliver(room, frames_for, _only(page))

    async def _announce_notices(self, room: str, notices: Sequence[Notice]) -> Counts | None:
        if not notices:
            return Counts()
        slices = await asyncio.to_thread(self._log.slices, room)
        if slices is None:
            return await self._delivery.deliver_frames(
                room, [notice.frame for notice in notices], lambda add: self._members.read(room, add)
            )
        tasks = [
            SliceTask(Slice(room, number, slices), 0, 0, notice=notice)
            for notice in notices
            for number in range(slices)
        ]
        await asyncio.to_thread(self._slice_queue.enqueue, tasks)
        return None

    def _frames_for(
        self, room: str, signals: Sequence[Signal], notices: Sequence[Notice], page: MemberPage
    ) -> Callable[[Member], list[Frame]]:
        present = people_in(page.members)
        for_all: list[Frame] = []
        changed = {
            signal.person.user: signal.person for signal in signals if isinstance(signal, PresenceChanged)
        }
        if changed:
            joined = [present[user] for user in changed if user in present]
            left = [person for user, person in changed.items() if user not in present]
            for_all.append(Frame(frames.presence(room, joined, left, len(present))))
        typists = {signal.person.user: signal.person for signal in signals if isinstance(signal, Typing)}
        typing: list[tuple[Person, Frame]] = [
            (person, Frame(frames.typing(room, person)))
            for person in typists.values()
            if person.user in present
        ]
        for_all += [Frame(notice.frame) for notice in notices]
        for_all += [Frame(frames.read(room, each.person, each.seq)) for each in _receipts(signals, present)]

        def frames_for(member: Member) -> list[Frame]:
            if member.protocol == "plain":
                return []
            return for_all + [frame for person, frame in typing if person.user != member.user]

        return frames_for


def _receipts(signals: Sequence[Signal], present: Mapping[str, Person]) -> list[ReadReceipt]:
    """Return the receipt with the highest seq of each person who is in the room."""
    ascending = sorted(
        (signal for signal in signals if isinstance(signal, ReadReceipt)), key=lambda receipt: receipt.seq
    )
    highest = {receipt.person.user: receipt for receipt in ascending}
    return [receipt for user, receipt in highest.items() if user in present]


def _only(page: MemberPage) -> ReadMembers:
    async def read_members(add_members: AddMembers) -> None:
        await add_members(page.members)

    return read_members
