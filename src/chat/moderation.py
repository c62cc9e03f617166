"""What moderators do: delete a message, send somebody out, silence somebody, slow a room down, close it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from apigateway.management import ManagementClient
from chat.identity.people import Person
from chat.protocol import frames
from chat.protocol.errors import NotConnected
from chat.storage.connections import Connections
from chat.storage.log import Log
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals

MODERATOR = "moderator"  # the role of those who may

logger = Logger(child=True)


class Moderation:
    """Every act is logged, with who did it and to whom, and told to the room."""

    def __init__(
        self,
        connections: Connections,
        log: Log,
        rules: RoomRules,
        signals: Signals,
        sockets: Callable[[], ManagementClient],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._log = log
        self._rules = rules
        self._signals = signals
        self._sockets = sockets
        self._now = now

    def delete(self, by: Person, room: str, seq: int) -> bool:
        """Takes a message's text away; its place in the log stays. False where there is no message."""
        entry = self._log.delete(room, seq)
        if entry is None:
            return False
        assert entry.message is not None
        logger.info(
            "moderated", action="delete", moderator=by.user, room=room, seq=seq, user=entry.message.user
        )
        self._signals.notice(room, frames.changed(room, [entry]))
        return True

    def ban(self, by: Person, room: str, user: str, seconds: int) -> str:
        """Sends a user out of a room for so long, and says until when; 0 lets the user in again."""
        until = self._until(seconds)
        self._rules.change(room, lambda rules: replace(rules, banned={**rules.banned, user: until}))
        frame = self._tell(by, room, "ban", user=user, seconds=seconds, until=_iso(until))
        if seconds:
            for connection_id in self._connections.ids_of_user(user):
                self._put_out(connection_id, room, frame)
        return _iso(until)

    def mute(self, by: Person, room: str, user: str, seconds: int) -> str:
        """Keeps a user from writing in a room for so long, and says until when; 0 ends it."""
        until = self._until(seconds)
        self._rules.change(room, lambda rules: replace(rules, muted={**rules.muted, user: until}))
        self._tell(by, room, "mute", user=user, seconds=seconds, until=_iso(until))
        return _iso(until)

    def slow_mode(self, by: Person, room: str, seconds: int) -> None:
        """Has everybody wait so long between two messages; 0 ends it."""
        self._rules.change(room, lambda rules: replace(rules, slow_mode=seconds))
        self._tell(by, room, "slow_mode", seconds=seconds)

    def lock(self, by: Person, room: str, locked: bool) -> None:
        """Closes a room to everybody's writing, or opens it again."""
        self._rules.change(room, lambda rules: replace(rules, locked=locked))
        self._tell(by, room, "lock", locked=locked)

    def _put_out(self, connection_id: str, room: str, frame: str) -> None:
        """Takes a connection out of a room, after telling it why: the room's signal would come too late."""
        try:
            member = self._connections.member(connection_id, room)
            if member is None:
                return
            if member.protocol == "v1":
                self._sockets().post(connection_id, frame)
            self._connections.leave(connection_id, room)
        except NotConnected:
            return  # gone by itself
        self._signals.presence_changed(room, Person(member.user, member.name))

    def _tell(self, by: Person, room: str, action: str, **what: Any) -> str:
        logger.info("moderated", action=action, moderator=by.user, room=room, **what)
        frame = frames.moderated(room, action, by.name, **what)
        self._signals.notice(room, frame)
        return frame

    def _until(self, seconds: int) -> int:
        return int(self._now()) + seconds


def _iso(until: int) -> str:
    return datetime.fromtimestamp(until, UTC).isoformat().replace("+00:00", "Z")
