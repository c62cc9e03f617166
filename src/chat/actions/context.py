"""What an action is given: the sender of the frame, and the parts of the chat to work on."""

from __future__ import annotations

from dataclasses import dataclass

from chat.identity.grants import EVERY_ROOM, Grants
from chat.identity.identity import Identity, Person
from chat.membership import Membership
from chat.moderation import Moderation
from chat.storage.connections import Connections
from chat.storage.log.log import Log
from chat.storage.people.subscriptions import Subscriptions
from chat.storage.people.summaries import Summaries
from chat.storage.rules import RoomRules
from chat.storage.signals import Signals


@dataclass(frozen=True, slots=True)
class Sender:
    """The connection that sent a frame. `room` is the default for a frame that names no room.

    `expires_in` is how many seconds its token lasts; None without a token.
    """

    connection_id: str
    identity: Identity
    room: str
    grants: Grants = Grants.parse(EVERY_ROOM)  # noqa: RUF009 - frozen
    moderator: bool = False
    expires_in: int | None = None

    @property
    def user(self) -> str:
        return self.identity.user

    @property
    def person(self) -> Person:
        return Person(self.identity.user, self.identity.name)


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of the chat that actions work on."""

    connections: Connections
    log: Log
    rules: RoomRules
    signals: Signals
    membership: Membership
    moderation: Moderation
    subscriptions: Subscriptions
    summaries: Summaries
    history_days: int = 90  # after which a message is not shown any more
