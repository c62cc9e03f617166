"""What moderators may do in a room: ban or mute a user, set slow mode, lock the room."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger

from apigateway.management import ManagementClient
from chat.identity.identity import Person
from chat.membership import Membership
from chat.protocol import frames
from chat.protocol.timestamps import iso
from chat.storage.members import Member
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

MODERATOR = "moderator"  # the role, as a token names it

logger = Logger(child=True)


class Moderation:
    """The acts of moderators. Each is logged with its moderator and its user, and announced to the room."""

    def __init__(
        self,
        membership: Membership,
        rules: RoomRules,
        signals: Signals,
        subscriptions: Subscriptions,
        management: Callable[[], ManagementClient],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._membership = membership
        self._rules = rules
        self._signals = signals
        self._subscriptions = subscriptions
        self._management = management
        self._now = now

    def ban(self, moderator: Person, room: str, user: str, seconds: int) -> str:
        """Ban a user from a room and return the end of the ban; 0 seconds end a ban."""
        until = self._until(seconds)
        self._rules.change(room, lambda rules: replace(rules, banned={**rules.banned, user: until}))
        frame = self._announce(moderator, room, "ban", user=user, seconds=seconds, until=iso(until))
        if seconds:
            self._membership.remove(user, room, notify=lambda member: self._post(member, frame))
            self._subscriptions.unsubscribe(user, room)  # it would go on to show the newest message
        return iso(until)

    def mute(self, moderator: Person, room: str, user: str, seconds: int) -> str:
        """Mute a user in a room and return the end of the mute; 0 seconds end a mute."""
        until = self._until(seconds)
        self._rules.change(room, lambda rules: replace(rules, muted={**rules.muted, user: until}))
        self._announce(moderator, room, "mute", user=user, seconds=seconds, until=iso(until))
        return iso(until)

    def slow_mode(self, moderator: Person, room: str, seconds: int) -> None:
        """Set the seconds that each person waits between two messages; 0 ends slow mode."""
        self._rules.change(room, lambda rules: replace(rules, slow_mode=seconds))
        self._announce(moderator, room, "slow_mode", seconds=seconds)

    def lock(self, moderator: Person, room: str, locked: bool) -> None:
        """Make a room read-only, or open it again."""
        self._rules.change(room, lambda rules: replace(rules, locked=locked))
        self._announce(moderator, room, "lock", locked=locked)

    def _post(self, member: Member, frame: str) -> None:
        """Tell a banned member directly: when the fan-out reads the notice, it is not a member any more."""
        if member.protocol == "v1":
            self._management().post(member.connection_id, frame)

    def _announce(self, moderator: Person, room: str, action: str, **fields: Any) -> str:
        logger.info("moderated", action=action, moderator=moderator.user, room=room, **fields)
        frame = frames.moderated(room, action, moderator.name, **fields)
        frame = frames.with_expires_in(frame, self._now())
        self._signals.notice(room, frame)
        return frame

    def _until(self, seconds: int) -> int:
        return int(self._now()) + seconds
